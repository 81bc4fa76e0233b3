"""The frontal axes of P, QRS and T, and whether the limb leads fit together at all.

The axis is the angle of the net area, atan2(2/√3 aVF, I), 0° to the left, +90° to the feet. The
factor makes up for the weaker augmented lead (Novosel, Noll, Lüscher 1999, Croat Med J 40:77). If
aVF or I is not there, it follows from two of I, II, III by Einthoven's law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from einthoven.record.leads import LIMBS
from einthoven.signal._beat_waves import QRS, P, T
from einthoven.signal._value import Value, refused
from einthoven.signal.median_beat import FEWEST, MedianBeats

Float = npt.NDArray[np.float64]

UNSCALED = (
    "the limb leads do not add up (II is not I + III), so their gains or their names are wrong"
)
# Sums that are zero in limb leads of one gain.
_LAWS = (
    {"I": 1, "II": -1, "III": 1}, {"aVF": 1, "II": -1, "I": 0.5}, {"aVL": 1, "I": -1, "II": 0.5},
    {"aVR": 1, "I": 0.5, "II": 0.5}, {"aVF": 1, "II": -0.5, "III": -0.5},
)  # fmt: skip
# Share by which limb leads may miss those sums. 180 recordings of PTB-XL and CinC 2021 miss them by
# 0.014 at most, LUDB's training records, each lead of which was scaled by itself, by 0.11 at least.
_APART = 0.10
_FLAT = 0.001  # mV; a lead that moves less takes no part
_SMALL = 0.02  # mV; smaller vectors have no direction


def axis(lead_i: float, avf: float) -> float:
    """Return the frontal axis in degrees, (-180, 180], from net deflections of I and aVF."""
    degrees = float(np.degrees(np.arctan2(2 / np.sqrt(3) * avf, lead_i)))
    return 180.0 if degrees == -180 else degrees


def disagreement(beats: npt.NDArray[np.floating], leads: Sequence[str]) -> float:
    """Return how far the limb leads are from Einthoven's and Goldberger's laws: 0 where they hold.

    Of ``II = I + III`` and those of the augmented leads the worst, as a share (root mean square) of
    the largest lead in it; 0 too where no law can be tried. Files whose leads were each scaled
    by itself (LUDB's, to 1 mV from top to bottom) are far off, and so are exchanged names.

    Parameters
    ----------
    beats : (beat, lead, time) mV, not finite where missing. The median of what each misses the laws
        by counts, so that a lead which is lost in fewer than half of them contradicts nobody.
    leads : a name for each lead.
    """
    rows = [row for row, name in enumerate(leads) if name in LIMBS]
    have = [leads[row] for row in rows]
    laws = np.array([[law.get(name, 0) for name in have]
                     for law in _LAWS if set(law) <= set(have)])  # fmt: skip
    if not len(laws) or not len(beats):
        return 0.0
    limbs = np.asarray(beats, np.float64)[:, rows]
    limbs = np.where(np.isfinite(limbs), limbs, np.nan)
    limbs = limbs - limbs.mean(axis=2, keepdims=True)
    moving = np.ptp(limbs, axis=2) > _FLAT  # (beat, lead); NaN is not
    limbs[~moving] = 0
    part = laws != 0
    tried = (moving.mean(axis=0) > 0.5)[None] | ~part
    size = np.where(part, np.median(np.sqrt((limbs**2).mean(axis=2)), axis=0), 0).max(axis=1)
    missed = np.sqrt((np.median(laws @ limbs, axis=0) ** 2).mean(axis=1))
    return float(np.where(tried.all(axis=1), missed / np.maximum(size, _FLAT / 2), 0).max())


def unscaled(beats: npt.NDArray[np.floating], leads: Sequence[str]) -> bool:
    """Return whether the limb leads contradict each other, so that no mV of the file is trusted.

    Parameters as of `disagreement`.
    """
    return disagreement(beats, leads) > _APART


def axes(
    beats: MedianBeats | None, leads: Sequence[str], values: Mapping[str, Value]
) -> dict[str, Value]:
    """Return ``axis_p_deg``, ``axis_qrs_deg`` and ``axis_t_deg``.

    Parameters
    ----------
    beats : the median beats; None from too few.
    leads : a name for each row.
    values : ``p_ms``, ``qrs_ms`` and ``t_ms``: without a duration there is no axis.
    """
    # An electrode that hangs loose measures nothing, not 0 mV.
    moving = [False] * len(leads) if beats is None else _moving(beats).tolist()
    weights = _limbs([name if good else "" for name, good in zip(leads, moving, strict=True)])
    out = {}
    for key, kind, duration in (("axis_p_deg", P, "p_ms"), ("axis_qrs_deg", QRS, "qrs_ms"),
                                ("axis_t_deg", T, "t_ms")):  # fmt: skip
        if weights is None or beats is None:
            out[key] = refused("it takes signal in leads I and aVF, or in two of I, II and III")
        elif unscaled(beats.beats, leads):
            out[key] = refused(UNSCALED, len(beats.beats))
        elif values[duration].value is None:
            out[key] = refused(values[duration].reason or "", values[duration].count)
        else:
            out[key] = _axis(beats, kind, weights)
    return out


def _moving(beats: MedianBeats) -> npt.NDArray[np.bool_]:
    """Return (lead,) whether a lead moves at all in most of its beats."""
    whole = np.asarray(np.isfinite(beats.beats).all(axis=2))
    swing = np.ptp(np.where(whole[:, :, None], beats.beats, 0.0), axis=2)
    return np.asarray((swing > _FLAT).mean(axis=0) > 0.5)


def _axis(beats: MedianBeats, kind: int, weights: Float) -> Value:
    """Return the axis of one wave's net area; its spread is that of single beats around it."""
    span = beats.span(kind)
    if span is None:
        return refused("the wave's ends cannot be told in most beats")
    a, b = span
    needed = np.flatnonzero(weights.any(axis=0))
    piece = beats.beats[:, :, a : b + 1]
    piece = piece[np.isfinite(piece[:, needed]).all(axis=(1, 2))]
    if len(piece) < FEWEST:
        return refused("too few beats have signal in the limb leads", len(piece))
    if kind == P:
        piece = piece - np.linspace(piece[:, :, 0], piece[:, :, -1], piece.shape[2], axis=2)
    # (beat, I and aVF), mV: the mean over the wave, which has the angle of the area.
    mean = piece[:, needed].mean(axis=2) @ weights[:, needed].T
    middle = np.median(mean, axis=0)
    if np.hypot(*middle) < _SMALL:
        return refused("the wave is too small in the frontal plane to have a direction", len(piece))
    angle = axis(*middle.tolist())
    around = [(axis(*row) - angle + 180) % 360 - 180 for row in mean.tolist()]
    low, high = np.percentile(around, (25, 75)).tolist()
    return Value(value=angle, count=len(piece), spread=high - low)


def _limbs(leads: Sequence[str]) -> Float | None:
    """Return (2, lead): the weights that make I and aVF of the leads at hand; None if they cannot.

    III = II - I and aVF = (II + III) / 2.
    """
    have = {name: np.eye(len(leads))[k] for k, name in enumerate(leads)}
    one, two, three, foot = (have.get(name) for name in ("I", "II", "III", "aVF"))
    if one is None and two is not None and three is not None:
        one = two - three
    if foot is None and one is not None:
        if two is not None:
            foot = two - one / 2
        elif three is not None:
            foot = three + one / 2
    return None if one is None or foot is None else np.stack([one, foot])
