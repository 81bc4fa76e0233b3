"""Store: the windows of a corpus, cut once and read from memory-mapped arrays.

A folder ``CORPUS-KEY`` with ``meta.json`` and one ``.npy`` file a column. KEY is the fingerprint
of the corpus, of the InputSpec and of whose R peaks they are, so a store is never wrong, only
absent. It keeps WFDB's symbols: every label map reads the same store.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven._version import __version__
from einthoven.corpora import Corpus
from einthoven.inputs import InputStream, side_names
from einthoven.inputs._patient import exchanged
from einthoven.record import DataError, InputSpec, Source, UsageError
from einthoven.record.record import Patient
from einthoven.record.vocabulary import indices, is_beat, translate
from einthoven.store import _folder
from einthoven.store._folder import META, Columns, cache_root, key
from einthoven.store._peaks import engine_peaks, symbols_of

LAYOUT = 1
COLUMNS = ("window", "side", "record", "sample", "symbol")
_CHUNK = 120.0  # seconds read at a time; the windows do not depend on it


@dataclass(frozen=True, kw_only=True, eq=False)
class Store(Columns):
    """The windows of one corpus for one `InputSpec`; a row is a beat.

    Attributes
    ----------
    sample : (beat,) int64 R peaks at the record's own rate.
    symbol : (beat,) WFDB's; ``""`` for an R peak of the engine that matches no reference beat.
    """

    sample: npt.NDArray[np.int64]
    symbol: npt.NDArray[np.str_]

    @cached_property
    def subject(self) -> npt.NDArray[np.str_]:
        """(beat,) who was recorded."""
        return np.array(self.meta["subjects"], np.str_)[self.record_index]

    def labels(self, table: str, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
        """Return (beat,) indices into `classes` under a label map; -1 for no such class."""
        return indices(translate(self.symbol, table), classes)


def corpus_fingerprint(corpus: Corpus) -> str:
    """Return hex digits that differ whenever the corpus's beats or records would.

    Headers and reference annotations are read whole, of the signal ten seconds at the beginning,
    the middle and the end of each record: whether each byte is the publisher's is for
    ``einthoven data check`` to say.
    """
    parts: list[object] = [corpus.name]
    for name in corpus.present:
        source = corpus.open(name)
        marks = source.annotations()
        parts += [name, corpus.subject(name), source.rate, source.samples, source.leads]
        span = round(10 * source.rate)
        for start in (0, source.samples // 2, source.samples - span):
            first = max(0, start)
            parts.append(source.read(first, min(first + span, source.samples)).tobytes())
        if marks is not None:
            parts += [marks.samples.tobytes(), " ".join(marks.symbols.tolist())]
    return key(*parts)


def open_store(
    corpus: Corpus, spec: InputSpec, *, peaks: str = "reference", root: Path | None = None
) -> Store:
    """Return the store of a corpus, cutting it first if it is not there.

    Parameters
    ----------
    corpus : whose records.
    spec : what a window is.
    peaks : ``reference``, the annotated beats; or ``engine``, our own R peaks, labelled by the
        reference beat within 150 ms.
    root : where stores lie; `cache_root` if not given.

    Raises
    ------
    DataError : the corpus has no record here.
    """
    if peaks not in ("reference", "engine"):
        raise UsageError("peaks", f"{peaks!r} is not known", "Use reference or engine")
    corpus.at_hand()
    # The engine's R peaks change with the detector, hence with the version.
    whose = peaks if peaks == "reference" else f"engine {__version__}"
    people = patients(corpus, spec)
    parts = [LAYOUT, corpus_fingerprint(corpus), spec.fingerprint, whose]
    name = f"{corpus.name}-{key(*parts, *([sorted(people.items())] if people else []))}"
    folder = (cache_root() if root is None else root) / name
    if not (folder / META).is_file():
        _build(corpus, spec, peaks, people, folder)
    return _load(folder)


def _load(folder: Path) -> Store:
    meta, columns = _folder.read(folder, COLUMNS)
    return Store(
        path=folder, meta=meta, window=columns["window"], side=columns["side"],
        record_index=np.asarray(columns["record"]), sample=np.asarray(columns["sample"]),
        symbol=np.asarray(columns["symbol"]).astype(np.str_),
    )  # fmt: skip


def patients(corpus: Corpus, spec: InputSpec) -> Mapping[str, Patient]:
    """Return who enters a record's side numbers, by record; empty where the spec asks for none.

    Of a person, age and sex alone. For the group ``patient-exchanged`` it is another subject, one
    and the same for all records of a subject: what a net then gains, it gains by recognising the
    person.
    """
    if not {"patient", "patient-exchanged"} & set(spec.side):
        return {}
    people: dict[str, Patient] = {}
    for name in corpus.present:
        said = corpus.open(name).patient or Patient()
        people.setdefault(corpus.subject(name), Patient(age=said.age, sex=said.sex))
    giver = {subject: subject for subject in people}
    if "patient-exchanged" in spec.side:
        giver |= exchanged(list(people), seed=0)
    return {name: people[giver[corpus.subject(name)]] for name in corpus.present}


def _build(
    corpus: Corpus, spec: InputSpec, peaks: str, people: Mapping[str, Patient], folder: Path
) -> None:
    from tqdm import tqdm

    names = corpus.present
    counts, columns = [], {c: [] for c in COLUMNS if c != "window"}  # type: ignore[var-annotated]
    shape: tuple[int, ...] = (1, 0)
    with _folder.made(folder) as place:
        raw = place / "window.raw"
        with raw.open("wb") as file:
            bar = tqdm(
                names, f"cutting {corpus.name}", unit="record", disable=not sys.stderr.isatty()
            )
            for index, name in enumerate(bar):
                window, side, sample, symbol = cut(corpus.open(name), spec, peaks, people.get(name))
                file.write(np.ascontiguousarray(window, "<f4").tobytes())
                shape = window.shape[1:]
                counts.append(len(sample))
                columns["side"].append(side)
                columns["record"].append(np.full(len(sample), index, np.int32))
                columns["sample"].append(sample)
                columns["symbol"].append(symbol.astype("S1"))
        meta = {
            "layout": LAYOUT, "corpus": corpus.name, "peaks": peaks, "spec": spec.to_dict(),
            "records": list(names), "subjects": [corpus.subject(n) for n in names],
            "side": list(side_names(spec)), "beats": counts,
        }  # fmt: skip
        _folder.write(place, meta, raw, (sum(counts), *shape), columns)


def cut(
    source: Source, spec: InputSpec, peaks: str, patient: Patient | None = None
) -> tuple[
    npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.str_]
]:
    """Return windows (beat, lead, time), side (beat, number), R peaks and symbols (beat,).

    The R peaks go through the same `InputStream` as in use; for one that no reference beat
    matches, the symbol is ``""``.

    Raises
    ------
    DataError : the record has no reference annotations.
    """
    marks = source.annotations()
    if marks is None:
        raise DataError(source.path, "has no reference annotations", "Use a labelled corpus")
    marks = marks.where(is_beat(marks.symbols))
    samples = marks.samples if peaks == "reference" else engine_peaks(source)
    stream = InputStream(spec, source.rate, source.leads, patient, source.path)
    given, done, at = [], 0, 0
    for chunk in source.chunks(_CHUNK):
        at += chunk.shape[1]
        upto = int(np.searchsorted(samples, at))
        given += stream.push(chunk, samples[done:upto], at)
        done = upto
    given += stream.flush()
    side = len(side_names(spec))
    empty = np.zeros((0, len(spec.leads), spec.time if spec.waveform else 0), np.float32)
    window = np.concatenate([empty, *(g.window for g in given)])
    numbers = np.concatenate([np.zeros((0, side), np.float32), *(g.side for g in given)])
    sample = np.concatenate([np.zeros(0, np.int64), *(g.samples for g in given)])
    symbol = marks.symbols if peaks == "reference" else symbols_of(sample, marks, source.rate)
    assert len(sample) == len(symbol), "a beat was lost on the way"
    return window, numbers, sample, symbol
