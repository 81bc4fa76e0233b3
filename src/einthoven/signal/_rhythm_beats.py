"""The beats of a span of one lead laid over each other, and what their shapes say of its rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.signal._rhythm_intervals import Numbers
from einthoven.signal._short_series import deviation, mean, median, medians, quantiles

Float = npt.NDArray[np.float64]

RATE = 200  # Hz of the lead
FEWEST = 5  # whole beats

BEFORE, AFTER = 0.36, 0.44  # seconds around R that are laid over each other
_QRS, _P, _T = (-0.06, 0.08), (-0.26, -0.06), (0.12, 0.42)
_SIDE = (-0.12, 0.14)  # where a QRS complex may begin and end
_STEEP = 0.15  # of the steepest slope: where a complex is taken to begin and end
_ALIKE = 0.85  # correlation of complexes of one shape
_QUANTILES = (0.0, 0.10, 0.50)


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlay:
    """Whole beats of a span.

    Attributes
    ----------
    beats : (beat, time) mV from `BEFORE` R to `AFTER` it.
    median : (time,) of the beats that are neither early nor of another shape.
    early, late : (beat,) the interval before and behind each, in parts of the median interval.
    at : (beat,) samples of R.
    size : mV from the lowest to the highest of the median's QRS.
    """

    beats: Float
    median: Float
    early: Float
    late: Float
    at: npt.NDArray[np.int64]
    size: float


def piece(span: tuple[float, float]) -> slice:
    """Return the samples of an overlaid beat between two times around R, in seconds."""
    return slice(round((span[0] + BEFORE) * RATE), round((span[1] + BEFORE) * RATE))


def overlay(lead: Float, seconds: Float) -> Overlay | None:
    """Return the beats laid over each other; None from fewer than `FEWEST` whole ones.

    Parameters
    ----------
    lead : (time,) mV at `RATE`.
    seconds : (beat,) when each R peak is, ascending.
    """
    before, after = round(BEFORE * RATE), round(AFTER * RATE)
    at = np.rint(seconds * RATE).astype(np.int64)
    whole = (at >= before) & (at + after <= len(lead))
    if whole.sum() < FEWEST:
        return None
    rr = np.diff(seconds)
    middle = median(rr)
    early = np.concatenate([[1.0], rr / middle])[whole]
    late = np.concatenate([rr / middle, [1.0]])[whole]
    at = at[whole]
    beats = lead[at[:, None] + np.arange(-before, after)]
    first = medians(beats)
    fit = _correlation(beats[:, piece(_QRS)], first[piece(_QRS)])
    sound = (early > 0.85) & (fit > min(0.8, median(fit)))
    usual = medians(beats[sound]) if sound.sum() >= FEWEST else first
    return Overlay(
        beats=beats, median=usual, early=early, late=late, at=at,
        size=max(float(np.ptp(usual[piece(_QRS)])), 1e-3),
    )  # fmt: skip


def _centred(x: Float) -> Float:
    """Return rows of mean 0 and length 1."""
    x = x - x.mean(axis=-1, keepdims=True)
    length = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    found: Float = x / np.maximum(length, 1e-9)
    return found


def _correlation(rows: Float, one: Float) -> Float:
    found: Float = _centred(rows) @ _centred(one)
    return found


def shapes(over: Overlay) -> Numbers:
    """Return how alike the beats are, how wide, how large, and which shapes the early ones have."""
    out: Numbers = {}
    spans = {"whole": (-BEFORE, AFTER), "qrs": _QRS, "p": _P, "t": _T}
    fits = {k: _correlation(over.beats[:, piece(s)], over.median[piece(s)])
            for k, s in spans.items()}  # fmt: skip
    for name, fit in fits.items():
        least, low, middle = quantiles(fit, _QUANTILES)
        out |= {
            f"fit_{name}": mean(fit), f"fit_{name}_sd": deviation(fit),
            f"fit_{name}_least": least, f"fit_{name}_q10": low, f"fit_{name}_q50": middle,
        }  # fmt: skip
    energy = float((over.beats**2).mean())
    out["energy_kept"] = float((over.median**2).mean()) / max(energy, 1e-9)
    return out | _widths(over, fits["qrs"]) | _kinds(over, fits["qrs"]) | _profile(over)


def _width(rows: Float) -> Float:
    """Return (row,) seconds between the first and the last steep sample around R."""
    slope = np.abs(np.diff(rows[:, piece(_SIDE)], axis=1))
    steep = slope > _STEEP * slope.max(axis=1, keepdims=True)
    first = steep.argmax(axis=1)
    last = steep.shape[1] - steep[:, ::-1].argmax(axis=1)
    found: Float = (last - first) / RATE
    return found


def _widths(over: Overlay, fit: Float) -> Numbers:
    width = _width(over.beats)
    qrs = over.beats[:, piece(_QRS)]
    size = (qrs.max(axis=1) - qrs.min(axis=1)) / over.size
    area = np.abs(over.median[piece(_SIDE)]).sum() / RATE / over.size
    steepest = np.abs(np.diff(over.median[piece(_SIDE)])).max() * RATE / over.size
    widths, sizes = quantiles(width, (0.1, 0.5, 0.9)), quantiles(size, (0.05, 0.5, 0.95))
    early = over.early < 0.88
    odd = fit < 0.8
    broad = width > widths[1] + 0.025
    return {
        "qrs_width": float(_width(over.median[None])[0]), "qrs_area": float(area),
        "qrs_steepest": float(steepest), "width_q10": widths[0],
        "width_q50": widths[1], "width_q90": widths[2],
        "width_sd": deviation(width), "size_q05": sizes[0],
        "size_q50": sizes[1], "size_q95": sizes[2], "size_sd": deviation(size),
        "early_odd": mean(early & odd), "early_same": mean(early & ~odd),
        "odd": mean(odd), "early_broad": mean(early & broad),
        "odd_broad": mean(odd & broad), "odd_large": mean(odd & (size > 1.2)),
        "early_odd_pause": mean(early & odd & (over.late > 1.05)),
        "early_same_pause": mean(early & ~odd & (over.late > 1.0)),
        "upright": float(over.median[piece(_QRS)].max() / over.size),
    }  # fmt: skip


def _kinds(over: Overlay, fit: Float) -> Numbers:
    """Return the shares of the commonest shapes, found greedily from the best fitting beat on."""
    wide = _centred(over.beats[:, piece(_SIDE)])
    alike = wide @ wide.T > _ALIKE
    left = np.ones(len(fit), np.bool_)
    shares: list[float] = []
    while left.any() and len(shares) < 6:
        votes = (alike & left).sum(axis=1) * left
        chosen = alike[int(votes.argmax())] & left
        chosen[int(votes.argmax())] = True
        shares.append(mean(chosen))
        left &= ~chosen
    shares += [0.0] * (3 - len(shares))
    return {
        "shape_first": shares[0], "shape_second": shares[1], "shape_third": shares[2],
        "shape_rest": max(0.0, 1 - sum(shares[:3])),
        "shape_alone": mean(alike.sum(axis=1) <= 1),
    }  # fmt: skip


def _profile(over: Overlay) -> Numbers:
    """Return the median beat at a few places, in parts of the size of its QRS."""
    m = over.median / over.size
    sign = 1.0 if abs(m[piece(_QRS)].max()) >= abs(m[piece(_QRS)].min()) else -1.0
    m = m * sign
    t = m[piece((0.16, 0.42))]
    smooth = np.convolve(m, np.ones(8) / 8, mode="same")[::8]
    return {
        "st": mean(m[piece((0.08, 0.12))]), "t_most": float(t.max()),
        "t_least": float(t.min()), "t_place": float(np.abs(t).argmax() / RATE),
        "qrs_least": float(m[piece(_SIDE)].min()), "upright_sign": sign,
    } | {f"beat_{k:02d}": float(v) for k, v in enumerate(smooth)}  # fmt: skip
