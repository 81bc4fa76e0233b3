"""Record store: whole records as a model eats them, cut once, read from memory-mapped arrays.

A folder ``CORPUS-records-KEY`` with ``meta.json`` and one ``.npy`` file a column. KEY is the
fingerprint of the records, of the InputSpec and of the version whose R peaks they are. It holds no
labels: every label set reads the same store.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven._version import __version__
from einthoven.corpora import Corpus
from einthoven.inputs import cut, record_side_names
from einthoven.inputs.record import time_of
from einthoven.record import DataError, InputSpec, Source
from einthoven.record.errors import EinthovenError
from einthoven.signal.peaks import find_peaks
from einthoven.store import _folder
from einthoven.store._folder import META, Columns, cache_root, key

LAYOUT = 1
_COLUMNS = ("window", "side", "record", "start")
_LONGEST = 300.0  # seconds of a record that are read


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordStore(Columns):
    """The windows of the whole records of a corpus; a row is a window.

    Attributes
    ----------
    start : (window,) int64 first sample at the record's own rate.
    """

    start: npt.NDArray[np.int64]

    @property
    def side_names(self) -> tuple[str, ...]:
        """Names of the side numbers."""
        return tuple(self.meta["side"])

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why a record has no window, by its name."""
        return dict(self.meta["left_out"])


def _fingerprint(corpus: Corpus, names: tuple[str, ...]) -> str:
    """Return hex digits that differ whenever a record would; of a long one thrice ten seconds."""
    parts: list[object] = [corpus.name]
    for name in names:
        try:
            source = corpus.open(name)
            span = round(10 * source.rate)
            places = {0, max(0, source.samples // 2), max(0, source.samples - span)}
            parts += [name, source.rate, source.samples, source.leads]
            if source.samples <= 2 * span:
                places = {0}
                span = source.samples
            for first in sorted(places):
                parts.append(source.read(first, min(first + span, source.samples)).tobytes())
        except EinthovenError as fault:
            parts += [name, str(fault)]
    return key(*parts)


def open_records(corpus: Corpus, spec: InputSpec, *, root: Path | None = None) -> RecordStore:
    """Return the store of a corpus's whole records, cutting it first if it is not there.

    A record that cannot be read, is too short, lacks a lead or has no beats is left out, see
    `RecordStore.left_out`. Of a record longer than five minutes the first five are taken.

    Parameters
    ----------
    corpus : whose records.
    spec : of kind ``strip``, ``tokens`` or ``median-beat``.
    root : where stores lie; `cache_root` if not given.

    Raises
    ------
    DataError : the corpus has no record here, or none that fits.
    """
    names = corpus.at_hand()
    side = record_side_names(spec)
    # The R peaks and the measurements change with the version.
    parts = (LAYOUT, _fingerprint(corpus, names), spec.fingerprint, __version__, side)
    folder = (cache_root() if root is None else root) / f"{corpus.name}-records-{key(*parts)}"
    if not (folder / META).is_file():
        _build(corpus, names, spec, side, folder)
    return _load(folder)


def _load(folder: Path) -> RecordStore:
    meta, columns = _folder.read(folder, _COLUMNS)
    return RecordStore(
        path=folder, meta=meta, window=columns["window"], side=columns["side"],
        record_index=np.asarray(columns["record"]), start=np.asarray(columns["start"]),
    )  # fmt: skip


def cut_record(
    source: Source, spec: InputSpec
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return windows (window, lead, time), side numbers (window, number) and starts (window,).

    Of one recording, through the same code as in use.

    Raises
    ------
    DataError : it is too short, lacks a lead or has no beats.
    """
    signal = source.read(0, min(source.samples, round(_LONGEST * source.rate)))
    peaks = np.zeros(0, np.int64)
    if spec.kind in ("median-beat", "tokens"):
        peaks = find_peaks(signal, source.rate, source.leads).samples
    found = cut(signal, source.rate, source.leads, peaks, spec, source.path)
    return found.window, found.side, found.start


def _build(
    corpus: Corpus, names: tuple[str, ...], spec: InputSpec, side: tuple[str, ...], folder: Path
) -> None:
    from tqdm import tqdm

    sides, starts, index, left_out = [], [], [], {}
    leads = 0
    with _folder.made(folder) as place:
        raw = place / "window.raw"
        with raw.open("wb") as file:
            for k, name in enumerate(tqdm(
                names, f"cutting {corpus.name}", unit="record", disable=not sys.stderr.isatty()
            )):  # fmt: skip
                try:
                    window, numbers, start = cut_record(corpus.open(name), spec)
                except EinthovenError as fault:
                    left_out[name] = f"{fault.fault.rstrip('.')}. {fault.mend.rstrip('.')}."
                    continue
                file.write(np.ascontiguousarray(window, "<f4").tobytes())
                leads = window.shape[1]
                sides.append(numbers)
                starts.append(start)
                index.append(np.full(len(start), k, np.int32))
        if not starts:
            name, why = next(iter(left_out.items()))
            fits = f"has no record that fits ({name} {why})"
            raise DataError(corpus.name, fits, "Use another corpus or another input")
        meta = {
            "layout": LAYOUT, "corpus": corpus.name, "spec": spec.to_dict(),
            "records": list(names), "side": list(side), "left_out": left_out,
        }  # fmt: skip
        _folder.write(
            place, meta, raw, (sum(map(len, starts)), leads, time_of(spec)),
            {"side": sides, "start": starts, "record": index},
        )  # fmt: skip
