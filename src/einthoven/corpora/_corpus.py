"""What a corpus is, where its files lie, and the catalogue of all of them."""

from __future__ import annotations

import abc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from einthoven.record.diagnosis import Statement
from einthoven.record.errors import DataError, nearest
from einthoven.record.registry import Registry
from einthoven.record.source import Source


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the publisher says of a data set; data, in the corpus's own file.

    Attributes
    ----------
    name, title, version : as the publisher has them.
    licence, citation, doi, url : who made it, and on what terms it may be used.
    base_url : where its files lie, with a slash at the end; empty where they lie otherwise.
    deposit : address of the listing of its files, where they lie at a depository (`_deposits`).
    by_hand : where to load the files by hand, where `data get` cannot.
    records, subjects : how many.
    rate : Hz.
    leads : in words.
    hours : of signal, all records together; 0 where the publisher states no sum.
    size : bytes of all that `data get` loads; 0 where it loads nothing, or where the listing of a
        deposit says how much.
    symbols : how often each annotation symbol stands in all reference annotations.
    classes : how many beats of each class (`record.vocabulary`, table ``aami``) there are.
    statements : how many records carry each code, in all records.
    subjects_known : whether the publisher says who was recorded. Where not, `Corpus.subject` gives
        each record a name of its own: a person recorded twice is then two subjects, and may stand
        on both sides of a split.
    """

    name: str
    title: str
    version: str
    licence: str
    citation: str
    doi: str
    url: str
    base_url: str
    records: int
    subjects: int
    rate: float
    leads: str
    hours: float
    size: int
    symbols: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    classes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    statements: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    subjects_known: bool = True
    deposit: str = ""
    by_hand: str = ""


class Corpus(abc.ABC):
    """A named set of records with labels and subjects.

    Parameters
    ----------
    root : the data root; the corpus lies in the folder ``root / name``.

    Attributes
    ----------
    facts : what its publisher says; of a corpus in several editions, that of the one opened.
    """

    facts: Facts

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / self.facts.name

    @property
    def name(self) -> str:
        """The name in the catalogue."""
        return self.facts.name

    @property
    def title(self) -> str:
        """The publisher's title."""
        return self.facts.title

    @property
    def licence(self) -> str:
        """On what terms it may be used."""
        return self.facts.licence

    @property
    def citation(self) -> str:
        """What to cite."""
        return self.facts.citation

    @property
    def url(self) -> str:
        """The publisher's page."""
        return self.facts.url

    @property
    def mend(self) -> str:
        """What to do where its files are not here, the end of a fault."""
        return self.facts.by_hand or f"Load it with: einthoven data get {self.name}"

    @property
    @abc.abstractmethod
    def records(self) -> tuple[str, ...]:
        """The names of all records, in the publisher's order."""

    @property
    def present(self) -> tuple[str, ...]:
        """The records that can be opened here and now."""
        return self.records

    def at_hand(self) -> tuple[str, ...]:
        """Return `present`, which must not be empty.

        Raises
        ------
        DataError : no record is here.
        """
        present = self.present
        if not present:
            raise DataError(self.folder, "holds no record", self.mend)
        return present

    @abc.abstractmethod
    def subject(self, record: str) -> str:
        """Return who was recorded; never guessed.

        The name of the corpus that the person belongs to stands in front (``"mitdb:118"``), so
        that a person found in two corpora is seen to be one. Where the publisher never says who
        was recorded (`Facts.subjects_known`), it is ``"NAME:record:<record>"``.

        Raises
        ------
        DataError : where the corpus has no such record or the publisher does not say who it is.
        """

    @abc.abstractmethod
    def open(self, record: str) -> Source:
        """Return the record; its ``annotations()`` are the reference.

        Raises
        ------
        DataError : where the corpus has no such record, or it is not here.
        """

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return what the publisher says of the whole record; nothing where only beats are marked.

        Raises
        ------
        DataError : where the corpus has no such record, or its labels are not here.
        """
        self._known(record)
        return ()

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return what else is known of the record, e.g. ``age``, ``sex``, ``device``, ``site``.

        Names and birth dates are never among it; a key that is not known is absent.

        Raises
        ------
        DataError : where the corpus has no such record, or its table is not here.
        """
        self._known(record)
        return {}

    def notes(self) -> tuple[str, ...]:
        """Return what should be known of the records that are here, a sentence each."""
        return ()

    def files(self) -> tuple[str, ...]:
        """Return the names of the publisher's files that `data get` loads."""
        return ()

    @abc.abstractmethod
    def miniature(self, folder: Path, seed: int) -> Path:
        """Write a generated corpus in the publisher's layout; return the data root to open it with.

        Parameters
        ----------
        folder : becomes the data root; the corpus is written to ``folder / name``.
        seed : of all chance in it.
        """

    def _absent(self, path: Path) -> DataError:
        """Return the fault that one of the publisher's files is not there."""
        return DataError(path, "is not there", self.mend)

    def _known(self, record: str) -> str:
        if record not in self.records:
            raise DataError(
                self.name, f"there is no record {record!r}", nearest(record, self.records)
            )
        return record


CORPORA: Registry[type[Corpus]] = Registry("corpus", "einthoven.corpora")


def data_root() -> Path:
    """Return the folder of all corpora: ``$EINTHOVEN_DATA`` or ``~/.cache/einthoven/data``."""
    return Path(os.environ.get("EINTHOVEN_DATA") or "~/.cache/einthoven/data").expanduser()


def open_corpus(name: str, root: Path | None = None) -> Corpus:
    """Return the corpus of that name.

    Parameters
    ----------
    name : as `CORPORA.names` lists it.
    root : the data root; `data_root` if not given.

    Raises
    ------
    UsageError : where no corpus has that name.
    """
    return CORPORA[name](data_root() if root is None else Path(root))
