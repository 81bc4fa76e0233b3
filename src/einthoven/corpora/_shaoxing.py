"""Chapman-Shaoxing and Ningbo: numbered as one, and published as one a second time.

PhysioNet's ecg-arrhythmia 1.0.0 has both in ``WFDBRecords/01/010/JS00001.hea`` .., about a hundred
records a folder, with the names, signals and SNOMED CT codes of the challenge. It is read where it
lies in the folder of either corpus, or in one folder ``ecg-arrhythmia`` of the data root for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from einthoven.corpora._cinc import EDITION, Editions
from einthoven.corpora._corpus import Facts
from einthoven.corpora._sums import read_sums
from einthoven.formats._wfdb_header import parse
from einthoven.record.errors import FormatError

ARRHYTHMIA = "ecg-arrhythmia"
LAST = 10646  # the number of the last record of Chapman-Shaoxing
_TREE = "WFDBRecords"
# In these two headers the publisher has lost a line break, so that one lead is not told of.
_BROKEN = ("JS01052", "JS23074")


def arrhythmia(challenge: Facts, paper: str) -> Facts:
    """Return the facts of a part in the edition ecg-arrhythmia.

    Parameters
    ----------
    challenge : its facts in the challenge's edition.
    paper : the citation of the paper on this part.
    """
    return replace(
        challenge, version="1.0.0", doi="10.13026/wgex-er52",
        url="https://physionet.org/content/ecg-arrhythmia/1.0.0/",
        base_url="https://physionet.org/files/ecg-arrhythmia/1.0.0/",
        statements=MappingProxyType({}),  # counted by the challenge, for its own edition
        citation=(
            f"{paper} Zheng J, Guo H, Chu H. A large scale 12-lead electrocardiogram database for "
            "arrhythmia study (1.0.0). PhysioNet 2022 (10.13026/wgex-er52). "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
    )  # fmt: skip


class Shaoxing(Editions):
    """One of the two.

    Attributes
    ----------
    numbers : of its records.
    """

    pattern = r"JS\d{5}"
    numbers: ClassVar[range]

    def __init__(self, root: Path, *, edition: str = "") -> None:
        super().__init__(root, edition=edition)
        shared = root / ARRHYTHMIA
        if self.edition == ARRHYTHMIA and not (self.folder / _TREE).is_dir() and shared.is_dir():
            self.folder = shared

    def _mine(self, record: str) -> bool:
        return super()._mine(record) and int(record[2:]) in self.numbers

    @cached_property
    def _shelved(self) -> Mapping[str, Path]:
        for folder in (self.folder, self.root / ARRHYTHMIA):
            found = self._scan(sorted((folder / _TREE).glob("[0-9][0-9]/[0-9][0-9][0-9]")))
            if found:
                return found
        return {}

    @cached_property
    def _sound(self) -> Mapping[str, Path]:
        return {r: h for r, h in self._shelved.items() if r not in _BROKEN or _whole(h)}

    def _files_of(self, edition: str) -> Mapping[str, Path]:
        return self._headers if edition == EDITION else self._sound

    def files(self) -> tuple[str, ...]:
        """Return the records of this part as far as they are known.

        The publisher's list of checksums, which `data get` loads first, names them all.
        """
        if self.edition != ARRHYTHMIA:
            return super().files()
        names = (n for n in read_sums(self.folder) if n.startswith(_TREE))
        ends = (".hea", ".mat")
        mine = tuple(n for n in names if n.endswith(ends) and self._mine(Path(n).stem))
        return mine or ("RECORDS",)

    def notes(self) -> tuple[str, ...]:
        """Return which records of this edition cannot be read."""
        broken = set(self._shelved) - set(self._sound) if self.edition == ARRHYTHMIA else ()
        lost = "left out, for the publisher's header has lost a line break"
        return tuple(f"{record}: {lost}" for record in sorted(broken))

    def _name(self, number: int) -> str:
        return super()._name(self.numbers.start + number - 1)

    def _shelf(self, record: str) -> Path:
        if self.edition != ARRHYTHMIA:
            return super()._shelf(record)
        shelf = 10 + int(record[2:]) // 100
        return Path(_TREE, f"{shelf // 10:02d}", f"{shelf:03d}")


def _whole(header: Path) -> bool:
    try:
        parse(header)
    except FormatError:
        return False
    return True
