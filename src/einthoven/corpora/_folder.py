"""A corpus that is a folder of WFDB records, as PhysioNet lays them out."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from pathlib import Path

from einthoven.corpora._corpus import Corpus
from einthoven.corpora._miniature import write_listing
from einthoven.formats import open_source
from einthoven.formats._wfdb_header import parse
from einthoven.record.errors import DataError, nearest
from einthoven.record.source import Source


class WfdbFolder(Corpus):
    """A folder with RECORDS, SHA256SUMS.txt and a ``.hea``, ``.dat`` and annotation file a record.

    Attributes
    ----------
    published : the names of all records that the publisher lists.
    annotator : ending of the reference annotations.
    besides : names of what the publisher lays beside the records, e.g. noise.
    seconds : of a generated record, unless told otherwise.
    """

    published: tuple[str, ...]
    annotator: str = "atr"
    besides: tuple[str, ...] = ()
    seconds: float = 60.0

    @property
    def records(self) -> tuple[str, ...]:
        """The records of RECORDS in the folder, else all that the publisher lists."""
        listing = self.folder / "RECORDS"
        if not listing.is_file():
            return self.published
        here = set(listing.read_text(encoding="ascii", errors="replace").split())
        return tuple(name for name in self.published if name in here)

    @property
    def present(self) -> tuple[str, ...]:
        """The records whose header and signal are in the folder."""
        return tuple(
            name
            for name in self.records
            if all((self.folder / f"{name}.{end}").is_file() for end in ("hea", "dat"))
        )

    def open(self, record: str) -> Source:
        """Return the record with the reference annotations."""
        return self._opened(record, self.records)

    def _opened(self, record: str, known: Sequence[str]) -> Source:
        if record not in known:
            raise DataError(self.name, f"there is no record {record!r}", nearest(record, known))
        path = self.folder / f"{record}.hea"
        if not path.is_file():
            raise self._absent(path)
        return open_source(path)

    def _comments(self, record: str) -> tuple[str, ...]:
        """Return the comments of a record's header."""
        path = self.folder / f"{self._known(record)}.hea"
        if not path.is_file():
            raise self._absent(path)
        return parse(path).comments

    def files(self) -> tuple[str, ...]:
        """Return RECORDS and the files of each record."""
        names = [f"{r}.{end}" for r in self.published for end in ("hea", self.annotator, "dat")]
        return ("RECORDS", *names)

    def miniature(
        self, folder: Path, seed: int, *, records: Sequence[str] | None = None,
        seconds: float | None = None,
    ) -> Path:  # fmt: skip
        """Write generated records with the names, rate, leads and comments of the publisher's.

        Parameters
        ----------
        folder : becomes the data root.
        seed : of all chance.
        records : which; all that are published, and what lies beside them, if not given.
        seconds : of each; `seconds` of the corpus if not given.
        """
        chosen = (*self.published, *self.besides) if records is None else tuple(records)
        target = folder / self.name
        target.mkdir(parents=True, exist_ok=True)
        length = self.seconds if seconds is None else seconds
        files = [path for name in chosen for path in self._generate(target, name, seed, length)]
        write_listing(target, chosen, files)
        return folder

    @abc.abstractmethod
    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        """Write the files of one generated record into the folder `target`; return them."""
