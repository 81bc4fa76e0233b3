"""What is measured in each lead of an aligned beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.signal._measure_marks import MS, Marks
from einthoven.signal.aligned_beat import AlignedBeat

Floats = npt.NDArray[np.float32]

# What each number is, in the order of `per_lead`. mV, ms, or a ratio.
NAMES = (
    "r", "q", "s", "r2", "s2", "r_time", "q_width", "r_width", "q_to_r", "r_to_s", "qrs_mean",
    "qrs_size", "slope_up", "slope_down", "at_10", "at_20", "at_30", "at_40", "at_60", "turns",
    "notches", "j", "j40", "j60", "j80", "st_slope", "st_bend", "t_max", "t_min", "t_at_peak",
    "t_mean", "t_to_qrs", "t_lean", "p_max", "p_min", "p_mean", "p_end_mean", "pr_level",
    "noise", "spread_qrs",
)  # fmt: skip
_Q = 0.03  # mV below the level before QRS that count as a Q
_SMALL = 0.02  # mV between two turns that are no noise
_RATIO = 20.0  # ratios end here


def levelled(signal: Floats, marks: Marks) -> Floats:
    """Return the beat less its mean from 40 to 10 ms before QRS."""
    part = signal[:, max(0, marks.onset - 16) : max(1, marks.onset - 4)]
    flat: Floats = signal - part.mean(axis=1, keepdims=True)
    return flat


def _ratio(above: Floats, below: Floats) -> Floats:
    found: Floats = np.clip(above / np.maximum(below, 0.01), -_RATIO, _RATIO)
    return found


def _at(beat: Floats, place: int) -> Floats:
    """Return (lead,) mV around a sample, the mean of three."""
    place = min(max(place, 1), beat.shape[1] - 2)
    mean: Floats = beat[:, place - 1 : place + 2].mean(axis=1)
    return mean


def _turns(part: Floats) -> tuple[Floats, Floats]:
    """Return (lead,) turning points of the signal, and of its slope: notches and slurs."""
    steps = part[:, 2:] - part[:, :-2]
    steps = np.where(np.abs(steps) < _SMALL, 0, steps)
    bends = np.diff(part, 2, axis=1)
    bends = np.where(np.abs(bends) < _SMALL / 4, 0, bends)
    return _changes(steps), _changes(bends)


def _changes(values: Floats) -> Floats:
    """Return (lead,) how often the sign changes, zeros passed over."""
    sign = np.sign(values)
    # The last sign that is not zero, carried on.
    place = np.where(sign != 0, np.arange(sign.shape[1]), 0)
    carried = np.take_along_axis(sign, np.maximum.accumulate(place, axis=1), axis=1)
    count: Floats = (carried[:, 1:] * carried[:, :-1] < 0).sum(axis=1).astype(np.float32)
    return count


def per_lead(found: AlignedBeat, beat: Floats, marks: Marks) -> Floats:
    """Return (lead, number) what `NAMES` says.

    Parameters
    ----------
    found : the aligned beat, for its noise.
    beat : (lead, time) it, `levelled`.
    marks : where its waves are.
    """
    on, off = marks.onset, marks.offset
    part = beat[:, on : off + 1]
    time = np.arange(part.shape[1])
    up, down = np.maximum(part, 0), np.maximum(-part, 0)
    top = up.argmax(axis=1)
    r = up.max(axis=1)
    first, after = time < top[:, None], time > top[:, None]
    q = np.where(first, down, 0).max(axis=1)
    s_all = np.where(after, down, 0)
    s = s_all.max(axis=1)
    # A second positive wave: behind the deepest point, or before it, whichever R is not.
    low = down.argmax(axis=1)
    behind = np.where(time > low[:, None], up, 0).max(axis=1)
    ahead = np.where(time < low[:, None], up, 0).max(axis=1)
    r2 = np.minimum(behind, ahead)
    s2 = np.minimum(q, s)
    q_width = (first & (part < -_Q)).sum(axis=1) * MS
    r_width = (part > 0.5 * r[:, None]).sum(axis=1) * MS
    steps = beat[:, on + 2 : off + 3] - beat[:, on - 2 : off - 1]
    turns, notches = _turns(beat[:, on - 2 : off + 4])
    j = [_at(beat, off + k) for k in (0, 16, 24, 32)]
    repolarising = beat[:, off + 24 : marks.t_end + 1]
    t_max, t_min = repolarising.max(axis=1), repolarising.min(axis=1)
    t_peak = _at(beat, marks.t_peak)
    weight = np.abs(repolarising) + 1e-4
    centre = (weight * np.linspace(-1, 1, weight.shape[1])).sum(axis=1) / weight.sum(axis=1)
    size = np.abs(part).max(axis=1)
    atrial = beat[:, marks.p_start : marks.p_end + 1]
    atrial = atrial - np.minimum(_at(beat, marks.p_start), _at(beat, marks.p_end))[:, None]
    whole_p, late_p = (beat[:, at : marks.p_end + 1] for at in (marks.p_start, marks.p_peak))
    rest = slice(marks.t_end if marks.t_end < 350 else -16, None)
    columns = [
        r, q, s, r2, s2, top * MS, q_width, r_width, _ratio(q, r), _ratio(r, s),
        part.mean(axis=1), np.abs(part).mean(axis=1), steps.max(axis=1), steps.min(axis=1),
        *(_at(beat, on + k) for k in (4, 8, 12, 16, 24)), turns, notches,
        *j, j[3] - j[0], j[1] - (j[0] + j[3]) / 2, t_max, t_min, t_peak,
        repolarising.mean(axis=1), _ratio(t_peak, size), centre,
        atrial.max(axis=1), atrial.min(axis=1), whole_p.mean(axis=1),
        late_p.mean(axis=1), _at(beat, (marks.p_end + on) // 2),
        found.spread[:, rest].mean(axis=1), found.spread[:, on : off + 1].mean(axis=1),
    ]  # fmt: skip
    assert len(columns) == len(NAMES)
    return np.stack(columns, axis=1).astype(np.float32)
