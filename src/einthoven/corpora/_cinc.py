"""Corpora as the CinC Challenge 2021 laid them out: a ``.hea`` and a ``.mat`` a record.

The publisher has folders ``training/<part>/g1``, ``g2`` .. of about a thousand records each. The
same files are found where they lie flat, too, and in one folder of the whole challenge
(``cinc2021``). Age, sex and the codes of the diagnoses stand in comments of the header; headers in
the wild name their record ``E00001.mat``, spell mV as mv, leave a code empty, or have lost the
first letter of their name (``S23074.hea`` beside ``JS23074.mat``).
"""

from __future__ import annotations

import abc
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from einthoven.corpora._corpus import Corpus, Facts
from einthoven.corpora._hearts import recording
from einthoven.corpora._miniature import write_record
from einthoven.corpora._sums import read_sums, write_sums
from einthoven.formats import open_source
from einthoven.formats._wfdb_header import parse
from einthoven.record.diagnosis import Statement
from einthoven.record.errors import DataError, UsageError
from einthoven.record.leads import STANDARD
from einthoven.record.source import Source

CHALLENGE = (
    "Reyna MA, Sadr N, Perez Alday EA, Gu A, Shah AJ, Robichaux C, Rad AB, Elola A, Seyedi S, "
    "Ansari S, Ghanbari H, Li Q, Sharma A, Clifford GD. Will two do? Varying dimensions in "
    "electrocardiography: the PhysioNet/Computing in Cardiology Challenge 2021. Computing in "
    "Cardiology 2021; 48 (10.23919/CinC53138.2021.9662687). "
    "Perez Alday EA, Gu A, Shah AJ, et al. Classification of 12-lead ECGs: the "
    "PhysioNet/Computing in Cardiology Challenge 2020. Physiol Meas 2020; 41: 124003 "
    "(10.1088/1361-6579/abc960). "
    "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
    "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
)
EDITION = "cinc2021"
_BASE = "https://physionet.org/files/challenge-2021/1.0.3/"
_MEDIUM = 16 * 12 / 8  # bytes of twelve leads at one moment
_ABSENT = frozenset({"", "nan", "unknown", "none"})
_SEX = {"male": "male", "m": "male", "female": "female", "f": "female"}
# What is generated, and the code of it.
_CODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "normal": ("426783006",), "lbbb": ("164909002", "426783006"), "rbbb": ("59118001",),
        "long-pr": ("270492004", "426783006"), "fibrillation": ("164889003",),
        "tachycardia": ("427084000",), "bradycardia": ("426177001",),
        "ventricular": ("17338001", "426783006"), "high-voltage": ("164873001", "426783006"),
        "left-axis": ("39732003", "426783006"), "flat-t": ("164934002", "426783006"),
    }
)  # fmt: skip


def facts(
    *, name: str, title: str, citation: str, records: int, rate: float = 500.0, hours: float,
    statements: Mapping[str, int],
) -> Facts:  # fmt: skip
    """Return what is the same for all parts of the challenge, with what is not."""
    return Facts(
        name=name, title=title, version="1.0.3", licence="CC BY 4.0",
        citation=f"{citation} {CHALLENGE}".strip(), doi="10.13026/34va-7q14",
        url="https://physionet.org/content/challenge-2021/1.0.3/", base_url=_BASE,
        records=records, subjects=records, subjects_known=False, rate=rate, leads="the twelve",
        hours=hours, size=round(hours * 3600 * rate * _MEDIUM) + records * 1000,
        statements=MappingProxyType(dict(statements)),
    )  # fmt: skip


class CincFolder(Corpus):
    """One part of the challenge; nobody says who was recorded, so each record is a subject.

    Attributes
    ----------
    part : the publisher's folder.
    pattern : what the names of its records look like.
    """

    part: ClassVar[str]
    pattern: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = tuple(_CODES)

    @property
    def trees(self) -> tuple[Path, ...]:
        """The folders in which the records may lie; the first that has any is taken."""
        shared = self.root / "cinc2021"
        places = (self.folder / "training" / self.part, shared / "training" / self.part)
        return (*places, shared / self.part, self.folder)

    @cached_property
    def _headers(self) -> Mapping[str, Path]:
        """The headers of the challenge's records that have a signal, by name, in order."""
        for tree in self.trees:
            found = self._scan((tree, *sorted(tree.glob("g*"))))
            if found:
                return found
        return MappingProxyType({})

    def _scan(self, folders: Iterable[Path]) -> Mapping[str, Path]:
        """Return the headers in these folders that have a signal, by the name of the signal."""
        found = {}
        for folder in folders:
            here = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set[str]()
            for name in here:
                stem = name.removesuffix(".mat")
                header = next((h for h in (f"{stem}.hea", f"{stem[1:]}.hea") if h in here), "")
                if name != stem and header and self._mine(stem):
                    found[stem] = folder / header
        return MappingProxyType(dict(sorted(found.items())))

    def _mine(self, record: str) -> bool:
        """Return whether a record of that name would be one of this corpus."""
        return bool(re.fullmatch(self.pattern, record))

    @property
    def _found(self) -> Mapping[str, Path]:
        """The files of the records that are here, by name, in order."""
        return self._headers

    @property
    def records(self) -> tuple[str, ...]:
        """The records that are here, sorted; the folder alone names them."""
        return tuple(self._found)

    def _known(self, record: str) -> str:
        if record in self.records:
            return record
        if self._mine(record):
            place = self.trees[0] / f"{record}.hea"
            raise self._absent(place)
        raise DataError(
            self.name, f"there is no record {record!r}", f"They are named like {self.pattern}"
        )

    def subject(self, record: str) -> str:
        """Return ``"<corpus>:record:<record>"``: who was recorded is not known."""
        return f"{self.name}:record:{self._known(record)}"

    def open(self, record: str) -> Source:
        """Return the record; it has no annotations."""
        self._known(record)
        return open_source(self._found[record])

    def _comments(self, record: str) -> Mapping[str, str]:
        self._known(record)
        pairs = (text.partition(":") for text in parse(self._found[record]).comments)
        return {key.strip().lower(): value.strip() for key, mark, value in pairs if mark}

    def codes(self, record: str) -> tuple[str, ...]:
        """Return the codes of the comment ``Dx``, each once; empty ones are passed over."""
        found = (code.strip() for code in self._comments(record).get("dx", "").split(","))
        return tuple(dict.fromkeys(code for code in found if code.lower() not in _ABSENT))

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return the SNOMED CT codes of the header."""
        return tuple(Statement(system="SNOMED CT", code=code) for code in self.codes(record))

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years) and sex, where the header says."""
        return person(self._comments(record))

    def files(self) -> tuple[str, ...]:
        """Return the records of this part as far as they are known.

        The publisher's list of checksums, which `data get` loads first, names them all.
        """
        sums = read_sums(self.folder)
        if not sums:
            return (f"training/{self.part}/g1/RECORDS",)
        ends = (".hea", ".mat")
        return tuple(n for n in sums if n.startswith(f"training/{self.part}/") and n.endswith(ends))

    def miniature(self, folder: Path, seed: int, *, records: int = 12) -> Path:
        """Write generated records in the publisher's layout, with its odd headers.

        Parameters
        ----------
        folder : becomes the data root.
        seed : of all chance.
        records : how many.
        """
        kinds = (self.kinds[number % len(self.kinds)] for number in range(records))
        self._generate(folder, seed, [(self._name(k + 1), kind) for k, kind in enumerate(kinds)])
        return folder

    def _name(self, number: int) -> str:
        """Return the name of the record of that number, counted from 1."""
        start, digits = re.fullmatch(r"([A-Z]+)\\d\{(\d)\}", self.pattern).groups()  # type: ignore[union-attr]
        return f"{start}{number:0{digits}d}"

    def _said(self, number: int, kind: str) -> str:
        """Return the comment ``Dx`` of a generated record."""
        del number
        return ",".join(_CODES[kind])

    def _shelf(self, record: str) -> Path:
        """Return the folder of a generated record, in that of the corpus."""
        del record
        return Path("training", self.part, "g1")

    def _generate(self, folder: Path, seed: int, chosen: Sequence[tuple[str, str]]) -> None:
        target = folder / self.name
        files = []
        for number, (name, kind) in enumerate(chosen, start=1):
            place = target / self._shelf(name)
            place.mkdir(parents=True, exist_ok=True)
            drawn = recording(
                kind, 3000 + number, rate=self.facts.rate, seconds=10.0, seed=1000 * seed + number
            )
            samples = np.clip(np.rint(drawn * 1000), -32767, 32767).astype(np.int64)
            files += write_record(
                place, name, samples, self.facts.rate, STANDARD, gain="1000/mV", resolution=16,
                zero=0, marks=None, form=16, matrix=True, comments=(
                    f"Age: {'NaN' if number % 5 == 0 else 20 + 7 * number % 70}",
                    f"Sex: {'Female' if number % 2 else 'Male'}",
                    f"Dx: {self._said(number, kind)}", "Rx: Unknown", "Hx: Unknown", "Sx: Unknown",
                ),
            )  # fmt: skip
            if number % 3 == 0:  # as many headers of the publisher are
                header = place / f"{name}.hea"
                text = header.read_text(encoding="ascii").replace("1000/mV", "1000/mv")
                text = text.replace(f"{name} ", f"{name}.mat ", 1).replace("# ", "#")
                header.write_text(text, encoding="ascii")
        write_sums(target, files)


class Editions(CincFolder):
    """A part of the challenge that its publishers have in other editions, too.

    Attributes
    ----------
    others : name and facts of these, in the order in which they are looked for.
    edition : the one that is opened; the editions are never mixed, for they hold the same
        recordings.

    Parameters
    ----------
    root : the data root.
    edition : ``"cinc2021"`` or one of `others`; the first that is here, if not given.

    Raises
    ------
    UsageError : for another edition.
    """

    others: ClassVar[Mapping[str, Facts]]

    def __init__(self, root: Path, *, edition: str = "") -> None:
        super().__init__(root)
        names = (EDITION, *self.others)
        if edition not in ("", *names):
            raise UsageError(self.name, f"has no edition {edition!r}", f"Known: {', '.join(names)}")
        self.edition = edition or next((name for name in names if self._here(name)), EDITION)
        self.facts = self.others.get(self.edition, self.facts)

    def _here(self, edition: str) -> bool:
        return bool(self._files_of(edition))

    @property
    def original(self) -> bool:
        """Whether the publisher's own edition is opened, which is laid out in another way."""
        return self.edition == "original"

    @property
    def _found(self) -> Mapping[str, Path]:
        return self._files_of(self.edition)

    @abc.abstractmethod
    def _files_of(self, edition: str) -> Mapping[str, Path]:
        """Return the files of the records of that edition that are here, by name, in order."""

    def files(self) -> tuple[str, ...]:
        """Return the records of this part as far as they are known; nothing where by hand."""
        return () if self.facts.by_hand else super().files()


def person(said: Mapping[str, str]) -> dict[str, str]:
    """Return age (whole years) and sex as far as they are told, from ``age`` and ``sex``."""
    found = {}
    age = said.get("age", "").strip().removesuffix(".0")
    if age.isdecimal() and int(age) <= 120:
        found["age"] = str(int(age))
    sex = _SEX.get(said.get("sex", "").strip().lower())
    if sex:
        found["sex"] = sex
    return found
