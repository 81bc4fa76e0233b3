"""Beats described by `inputs.InputStream`, real and made, as rows for a table learner."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora import Corpus
from einthoven.inputs import InputStream
from einthoven.record.errors import DataError, UsageError, nearest
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import one_lead
from einthoven.record.vocabulary import indices, is_beat, translate
from einthoven.signal.premature import MODES, Synthetic, fusion, premature, regular

KINDS = (*MODES, "fusion")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Beats as rows.

    Attributes
    ----------
    side : (beat, number) float32.
    label : (beat,) int64 index of the class, -1 for a beat of no class.
    record, kind : (beat,) the record it is of or was made from; ``real`` or one of `KINDS`.
    sample : (beat,) int64 R peak.
    made : (beat,) whether a made recording's beat was changed.
    window : (real beat, 1, time) float32 of the real beats alone, in their order; time is 0 where
        the spec asks for no waveform, and None is none at all.
    """

    side: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]
    record: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    sample: npt.NDArray[np.int64]
    made: npt.NDArray[np.bool_]
    window: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.label)

    def where(self, keep: npt.NDArray[np.bool_]) -> Rows:
        """Return the rows for which `keep` (beat,) is true."""
        columns = {name: getattr(self, name)[keep] for name in COLUMNS}
        window = None if self.window is None else self.window[keep[self.kind == "real"]]
        return Rows(**columns, window=window)


COLUMNS = tuple(f.name for f in fields(Rows) if f.name != "window")


@dataclass(frozen=True, kw_only=True)
class Making:
    """What is made from the training records; the keys of ``[augment]``.

    Attributes
    ----------
    kinds : of `KINDS`.
    draws : made recordings of each kind a record.
    minutes : length of each, from a random place; 0 for the whole recording.
    fusion : share of normal beats that become fusion beats.
    """

    kinds: tuple[str, ...] = KINDS
    draws: int = 1
    minutes: float = 0.0
    fusion: float = 0.06

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))
        for kind in self.kinds:
            if kind not in KINDS:
                raise UsageError("augment.kinds", f"{kind!r} is not known", nearest(kind, KINDS))


def describe(
    spec: InputSpec,
    signal: npt.NDArray[np.float32],
    rate: float,
    leads: tuple[str, ...],
    samples: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return (beat, number) and (beat, 1, time) of the beats of one recording (lead, time) mV."""
    stream = InputStream(spec, rate, leads)
    given = stream.push(signal, samples, signal.shape[1]) + stream.flush()
    return np.concatenate([g.side for g in given]), np.concatenate([g.window for g in given])


def make(
    kind: str,
    signal: npt.NDArray[np.float32],
    rate: float,
    samples: npt.NDArray[np.int64],
    names: npt.NDArray[np.str_],
    making: Making,
    rng: np.random.Generator,
) -> Synthetic | None:
    """Return a made recording of `kind`; None where the heart is not regular enough for it."""
    if kind == "fusion":
        made = fusion(signal, rate, samples, names, share=making.fusion, rng=rng)
    elif regular(samples):
        made = premature(signal, rate, samples, names, mode=kind, rng=rng)
    else:
        return None
    size = round(making.minutes * 60 * rate)
    if 0 < size < len(made.signal):
        start = int(rng.integers(0, len(made.signal) - size))
        inside = (made.samples >= start) & (made.samples < start + size)
        made = Synthetic(
            signal=made.signal[start : start + size], samples=made.samples[inside] - start,
            labels=made.labels[inside], made=made.made[inside],
        )  # fmt: skip
    return made if made.made.any() else None


def rows(
    corpus: Corpus,
    records: Sequence[str],
    spec: InputSpec,
    labels: str,
    classes: Sequence[str],
    *,
    making: Making | None = None,
    seed: int = 0,
    progress: Callable[[str], Any] = lambda _: None,
) -> Rows:
    """Return every reference beat of `records`, and, with `making`, what is made from them.

    All reference beats enter the rhythm; those of no class have label -1.

    Parameters
    ----------
    seed : of what is made; each record and kind has its own stream of random numbers.
    progress : called with each record's name when it is done.

    Raises
    ------
    DataError : a record has no reference annotations.
    UsageError : several leads are asked for, and made beats are of one.
    """
    if making and making.draws and len(spec.leads) > 1:
        mend = 'Give input.leads = ["one"], or augment.draws = 0'
        raise UsageError("augment", "makes beats of one lead, and input.leads names more", mend)
    parts: list[Mapping[str, Any]] = []
    windows: list[npt.NDArray[np.float32]] = []
    short = replace(spec, waveform=False)  # of made recordings

    def add(side: Any, names: Any, record: str, kind: str, sample: Any, made: Any) -> None:
        parts.append(
            {
                "side": side, "label": indices(names, classes), "sample": sample, "made": made,
                "record": np.full(len(names), record), "kind": np.full(len(names), kind),
            }
        )  # fmt: skip

    for record in records:
        source = corpus.open(record)
        marks = source.annotations()
        if marks is None:
            raise DataError(source.path, "has no reference annotations", "Leave the record out")
        marks = marks.where(is_beat(marks.symbols))
        names, samples = translate(marks.symbols, labels), marks.samples
        signal = source.read(0, source.samples)
        side, window = describe(spec, signal, source.rate, source.leads, samples)
        windows.append(window)
        add(side, names, record, "real", samples, np.zeros(len(names), bool))
        lead = signal[one_lead(source.leads)]
        for draw in range(making.draws if making else 0):
            for kind in making.kinds if making else ():
                rng = np.random.default_rng([seed, draw, zlib.crc32(f"{record} {kind}".encode())])
                new = make(kind, np.nan_to_num(lead), source.rate, samples, names, making, rng)  # type: ignore[arg-type]
                if new is None:
                    continue
                side, _ = describe(short, new.signal[None], source.rate, ("ECG",), new.samples)
                add(side, new.labels, record, kind, new.samples, new.made)
        progress(record)
    return Rows(
        **{name: np.concatenate([p[name] for p in parts]) for name in COLUMNS},
        window=np.concatenate(windows),
    )
