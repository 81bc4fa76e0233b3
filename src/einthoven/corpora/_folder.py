"""A corpus that is a folder of WFDB records, as PhysioNet lays them out."""

from __future__ import annotations

from collections.abc import Sequence

from einthoven.corpora._corpus import Corpus
from einthoven.formats import open_source
from einthoven.record.errors import DataError, nearest
from einthoven.record.source import Source


class WfdbFolder(Corpus):
    """A folder with RECORDS, SHA256SUMS.txt and a ``.hea``, ``.dat`` and annotation file a record.

    Attributes
    ----------
    published : the names of all records that the publisher lists.
    annotator : ending of the reference annotations.
    """

    published: tuple[str, ...]
    annotator: str = "atr"

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
            raise DataError(path, "is not there", f"Load it with: einthoven data get {self.name}")
        return open_source(path)

    def files(self) -> tuple[str, ...]:
        """Return RECORDS and the files of each record."""
        names = [f"{r}.{end}" for r in self.published for end in ("hea", self.annotator, "dat")]
        return ("RECORDS", *names)
