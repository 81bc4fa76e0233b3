"""Record store: whole records as a model eats them, cut once, read from memory-mapped arrays.

A folder ``CORPUS-records-KEY`` with ``meta.json`` and one ``.npy`` file a column. KEY is the
fingerprint of the records, of the InputSpec and of the version whose R peaks they are. It holds no
labels: every label set reads the same store.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven._version import __version__
from einthoven.corpora import Corpus
from einthoven.inputs import cut, record_side_names
from einthoven.inputs.record import time_of
from einthoven.record import DataError, InputSpec, Source
from einthoven.record.errors import EinthovenError
from einthoven.signal.peaks import find_peaks
from einthoven.store.store import _sha, _to_npy, cache_root

LAYOUT = 1
_COLUMNS = ("window", "side", "record", "start")
_LONGEST = 300.0  # seconds of a record that are read


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordStore:
    """The windows of the whole records of a corpus.

    Attributes
    ----------
    path : its folder.
    meta : corpus, names of the records, of the side numbers, and who was left out.
    window : (window, lead, time) float32, as the spec says.
    side : (window, number) float32.
    record_index : (window,) int32 into `records`.
    start : (window,) int64 first sample at the record's own rate.
    """

    path: Path
    meta: Mapping[str, Any]
    window: npt.NDArray[np.float32]
    side: npt.NDArray[np.float32]
    record_index: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def records(self) -> tuple[str, ...]:
        """Names of the records, in the order of the corpus; those left out among them."""
        return tuple(self.meta["records"])

    @cached_property
    def record(self) -> npt.NDArray[np.str_]:
        """(window,) name of the record."""
        return np.array(self.records, np.str_)[self.record_index]

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
    return _sha(*parts)


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
    names = corpus.present
    if not names:
        raise DataError(corpus.name, "has no record here", corpus.mend)
    side = record_side_names(spec)
    # The R peaks and the measurements change with the version.
    parts = (LAYOUT, _fingerprint(corpus, names), spec.fingerprint, __version__, side)
    folder = (cache_root() if root is None else root) / f"{corpus.name}-records-{_sha(*parts)}"
    if not (folder / "meta.json").is_file():
        _build(corpus, names, spec, side, folder)
    return _load(folder)


def _load(folder: Path) -> RecordStore:
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        columns = {c: np.load(folder / f"{c}.npy", mmap_mode="r") for c in _COLUMNS}
    except (OSError, ValueError) as fault:
        raise DataError(folder, f"is damaged ({fault})", "Delete the folder") from fault
    return RecordStore(
        path=folder, meta=meta, window=columns["window"], side=columns["side"],
        record_index=np.asarray(columns["record"]), start=np.asarray(columns["start"]),
    )  # fmt: skip


def cut_record(
    source: Source, spec: InputSpec
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return windows, side numbers and starts of one recording, through the same code as in use.

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

    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        sides, starts, index, left_out = [], [], [], {}
        leads = 0
        raw = beside / "window.raw"
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
        for column, pieces in (("side", sides), ("start", starts), ("record", index)):
            np.save(beside / f"{column}.npy", np.concatenate(pieces))
        count = sum(map(len, starts))
        _to_npy(raw, beside / "window.npy", (count, leads, time_of(spec)))
        meta = {
            "layout": LAYOUT, "corpus": corpus.name, "spec": spec.to_dict(),
            "records": list(names), "side": list(side), "left_out": left_out,
        }  # fmt: skip
        text = json.dumps(meta, indent=1, sort_keys=True) + "\n"
        (beside / "meta.json").write_text(text, encoding="utf-8")
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(0o777 & ~mask)
        try:
            beside.rename(folder)
        except OSError:
            # Another process was quicker; the bytes are the same.
            if not (folder / "meta.json").is_file():
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
