"""A publisher's table of records: one row a record, read once."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from einthoven.corpora._corpus import Corpus
from einthoven.corpora._sums import read_sums
from einthoven.record.errors import DataError

_BYTES = 256 << 20


class Table:
    """The rows of a CSV file by the name of their record, in the order of the file.

    Parameters
    ----------
    path : the file, UTF-8.
    key : the column that names the record.
    needs : further columns that must be there.
    mend : what to do where the file is not there.
    head : the names of the columns, where the file does not begin with them.

    Raises
    ------
    DataError : where the file is not there, is no such table, or names a record twice.
    """

    def __init__(
        self, path: Path, key: str, needs: Sequence[str], mend: str, head: Sequence[str] = ()
    ) -> None:  # fmt: skip
        if not path.is_file():
            raise DataError(path, "is not there", mend)
        if path.stat().st_size > _BYTES:
            raise DataError(path, f"is larger than {_BYTES >> 20} MiB", "Check what it is")
        self._rows: dict[str, list[str]] = {}
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.reader(file, strict=True)
                head = head or next(rows, [])
                self._column = {name: k for k, name in enumerate(head)}
                for name in (key, *needs):
                    if name not in self._column:
                        raise DataError(path, f"has no column {name!r}", "Fetch it again")
                at = self._column[key]
                for row in rows:
                    if len(row) != len(head):
                        raise DataError(
                            path, f"line {rows.line_num} has {len(row)} of {len(head)} cells",
                            "Fetch it again",
                        )  # fmt: skip
                    if row[at] in self._rows:
                        raise DataError(path, f"names {row[at]!r} twice", "Fetch it again")
                    self._rows[row[at]] = row
        except (csv.Error, UnicodeDecodeError) as fault:
            raise DataError(path, f"is no table ({fault})", "Fetch it again") from fault
        self.path = path
        self.records = tuple(self._rows)

    def __contains__(self, record: str) -> bool:
        return record in self._rows

    def cell(self, record: str, column: str) -> str:
        """Return one cell, without white space around it; empty where there is no such column."""
        at = self._column.get(column)
        return "" if at is None else self._rows[record][at].strip()

    def cells(self, record: str, columns: Sequence[str]) -> dict[str, str]:
        """Return the cells of those columns that are not empty."""
        found = ((column, self.cell(record, column)) for column in columns)
        return {column: text for column, text in found if text}


class TableCorpus(Corpus):
    """A corpus whose records are the rows of a table of the publisher's.

    Attributes
    ----------
    table : the file in the corpus's folder.
    key : the column that names the record.
    needs : further columns that must be there.
    """

    table: str
    key: str
    needs: tuple[str, ...]

    @cached_property
    def _table(self) -> Table:
        return Table(self.folder / self.table, self.key, self.needs, self.mend)

    @property
    def records(self) -> tuple[str, ...]:
        """The records of the table; none where it is not here, for it alone names them."""
        return self._table.records if (self.folder / self.table).is_file() else ()

    def files(self) -> tuple[str, ...]:
        """Return what the list of checksums names, which `data get` loads first."""
        return tuple(read_sums(self.folder)) or (self.table,)

    def _known(self, record: str) -> str:
        if record not in self._table:
            mend = f"See the column {self.key} of {self.table}"
            raise DataError(self.name, f"there is no record {record!r}", mend)
        return record
