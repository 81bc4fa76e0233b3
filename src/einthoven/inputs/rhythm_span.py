"""A span of one lead as the rhythm model eats it, and the model's answer.

A span is a record of 9 to 61 s, or 30 s of a longer one. The network of the model sees windows of
half a minute at 100 Hz; its trees see numbers that describe the span (`signal.rhythm`) and what the
network said. Neither is told how long the span is or how many beats it has: in the data that the
model learnt from both say more of how a record was collected than of its rhythm.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle
from einthoven.record.errors import UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.signal.filters import fill_gaps
from einthoven.signal.resample import resample
from einthoven.signal.rhythm import RATE as GRID
from einthoven.signal.rhythm import describe

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SHORTEST, LONGEST = 9.0, 61.0  # seconds of a record that is one span
SPAN = 30.0  # seconds of a span of a longer record; they begin at multiples of it

_HOP = 10  # seconds between windows of a span that is longer than one
_BAND = (0.5, 45.0)  # Hz
_LOUD = 97  # percentile of |x| that becomes 1
_CLIP = 6.0
_RAMP = 0.1  # seconds over which a gap leads to the sample after it


@cache
def _band_pass() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the sections of the band pass and the state in which each knows nothing but 1."""
    from scipy.signal import butter, sosfilt_zi

    sos = butter(3, _BAND, "bandpass", fs=GRID, output="sos")
    return sos, sosfilt_zi(sos)


def _without_shift(x: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    """Return (time,) through the band pass forwards and backwards, as scipy's `sosfiltfilt`.

    That one solves for the state anew at every call.
    """
    from scipy.signal import sosfilt

    sos, state = _band_pass()
    if reach:
        x = np.concatenate([2 * x[0] - x[reach:0:-1], x, 2 * x[-1] - x[-2 : -reach - 2 : -1]])
    for _ in range(2):
        x = sosfilt(sos, x, zi=state * x[0])[0][::-1]
    return x[reach : len(x) - reach]


def prepare(signal: Floats, rate: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return a lead at `GRID` Hz from 0.5 to 45 Hz, mV, and where it is known.

    Parameters
    ----------
    signal : (time,) mV, NaN where missing.
    rate : Hz.
    """
    nothing = np.full(1, np.nan, np.float32)
    filled, missing = fill_gaps(signal[None], nothing, round(_RAMP * rate))
    even = resample(filled, rate, GRID)[0]
    at = np.minimum(np.rint(np.arange(len(even)) * rate / GRID), len(signal) - 1)
    known = ~missing[0][at.astype(np.int64)]
    reach = min(3 * GRID, len(even) - 1)
    clean = _without_shift(even.astype(np.float64), reach).astype(np.float32)
    return np.where(known, clean, np.float32(0)), known


def network_lead(clean: Floats, known: npt.NDArray[np.bool_], rate: float) -> Floats:
    """Return (2, time) what windows are cut from: the lead to its own scale, and where it is known.

    Parameters
    ----------
    clean, known : (time,) as `prepare` gives them.
    rate : Hz to return it at.
    """
    lead = resample(clean[None], GRID, rate)[0]
    there = known[np.minimum(np.arange(len(lead)) * round(GRID / rate), len(known) - 1)]
    size = float(np.percentile(np.abs(lead[there]), _LOUD)) if there.any() else 0.0
    scaled = np.clip(lead / max(size, 1e-6), -_CLIP, _CLIP)
    return np.stack([np.where(there, scaled, 0), there]).astype(np.float32)


def windows_of(lead: Floats, rate: float, seconds: float) -> Floats:
    """Return (window, 2, time): windows of a lead (2, time), 10 s apart, the last at its end.

    A shorter lead fills the beginning of its only window; the rest is not known.
    """
    size, hop = round(seconds * rate), round(_HOP * rate)
    time = lead.shape[1]
    if time <= size:
        return np.pad(lead, ((0, 0), (0, size - time)))[None]
    starts = [*range(0, time - size, hop), time - size]
    return np.stack([lead[:, s : s + size] for s in starts])


def rhythm_inputs(
    signal: Floats, rate: float, peaks: Ints, spec: InputSpec
) -> tuple[Floats, Floats]:
    """Return what the rhythm model eats of one span.

    Parameters
    ----------
    signal : (time,) mV, NaN where missing; any length, made for 9 to 61 s.
    rate : Hz.
    peaks : (beat,) R peaks in it, samples from its begin, ascending; maybe none.
    spec : of kind ``rhythm``.

    Returns
    -------
    window : (window, 2, time) the lead at ``spec.rate`` to its own scale, and 1 where it is known.
    side : (window, number) what describes the span (`signal.rhythm`), the same for each window.

    Raises
    ------
    UsageError : the spec is of another kind, or there is no signal.
    """
    lead, side = span_inputs(signal, rate, peaks, spec)
    window = windows_of(lead, spec.rate, spec.window[1])
    return window, np.tile(side, (len(window), 1))


def span_inputs(signal: Floats, rate: float, peaks: Ints, spec: InputSpec) -> tuple[Floats, Floats]:
    """Return what `rhythm_inputs` cuts into windows, (2, time), and the numbers (number,).

    Raises
    ------
    UsageError : the spec is of another kind, or there is no signal.
    """
    if spec.kind != "rhythm" or spec.version != 1:
        fault = f"is {spec.kind!r} of version {spec.version}"
        raise UsageError("input.kind", fault, "Use a model of rhythm made for this version")
    if not len(signal):
        raise UsageError("rhythm", "there is no signal", "Give a span of 9 seconds or more")
    clean, known = prepare(np.asarray(signal, np.float32), rate)
    side = describe(clean, known, np.asarray(peaks, np.float64) / rate)
    return network_lead(clean, known, spec.rate), side


def answer(bundle: Bundle, signal: Floats, rate: float, peaks: Ints) -> Floats:
    """Return (class,) the probability of each rhythm of ``bundle.card.classes`` in one span.

    Of a span longer than a window the logits of its windows are averaged.

    Parameters
    ----------
    bundle : of task ``rhythm``.
    signal, rate, peaks : as of `rhythm_inputs`.
    """
    window, side = rhythm_inputs(signal, rate, peaks, bundle.card.stages[0].input)
    logits = bundle.run({"window": window, "side": side}).astype(np.float64).mean(axis=0)
    logits /= bundle.card.temperature
    p = np.exp(logits - logits.max())
    found: Floats = (p / p.sum()).astype(np.float32)
    return found
