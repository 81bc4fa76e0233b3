"""Fit the weights that join the leads: a logistic regression on what the leads say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.corpora import open_corpus
from einthoven.signal import _peaks_front as front
from einthoven.signal._peaks_join import MEMORY, NAMES, gather
from einthoven.signal.noise import mix
from einthoven.signal.peaks import describe_candidates, nearest
from einthoven.training._peak_sets import NOISES, beats_and_flutter, noise_halves

Pair = tuple[nn.Module, Sequence[str]]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def judged(net: nn.Module, signal: Floats, rate: float) -> tuple[float, Ints, Floats]:
    """Return step, joint candidates on the grid, and their logits (candidate, lead), NaN absent."""
    step, leads = describe_candidates(signal, rate)
    # The strength of a candidate is the first of the seven logarithms, envelope over level.
    strengths = {k: (s, np.exp(f[:, -7])) for k, (s, f) in enumerate(leads)}
    samples, _ = front.alone(strengths, -1, 1 << 40)
    logits = np.full((len(samples), len(leads)), np.nan, np.float32)
    places = np.zeros_like(logits)
    for k, (at, features) in enumerate(leads):
        with torch.no_grad():
            z = net(torch.from_numpy(features)).numpy()[:, 0]
        nearest(samples, at, z, at.astype(np.float32), logits[:, k], places[:, k])
    return step, samples, logits


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


def fit_join(pairs: Sequence[Pair], corpus: str, seed: int) -> dict[str, float]:
    """Return the weights by name, fitted on all leads of the records with two or more.

    Parameters
    ----------
    pairs : nets, each with records that it has not seen: on records it has, the second lead would
        be trusted as it never can be in use.
    """
    rng = np.random.default_rng(2000 + seed)
    data, labels, weights = [], [], []
    opened = open_corpus(corpus)
    noises = noise_halves("second")
    for net, name in [(net, name) for net, records in pairs for name in records]:
        record = opened.open(name).record()
        marks = record.annotations
        if marks is None or len(record.leads) < 2:
            continue
        beats, flutter = beats_and_flutter(marks)
        for k, x in enumerate(_variants(record.signal, beats, noises, rng)):
            step, samples, logits = judged(net, x, record.rate)
            padded = np.concatenate([np.full((MEMORY, len(x)), np.nan, np.float32), logits])
            label = np.zeros(len(samples), np.float32)
            at = beats / step
            pick = np.clip(np.searchsorted(samples, at), 1, len(samples) - 1)
            pick -= np.abs(samples[pick - 1] - at) <= np.abs(samples[pick] - at)
            label[pick[np.abs(samples[pick] - at) <= front.NEAR]] = 1
            keep = np.ones(len(samples), np.bool_)
            for a, b in flutter:
                keep &= (samples * step < a) | (samples * step > b)
            data.append(gather(padded)[keep])
            labels.append(label[keep])
            weights.append(np.full(int(keep.sum()), 1.0 if k == 0 else 0.25, np.float32))
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
