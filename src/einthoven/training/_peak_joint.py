"""Fit the weights that join the leads: a logistic regression on what the leads say together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.corpora.nstdb import NOISES
from einthoven.record import Record
from einthoven.signal import _peaks_front as front
from einthoven.signal._peaks_join import MEMORY, NAMES, gather, nearest
from einthoven.signal.noise import mix
from einthoven.signal.peaks import describe_candidates
from einthoven.training._peak_sets import beats_and_flutter

Pair = tuple[nn.Module, Sequence[str]]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Described:
    """All leads of one recording as the nets are asked about them, before any net has answered.

    Attributes
    ----------
    leads : for each lead (candidate,) grid samples and (candidate, feature) numbers.
    samples : (joint,) joint candidates, grid samples.
    labels : (joint,) 1 where one is a beat.
    keep : (joint,) false in flutter.
    weight : of each candidate.
    """

    leads: list[tuple[Ints, Floats]]
    samples: Ints
    labels: Floats
    keep: npt.NDArray[np.bool_]
    weight: float


Describe = Callable[[str], Sequence[Described]]


def judged(net: nn.Module, described: Described) -> Floats:
    """Return (joint, lead) the logits of the joint candidates, NaN where a lead has none."""
    logits = np.full((len(described.samples), len(described.leads)), np.nan, np.float32)
    places = np.zeros_like(logits)
    for k, (at, features) in enumerate(described.leads):
        with torch.no_grad():
            z = net(torch.from_numpy(features)).numpy()[:, 0]
        nearest(described.samples, at, z, at.astype(np.float32), logits[:, k], places[:, k])
    return logits


def _variants(
    x: Floats, beats: Ints, noises: Mapping[str, Floats], rng: np.random.Generator
) -> list[Floats]:
    """Return the leads as they are, and with one of them disturbed or dead for minutes."""
    n = x.shape[1]
    out = [x]
    for lead in range(len(x)):
        where = (np.arange(n) // (90 * 360) + lead) % 2 == 0
        y = x.copy()
        wave = noises[str(rng.choice(NOISES))]
        y[lead : lead + 1] = mix(
            x[lead : lead + 1], wave[:1], 360.0, float(rng.uniform(-6, 9)), snr="nst",
            beats=beats, where=where,
        )  # fmt: skip
        out.append(y)
        y = x.copy()
        y[lead, where] = rng.standard_normal(int(where.sum())) * rng.choice([0.0, 0.005])
        out.append(y)
    return out


def describe(
    record: Record, noises: Mapping[str, Floats], rng: np.random.Generator
) -> list[Described]:
    """Return the record's variants; none where it has one lead or no reference beats."""
    marks = record.annotations
    if marks is None or len(record.leads) < 2:
        return []
    beats, flutter = beats_and_flutter(marks)
    out = []
    for k, x in enumerate(_variants(record.signal, beats, noises, rng)):
        step, leads = describe_candidates(x, record.rate)
        # The strength of a candidate is the first of the seven logarithms, envelope over level.
        strengths = {i: (s, np.exp(f[:, -7])) for i, (s, f) in enumerate(leads)}
        samples, _ = front.alone(strengths, -1, 1 << 40)
        label = np.zeros(len(samples), np.float32)
        at = beats / step
        pick = np.clip(np.searchsorted(samples, at), 1, len(samples) - 1)
        pick -= np.abs(samples[pick - 1] - at) <= np.abs(samples[pick] - at)
        label[pick[np.abs(samples[pick] - at) <= front.NEAR]] = 1
        keep = np.ones(len(samples), np.bool_)
        for a, b in flutter:
            keep &= (samples * step < a) | (samples * step > b)
        weight = 1.0 if k == 0 else 0.25
        out.append(Described(leads=leads, samples=samples, labels=label, keep=keep, weight=weight))
    return out


def fit_join(pairs: Sequence[Pair], describe_record: Describe) -> dict[str, float]:
    """Return the weights by name, fitted on all leads of the records with two or more.

    Parameters
    ----------
    pairs : nets, each with records that it has not seen: on records it has, the second lead would
        be trusted as it never can be in use.
    describe_record : what `describe` makes of the record of a name.
    """
    data, labels, weights = [], [], []
    for net, name in [(net, name) for net, records in pairs for name in records]:
        for one in describe_record(name):
            logits = judged(net, one)
            nothing = np.full((MEMORY, logits.shape[1]), np.nan, np.float32)
            data.append(gather(np.concatenate([nothing, logits]))[one.keep])
            labels.append(one.labels[one.keep])
            weights.append(np.full(int(one.keep.sum()), one.weight, np.float32))
    return _logistic(np.concatenate(data), np.concatenate(labels), np.concatenate(weights))


def _logistic(x: Floats, label: Floats, weight: Floats) -> dict[str, float]:
    a, y, w = (torch.from_numpy(v).double() for v in (x, label, weight))
    coefficients = torch.zeros(len(NAMES) + 1, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([coefficients], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        z = a @ coefficients[:-1] + coefficients[-1]
        loss = nn.functional.binary_cross_entropy_with_logits(z, y, weight=w)
        loss = loss + 1e-4 * coefficients[:-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    values = coefficients.detach().tolist()
    return dict(zip((*NAMES, "bias"), values, strict=True))
