"""Channels of a file: which are ECG leads, and the `Source` that all readers share.

What is a lead. A channel is an ECG lead if its unit is a voltage and its name is that of a lead
(``II``, ``MLII``, ``V5``, ``ECG``, ``ECG 1``). A channel in volts whose name says nothing
(``ch1``, ``noise2``, ``col 0``) is a lead only where no channel of the file bears the name of a
lead. A channel whose name is that of another signal (``EEG Fpz-Cz``, ``EMG``, ``RESP``, ``Pleth``)
is never one, whatever its unit. The user may name the leads and so overrule the last two.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from einthoven.formats._bounds import MAX_RATE, MAX_SECONDS, check_read
from einthoven.formats._units import spelt, stated, to_mv
from einthoven.record.errors import FormatError, UsageError
from einthoven.record.leads import canonical, is_lead_name, with_chest
from einthoven.record.record import Patient, Signal
from einthoven.record.source import Channel, Source

# Names of signals that are often stored in volts and are no ECG; then the scalp's 10-20 positions.
_OTHER = re.compile(
    r"\b(?:eeg|eog|emg|ecog|seeg|meg|loc|roc|chin|resp|thor|abd|abdo|flow|airflow|snore|nasal"
    r"|abp|art|cvp|pap|icp|ap|bp|nibp|nbp|pleth|ppg|spo2|sao2|co2|etco2|o2|hr|pulse|prv|hrv"
    r"|gsr|eda|temp|temperature|acc|accel\w*|gyro\w*|marker|trigger|trig|status|stim|event|events"
    r"|sound|pcg|mic|light|batt\w*|body|position|uc|toco|mhr|fhr|scg|bcg|icg|imp|impedance|leak"
    r"|sine|ramp|squarewave|angle|cpap|leg)(?=\b|\d)",
    re.IGNORECASE,
)
_SCALP = re.compile(
    r"^(?:fp|af|f|fc|ft|c|cp|t|tp|p|po|o)(?:z|[1-9]|10)(?:[\s_/-].*)?$", re.IGNORECASE
)


# Names of leads with no spelling of their own: V and MCL1 (MIMIC), ECG1 (svdb), A-S (EASI).
_MORE = re.compile(r"^(?:v|mcl\d|mc\d|nehb\s?[daj]|ecg\w*|ekg\w*|[eas]-[sai])$", re.IGNORECASE)


def is_lead(name: str) -> bool:
    """Return whether a name is that of an ECG lead."""
    return is_lead_name(name) or bool(_MORE.match(name.strip()))


def is_other(name: str) -> bool:
    """Return whether a name says that the channel is no ECG lead."""
    text = name.replace("_", " ")
    return not is_lead(name) and bool(_OTHER.search(text) or _SCALP.match(name.strip()))


@dataclass(frozen=True, kw_only=True)
class Track:
    """A channel as the file stores it.

    Attributes
    ----------
    name : as the file gives it.
    rate : Hz.
    unit : of the physical values.
    samples : its length at its own rate.
    step : the value of one digital unit, in `unit`; 0 where the file holds no integers.
    zero : the digital value of 0.
    scale : what the values the reader gives are multiplied by, for a unit stated by the user.
    """

    name: str
    rate: float
    unit: str
    samples: int
    step: float = 0.0
    zero: float = 0.0
    scale: float = 1.0


class TrackSource(Source):
    """A `Source` over tracks; a reader says only how samples are fetched.

    Leads are handed out in mV. Where ECG leads have several rates, `leads` are those of the highest
    rate; the others are in `channels` and can be read with `read_channel`.

    Parameters
    ----------
    path : of the file.
    name : of the record.
    tracks : all channels of the file.
    leads : the user's names of leads: a choice among the file's channels, or, where none of them
        bears a lead's name, names for the channels in volts.
    """

    _gaps = False  # whether stretches of the recording are stored nowhere

    def __init__(
        self,
        *,
        path: Path,
        name: str,
        tracks: Sequence[Track],
        leads: Sequence[str] | None = None,
        start: datetime | None = None,
        patient: Patient | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.path, self.name, self.start, self.patient = str(path), name, start, patient
        for track in tracks:
            if not (0 < track.rate <= MAX_RATE) or track.samples > MAX_SECONDS * track.rate:
                raise FormatError(
                    path,
                    f"claims {track.samples} samples at {track.rate:g} Hz, which cannot be",
                    "Fetch it again",
                )
        named, chosen = _choose(str(path), tuple(tracks), leads)
        self.tracks = named
        rate = max((named[i].rate for i in chosen), default=0.0)
        self._leads = tuple(i for i in chosen if named[i].rate == rate)
        self.leads = tuple(named[i].name for i in self._leads)
        self.rate = rate if chosen else max((t.rate for t in named), default=0.0)
        self.samples = max((named[i].samples for i in self._leads), default=0)
        left = [named[i].name for i in chosen if i not in self._leads]
        if left:
            notes = (*notes, f"leads of a lower rate are not analysed: {', '.join(left)}")
        self.notes = tuple(notes)
        self.channels = tuple(
            Channel(
                name=t.name, rate=t.rate, samples=t.samples, lead=i in chosen,
                unit=spelt(t.unit),
            )
            for i, t in enumerate(named)
        )  # fmt: skip

    @abc.abstractmethod
    def _fill(self, out: Signal, tracks: Sequence[int], start: int) -> None:
        """Write the samples of `tracks` (all of one rate) from `start` on into `out` (track, time).

        In each track's own unit; NaN where missing. `out` never reaches beyond the tracks' end.
        """

    def read(self, start: int, stop: int) -> Signal:
        """Return (lead, stop - start) mV; NaN where missing. What lies beyond the end is cut off.

        Raises
        ------
        FormatError : where the file is damaged there, or more is asked for than memory should hold.
        """
        out = self.rows(self._leads, start, stop)
        for row, index in zip(out, self._leads, strict=True):
            factor = to_mv(self.tracks[index].unit)
            if factor is not None and factor != 1.0:
                row *= np.float32(factor)
        return out

    def read_channel(self, name: str, start: int, stop: int) -> Signal:
        """Return (time,) of any channel, in its own unit and at its own rate.

        Raises
        ------
        UsageError : there is no such channel.
        """
        for index, track in enumerate(self.tracks):
            if name in (track.name, canonical(track.name)):
                return np.asarray(self.rows((index,), start, stop)[0])
        names = ", ".join(t.name for t in self.tracks)
        raise UsageError(self.path, f"there is no channel {name!r}", f"Channels: {names}")

    @property
    def steps(self) -> list[tuple[float, float]]:
        """(channel,) the value of one digital unit and the digital zero; 0 where there are none."""
        return [(t.step * t.scale, t.zero) for t in self.tracks]

    def rows(self, tracks: Sequence[int], start: int, stop: int) -> Signal:
        """Return (channel, stop - start) of channels of one rate, each in its own unit."""
        length = max((self.tracks[i].samples for i in tracks), default=0)
        stop = max(0, min(stop, length))
        start = max(0, min(start, stop))
        check_read(self.path, len(tracks), stop - start, gaps=self._gaps)
        out = np.empty((len(tracks), stop - start), np.float32)
        if out.size:
            self._fill(out, tracks, start)
        for row, index in zip(out, tracks, strict=True):
            if self.tracks[index].scale != 1.0:
                row *= np.float32(self.tracks[index].scale)
        return out


def _chest(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return the tracks, chest leads that are called C1 to C6 under their own names."""
    volts = [not t.unit.strip() or to_mv(t.unit) is not None for t in tracks]
    names = iter(with_chest([t.name for t, v in zip(tracks, volts, strict=True) if v]))
    return tuple(
        replace(t, name=next(names)) if v else t for t, v in zip(tracks, volts, strict=True)
    )


def with_unit(path: Path, tracks: Sequence[Track], flag: str | None) -> list[Track]:
    """Return the tracks; one that states no unit and could be a lead takes that of ``--unit``.

    Raises
    ------
    FormatError : where a channel that could be a lead states no unit and the flag is not given.
    UsageError : where the flag contradicts every unit of the file.
    """
    unit, factor = ("", 1.0) if flag is None else stated(flag)
    tracks = _chest(tracks)
    named = any(is_lead(t.name) for t in tracks)
    out = []
    for track in tracks:
        if track.unit.strip() or (not is_lead(track.name) if named else is_other(track.name)):
            out.append(track)
        elif flag is None:
            raise FormatError(
                path, f"does not state the unit of {track.name}", "Give it with --unit, e.g. mV"
            )
        elif unit == "adc":
            out.append(replace(track, unit="mV", scale=factor))
        else:
            out.append(replace(track, unit=unit))
    if flag is not None and out == list(tracks):
        own = {spelt(t.unit) for t in tracks if to_mv(t.unit) is not None}
        if own and own != {unit}:
            raise UsageError(
                path, f"states {', '.join(sorted(own))}, --unit says {flag}", "Leave --unit away"
            )
    return out


def agreed_rate(path: Path, own: float | None, flag: float | None) -> float:
    """Return the rate that the file or the user states, in Hz.

    Raises
    ------
    FormatError : where neither does.
    UsageError : where they differ.
    """
    if own is None:
        if flag is None:
            raise FormatError(path, "does not state its rate", "Give it with --rate HZ")
        return float(flag)
    if flag is not None and abs(own - flag) > 1e-6 * own:
        raise UsageError(path, f"states {own:g} Hz, --rate says {flag:g}", "Leave --rate away")
    return own


def _choose(
    path: str, tracks: tuple[Track, ...], wanted: Sequence[str] | None
) -> tuple[tuple[Track, ...], tuple[int, ...]]:
    """Return the tracks under names that do not repeat, and the indices of the leads."""
    tracks = _chest(tracks)
    volts = [to_mv(t.unit) is not None for t in tracks]
    by_name = [v and is_lead(t.name) for v, t in zip(volts, tracks, strict=True)]
    if any(by_name):
        leads = by_name
    else:
        leads = [v and not is_other(t.name) for v, t in zip(volts, tracks, strict=True)]
    names: list[str] = []
    for track, volt in zip(tracks, volts, strict=True):
        # Names reach messages and tables: nothing in them may steer a terminal.
        plain = "".join(c if c.isprintable() else " " for c in track.name)
        base = canonical(plain) if volt else " ".join(plain.split())
        base, name, again = base or "unnamed", base or "unnamed", 2
        while name in names:
            name, again = f"{base}-{again}", again + 1
        names.append(name)
    chosen = tuple(i for i, lead in enumerate(leads) if lead)
    if wanted is not None:
        names, chosen = _apply(path, names, volts, any(by_name), chosen, wanted)
    return tuple(replace(t, name=n) for t, n in zip(tracks, names, strict=True)), chosen


def _apply(
    path: str,
    names: list[str],
    volts: Sequence[bool],
    named: bool,
    chosen: tuple[int, ...],
    wanted: Sequence[str],
) -> tuple[list[str], tuple[int, ...]]:
    asked = [canonical(w) for w in with_chest(wanted)]
    if len(set(asked)) != len(asked):
        raise UsageError("--leads", f"names repeat: {', '.join(asked)}", "Give each lead one name")
    if all(a in names for a in asked):
        picked = tuple(names.index(a) for a in asked)
        for index in picked:
            if not volts[index]:
                raise UsageError(
                    path, f"channel {names[index]!r} is no voltage", "Leave it out of --leads"
                )
        return names, picked
    if not named and len(asked) == len(chosen):
        return [asked[chosen.index(i)] if i in chosen else n for i, n in enumerate(names)], chosen
    raise UsageError(
        path,
        f"has no channels {', '.join(a for a in asked if a not in names)}",
        f"Choose --leads from: {', '.join(n for n, v in zip(names, volts, strict=True) if v)}",
    )
