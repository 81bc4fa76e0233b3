"""Measurements of an aligned beat in twelve leads: what a physician measures, and what sums it up.

Amplitudes are in mV, times in ms. They are numbers for a model: QRS by the spatial velocity comes
out shorter than by hand, and nothing here is printed as an interval.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from einthoven.record.leads import STANDARD
from einthoven.signal._measure_leads import NAMES, levelled, per_lead
from einthoven.signal._measure_marks import MS, Marks, marks
from einthoven.signal.aligned_beat import AlignedBeat

Floats = npt.NDArray[np.float32]

_I, _II, _III, _AVR, _AVL, _AVF, _V1, _V2, _V3, _V4, _V5, _V6 = range(12)
GROUPS = {
    "inferior": (_II, _III, _AVF),
    "lateral": (_I, _AVL, _V5, _V6),
    "anterior": (_V1, _V2, _V3, _V4),
}
_OF_GROUPS = (
    "r",
    "q",
    "s",
    "q_to_r",
    "q_width",
    "j",
    "j60",
    "t_at_peak",
    "t_max",
    "t_min",
    "t_to_qrs",
    "at_20",
    "at_40",
)
_PLACES = [NAMES.index(name) for name in _OF_GROUPS]
_WHOLE = (
    "rate", "rr_spread", "rr_steps", "rr_shortest", "rr_longest", "odd_beats", "likeness", "qrs",
    "qrs_fine", "pr", "p_width", "p_to_r", "qt", "qtc", "t_peak_time", "qrs_axis", "t_axis",
    "p_axis", "qrs_t_frontal", "qrs_t_space", "sokolow_lyon", "cornell", "cornell_product", "lewis",
    "voltage_limb", "voltage_chest", "r_progression", "transition", "q_count", "t_inverted",
    "st_up", "st_down", "r_v1_share", "r_v6_minus_v5", "t_v1_minus_v6", "qrs_loop", "t_complexity",
    "qrs_complexity", "fragmented", "p_size",
)  # fmt: skip


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the names of the numbers, in order: ``"V2 r"``, ``"inferior q mean"``, ``"qrs"``."""
    own = [f"{lead} {name}" for lead in STANDARD for name in NAMES]
    joint = [
        f"{group} {name} {how}"
        for group in GROUPS
        for name in _OF_GROUPS
        for how in ("mean", "max")
    ]
    return (*own, *joint, *_WHOLE)


def measure(beat: AlignedBeat, rr: npt.NDArray[np.float64]) -> Floats:
    """Return (number,) float32 what `names` says.

    Parameters
    ----------
    beat : in the twelve standard leads, in the order of `record.leads.STANDARD`.
    rr : (interval,) seconds between the R peaks of the stretch.
    """
    usual = float(np.median(rr)) if len(rr) else 0.8
    found = marks(beat.signal, usual)
    flat = levelled(beat.signal, found)
    own = per_lead(beat, flat, found)
    column = {name: own[:, k] for k, name in enumerate(NAMES)}
    some = own[:, _PLACES]
    joint = [np.stack([some[list(group)].mean(axis=0), some[list(group)].max(axis=0)], axis=1)
             for group in GROUPS.values()]  # fmt: skip
    whole = _whole(beat, flat, found, column, rr, usual)
    measured: Floats = np.concatenate([own.ravel(), np.ravel(joint), whole]).astype(np.float32)
    return measured


def _axis(i: float, avf: float) -> float:
    """Return the frontal axis in degrees from lead I and aVF (aVF of the same scale as I)."""
    return float(np.degrees(np.arctan2(avf * 2 / np.sqrt(3), i)))


def _between(a: Floats, b: Floats) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b)) + 1e-9
    return float(np.degrees(np.arccos(np.clip(float(a @ b) / size, -1, 1))))


def _rest_of_two(part: Floats) -> float:
    """Return the share of the energy that two directions do not hold."""
    values = np.linalg.eigvalsh(part @ part.T)
    return float(1 - values[-2:].sum() / (values.sum() + 1e-9))


def _whole(
    beat: AlignedBeat, flat: Floats, found: Marks, column: dict[str, Floats],
    rr: npt.NDArray[np.float64], usual: float,
) -> list[float]:  # fmt: skip
    on, off = found.onset, found.offset
    qrs_part, t_part = flat[:, on : off + 1], flat[:, off + 24 : found.t_end + 1]
    area, t_area = column["qrs_mean"], column["t_mean"]
    r, s, q, j60 = column["r"], column["s"], column["q"], column["j60"]
    deep = np.maximum(q, s)
    width = (off - on) * MS
    cornell = float(r[_AVL] + deep[_V3])
    share = r[_V1:] / (r[_V1:] + deep[_V1:] + 1e-3)
    over = np.flatnonzero(share > 0.5)
    qt = (found.t_end - on) * MS
    qrs_axis, t_axis = _axis(area[_I], area[_AVF]), _axis(t_area[_I], t_area[_AVF])
    p = column["p_mean"]
    limb = np.array([_I, _II, _III, _AVL, _AVF, _V3, _V4, _V5, _V6])
    eight = [_I, _II, _V1, _V2, _V3, _V4, _V5, _V6]
    peak = flat[eight, on + int(np.abs(qrs_part).sum(axis=0).argmax())]
    steps = np.abs(np.diff(rr)) if len(rr) > 1 else np.zeros(1)
    spread = rr if len(rr) else np.array([usual])
    return [
        60 / usual, float(spread.std() / usual), float(steps.mean() / usual),
        float(spread.min() / usual), float(spread.max() / usual), float(1 - beat.kept.mean()),
        float(beat.likeness.mean()), width, (found.late - found.early) * MS,
        (on - found.p_start) * MS, (found.p_end - found.p_start) * MS, (on - found.p_peak) * MS,
        qt, qt / usual ** (1 / 3), (found.t_peak - on) * MS, qrs_axis, t_axis,
        _axis(p[_I], p[_AVF]), abs((qrs_axis - t_axis + 180) % 360 - 180),
        _between(area[eight], t_area[eight]), float(deep[_V1] + max(r[_V5], r[_V6])), cornell,
        cornell * width, float(r[_I] - r[_III] + deep[_III] - deep[_I]),
        float((r + deep)[:6].max()), float((r + deep)[6:].max()),
        float(np.polyfit(np.arange(4), r[_V1 : _V5], 1)[0]), float(over[0]) if len(over) else 6.0,
        float((column["q_width"][limb] > 25).sum()),
        float((column["t_at_peak"][limb] < -0.05).sum()),
        float((j60 > 0.1).sum()), float((j60 < -0.05).sum()), float(share[0]),
        float(r[_V6] - r[_V5]), float(column["t_at_peak"][_V1] - column["t_at_peak"][_V6]),
        float(np.abs(peak).sum()), _rest_of_two(t_part[eight]), _rest_of_two(qrs_part[eight]),
        float((column["notches"] > 4).sum()), float(np.abs(p).sum()),
    ]  # fmt: skip
