"""Teach the second look at boundaries: from what the net of the waves finds to what was marked.

It learns from the very records that the net learnt from, where the net errs less than elsewhere.
So each boundary is put a little off by chance, and looked at there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.corpora.ludb import Ludb
from einthoven.evaluation.delineation import KINDS, SIDES, TOLERANCE, match
from einthoven.models.edgenet import EdgeNet
from einthoven.record import Record
from einthoven.signal._waves_edges import BOUNDARIES, POINTS, SIDE, STEPS, looks
from einthoven.signal._waves_front import GRID, despiked
from einthoven.signal.peaks import find_peaks
from einthoven.signal.resample import resample
from einthoven.signal.waves import Net, Waves, WaveStream

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES = tuple(f"{KINDS[kind - 1]} {SIDES[side]}" for kind, side in BOUNDARIES)
_BLOCK = 10.0  # seconds, as the engine has them in review
_OFF = 3.0  # grid samples, deviation of the chance that is put on a boundary
_STRETCH = 0.1  # time is multiplied by exp of a normal number of that deviation
_NOISE = 0.03  # largest deviation of white noise, of the range of a window
_BATCH, _RATE, _DECAY, _WARM = 512, 2e-3, 1e-2, 0.1
_STEP = np.array([STEPS[kind] for kind, _ in BOUNDARIES])


@dataclass(frozen=True, kw_only=True, eq=False)
class Guesses:
    """Found boundaries that have a marked one.

    Attributes
    ----------
    y : (lead, time) mV at 250 Hz, the leads of all records.
    row, which : (item,) the lead, and the index into `BOUNDARIES`.
    at, peak : (item,) grid samples of the boundary and of the peak of its wave.
    off : (item,) grid samples that the boundary lies further outward than the marked one.
    """

    y: Floats
    row: Ints
    which: Ints
    at: Doubles
    peak: Doubles
    off: Doubles


def guesses(corpus: Ludb, records: Sequence[str], net: Net) -> Guesses:
    """Return what a net, without a second look, finds in the records' leads together."""
    signals: list[Floats] = []
    rows, above = [], 0
    for name in records:
        plain = corpus.open(name).record()
        record = Record(signal=plain.signal, rate=plain.rate, leads=plain.leads, name=name)
        found = _found(record, net)
        for lead, marks in enumerate(corpus.marks(name)):
            of = found.where(found.lead == lead)
            for which, (kind, side) in enumerate(BOUNDARIES):
                own, mine = of.kind == KINDS[kind - 1], marks.kinds == KINDS[kind - 1]
                at = (of.onset, of.offset)[side][own]
                wanted = (marks.onsets, marks.offsets)[side][mine]
                there, wanted = at >= 0, wanted[wanted >= 0]
                left, right = match(wanted, at[there], TOLERANCE * record.rate)
                away = (at[there][right] - wanted[left]) * (2 * side - 1)
                columns = at[there][right], of.peak[own][there][right], away
                row = above + lead
                rows += [(row, which, *v) for v in zip(*(c.tolist() for c in columns), strict=True)]
        above += len(record.leads)
        signals.append(resample(despiked(record.signal, record.rate), record.rate, GRID))
    table = np.array(rows, np.float64).reshape(-1, 5)
    scale = GRID / record.rate
    return Guesses(
        y=np.concatenate(signals), row=table[:, 0].astype(np.int64),
        which=table[:, 1].astype(np.int64), at=table[:, 2] * scale, peak=table[:, 3] * scale,
        off=table[:, 4] * scale,
    )  # fmt: skip


def _found(record: Record, net: Net) -> Waves:
    peaks = find_peaks(record.signal, record.rate, record.leads).samples
    stream = WaveStream(record.rate, record.leads, _BLOCK, net)
    tables = stream.push(record.signal, peaks, record.samples) + stream.flush(peaks[:0])
    return Waves.joined(tables)


def fit(data: Guesses, epochs: int, seed: int) -> EdgeNet:
    """Return a net that moves found boundaries to marked ones, each look by least squares."""
    torch.manual_seed(seed)
    net = EdgeNet(POINTS, SIDE).train()
    for k, look in enumerate(net.looks):
        _learn(look, data, epochs, np.random.default_rng([seed, 11, k]))
    return net.eval()


def _learn(net: nn.Module, data: Guesses, epochs: int, rng: np.random.Generator) -> None:
    optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
    count = len(data.at)
    batches = math.ceil(count / _BATCH)
    for epoch in range(epochs):
        order = rng.permutation(count)
        for batch in range(batches):
            share = (epoch * batches + batch + 1) / (epochs * batches)
            for group in optimiser.param_groups:
                group["lr"] = _RATE * min(share / _WARM, (1 + math.cos(math.pi * share)) / 2)
            window, side, shift = _drawn(data, order[batch * _BATCH : (batch + 1) * _BATCH], rng)
            error = net(torch.from_numpy(window), torch.from_numpy(side))[:, 0]
            loss = (error - torch.from_numpy(shift)).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()


def _drawn(data: Guesses, at: Ints, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return windows, numbers and the shifts wanted (item,), looked at a little off, in noise."""
    which, outward = data.which[at], np.where(data.which[at] % 2 == 0, -1, 1)
    pace = np.exp(rng.normal(0, _STRETCH, len(at)))
    off = rng.normal(0, _OFF, len(at)) * pace
    window, side = looks(
        data.y, data.row[at], data.at[at] + off * outward, data.peak[at], which, pace
    )
    noise = rng.uniform(0, _NOISE, len(at)) / (side[:, -1] + _NOISE)
    window += (noise[:, None, None] * rng.standard_normal(window.shape)).astype(np.float32)
    shift = -(data.off[at] + off) / (pace * _STEP[which])
    return window, side, shift.astype(np.float32)


def judged(net: EdgeNet, data: Guesses) -> dict[str, dict[str, float]]:
    """Return, by boundary, the deviation of the errors before and after a second look, ms."""
    window, side = looks(data.y, data.row, data.at, data.peak, data.which)
    with torch.no_grad():
        shift = net(torch.from_numpy(window), torch.from_numpy(side))[:, 0].numpy()
    out = {}
    for which, name in enumerate(NAMES):
        at = data.which == which
        if at.any():
            errors = data.off[at], data.off[at] + shift[at] * _STEP[which]
            before, after = (1000 * float(np.std(e)) / GRID for e in errors)
            out[name] = {"found": round(before, 2), "moved": round(after, 2)}
    return out
