"""QRS tokenizer: a record as a sentence of heartbeats, one row of tokens a beat, one token a lead.

A beat's borders lie midway to its neighbours' R peaks, the first begins and the last ends with the
record: the beats share out all samples, at any rate and over any pause. A token is what a lead
holds between the borders, laid out with R in one column and padded; beats times leads is a grid, so
that no lead is lost however fast the heart is. Without a beat the sentence is empty.

What a network eats is not the padded grid, mostly padding, but the strip itself as ``window`` and
the coordinates of each beat as ``side``: it lays out the tokens for itself, as wide as it likes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import DataError, UsageError
from einthoven.record.leads import STANDARD, canonical
from einthoven.record.record import Signal
from einthoven.signal._short_series import medians

Array = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Of each beat, in this order: samples of the window, seconds, and shares of the record's median.
COORDINATES = ("r", "first", "past", "pre", "post", "pre-relative", "post-relative")
FASTEST = 300.0  # beats a minute up to which there is a place for each

_CORE, _MARGIN = 0.15, 0.04  # s either side of R that are compared; by which a beat moves at most
_ROUNDS = 3
_ALIKE = 0.8  # correlation with the usual beat under which a beat stays where the detector put it


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentence:
    """The beats of a stretch, in all leads.

    Attributes
    ----------
    tokens : (beat, lead, column) float32 mV, 0 in padding. NaN is a missing sample, not padding.
    mask : (beat, column) bool, the columns that are samples of the beat.
    before : column in which R stands.
    r, first, past : (beat,) samples: the R peak, the first of the beat, the first after it.
    rr : (beat, 4) float32: seconds since the R before and to the next one, and both divided by the
        median RR of the record; 0 where there is none.
    lead : (lead,) int64, 1 to 12 in the standard order, 0 for any other.
    samples : length of the stretch.
    rate : its Hz.
    """

    tokens: Array
    mask: Mask
    before: int
    r: Samples
    first: Samples
    past: Samples
    rr: Array
    lead: Samples
    samples: int
    rate: float

    def __len__(self) -> int:
        return len(self.r)

    @property
    def seconds(self) -> npt.NDArray[np.float64]:
        """(beat,) when R is, from the first sample."""
        return self.r / self.rate


def sentence(
    signal: Signal,
    rate: float,
    leads: tuple[str, ...],
    peaks: Samples,
    *,
    width: tuple[float, float] | None = None,
) -> Sentence:
    """Return the beats of a stretch as tokens.

    Parameters
    ----------
    signal : (lead, time) mV, NaN where missing.
    rate : its Hz.
    leads : names of its rows, any.
    peaks : (beat,) samples of the R peaks, ascending; common to all leads.
    width : seconds of a token before and after R, e.g. (0.75, 0.75), in which every beat of 40 a
        minute or more fits. Of a longer one, such as before a pause, what is farther from R is in
        no token. None makes tokens as wide as the longest beat needs, and nothing is lost.

    Raises
    ------
    UsageError : `width` is not positive, or there are not as many names as rows.
    DataError : the peaks do not ascend within the signal.
    """
    if len(leads) != len(signal):
        fault = f"{len(leads)} names for {len(signal)} leads"
        raise UsageError("sentence", fault, "Name each row of the signal")
    samples = signal.shape[1]
    r, first, past = _borders(peaks, samples)
    if width is None:
        before = int((r - first).max(initial=0))
        after = int((past - r).max(initial=1))
    else:
        before, after = (round(seconds * rate) for seconds in width)
        if before < 0 or after < 1:
            raise UsageError("sentence", f"width is {width}", "Give seconds, e.g. (0.75, 0.75)")
    at = r[:, None] + np.arange(-before, after)
    mask = (at >= first[:, None]) & (at < past[:, None])
    tokens = np.zeros((len(r), len(signal), before + after), np.float32)
    if len(r):
        laid = np.asarray(signal, np.float32)[:, np.clip(at, 0, samples - 1)].transpose(1, 0, 2)
        np.copyto(tokens, laid, where=mask[:, None])
    return Sentence(
        tokens=tokens, mask=mask, before=before, r=r, first=first, past=past,
        rr=_context(r / rate), samples=samples, rate=rate,
        lead=np.array([_place(name) for name in leads], np.int64),
    )  # fmt: skip


def signal_of(sentence: Sentence) -> Array:
    """Return (lead, time) mV: every sample from the token it is in, NaN where it is in none.

    Borders do not overlap, so no sample is in two. It is the signal that the sentence was made of,
    bit by bit, where tokens are wide enough; all NaN for the empty sentence.
    """
    signal = np.full((len(sentence.lead), sentence.samples), np.nan, np.float32)
    beat, column = np.nonzero(sentence.mask)
    at = sentence.r[beat] + column - sentence.before
    signal[:, at] = sentence.tokens[beat, :, column].T
    return signal


def _place(name: str) -> int:
    known = canonical(name)
    return STANDARD.index(known) + 1 if known in STANDARD else 0


def _borders(peaks: Samples, samples: int) -> tuple[Samples, Samples, Samples]:
    r = np.asarray(peaks, np.int64)
    if len(r) and (r[0] < 0 or r[-1] >= samples or (np.diff(r) <= 0).any()):
        fault = f"R peaks do not ascend within the {samples} samples"
        raise DataError("sentence", fault, "Give samples of the signal, each once")
    middle = (r[1:] + r[:-1] + 1) // 2
    return (
        r,
        np.append(np.zeros(1, np.int64), middle)[: len(r)],
        np.append(middle, samples)[: len(r)],
    )


def _context(seconds: npt.NDArray[np.float64]) -> Array:
    rr = np.zeros((len(seconds), 4), np.float32)
    if len(seconds) > 1:
        apart = np.diff(seconds)
        rr[1:, 0] = rr[:-1, 1] = apart
        rr[:, 2:] = rr[:, :2] / np.median(apart)
    return rr


def laid_over(signal: Array, rate: float, peaks: Samples) -> Samples:
    """Return the R peaks moved so that the beats lie over each other, in all leads at once.

    Each beat goes, by 40 ms at most, to where its middle 300 ms correlate best with the median of
    all; three rounds of that. Beats of another shape stay, as do those at the very ends and fewer
    than three. `signal.aligned_beat` does the like to a quarter of the sample, to print a beat.

    Parameters
    ----------
    signal : (lead, time) mV without gaps.
    rate : its Hz.
    peaks : (beat,) samples, ascending.
    """
    core, margin = round(_CORE * rate), round(_MARGIN * rate)
    inside = (peaks >= core + margin) & (peaks < signal.shape[1] - core - margin)
    if inside.sum() < 3 or not margin:
        return peaks
    at = peaks[inside]
    whole = signal[:, at[:, None] + np.arange(-core - margin, core + margin + 1)]
    # (shift, beat, lead x time): every beat where it could stand.
    views = np.lib.stride_tricks.sliding_window_view(whole, 2 * core + 1, axis=2)
    places = np.ascontiguousarray(views.transpose(2, 1, 0, 3)).reshape(2 * margin + 1, len(at), -1)
    lead = places.reshape(*places.shape[:2], len(signal), -1)
    lead -= lead.mean(axis=3, keepdims=True)
    size = np.sqrt(np.einsum("sbx,sbx->sb", places, places)) + 1e-6
    rows, shift = np.arange(len(at)), np.full(len(at), margin)
    alike = np.zeros(len(at), np.float32)
    for _ in range(_ROUNDS):
        usual = medians(places[shift, rows])
        score = places @ usual / (size * (np.sqrt(usual @ usual) + 1e-6))
        best = score.argmax(axis=0)
        alike = score[best, rows]
        if (best == shift).all():
            break
        shift = best
    moved = peaks.copy()
    moved[inside] = at + np.where(alike >= _ALIKE, shift - margin, 0)
    # A beat that would pass its neighbour stays, too.
    return moved if (np.diff(moved) > 0).all() else peaks


def slots(seconds: float) -> int:
    """Return how many beats there is a place for in a window of so many seconds."""
    return math.ceil(seconds * FASTEST / 60)


def side_of(peaks: Samples, samples: int, rate: float, places: int, where: str = "record") -> Array:
    """Return (number,) float32: the `COORDINATES` of each beat one after the other, then 0s.

    Parameters
    ----------
    peaks, samples, rate : of the window, as a `sentence` of it would be made of.
    places : beats that there is a place for.
    where : the record, for messages.

    Raises
    ------
    DataError : the window has more beats than that.
    """
    r, first, past = _borders(peaks, samples)
    if len(r) > places:
        fault = f"has {len(r)} R peaks in {samples / rate:.3g} s"
        raise DataError(where, fault, f"Check its R peaks; {FASTEST:g} a minute is the most")
    side = np.zeros((places, len(COORDINATES)), np.float32)
    side[: len(r), :3] = np.stack([r, first, past], axis=1)
    side[: len(r), 3:] = _context(r / rate)
    return side.reshape(-1)


def peaks_of(side: Array) -> tuple[Samples, int]:
    """Return the R peaks (beat,) in one window's side numbers, and how many samples they share."""
    grid = np.rint(side.reshape(-1, len(COORDINATES))[:, :3]).astype(np.int64)
    grid = grid[grid[:, 2] > grid[:, 1]]
    return grid[:, 0], int(grid[-1, 2]) if len(grid) else 0


def side_names(seconds: float) -> tuple[str, ...]:
    """Return the names of `side_of` for a window of so many seconds, ``beat-1-r`` and so on."""
    count = slots(seconds)
    return tuple(f"beat-{n}-{name}" for n in range(1, count + 1) for name in COORDINATES)
