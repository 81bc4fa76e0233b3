"""CinC Challenge 2017: 8,528 recordings of one lead, held between two hands, in four classes.

``N`` normal, ``A`` atrial fibrillation, ``O`` another rhythm, ``~`` too noisy to say: one a record,
by the third revision of the reference. The publisher does not say who was recorded, nor whether
anybody was more than once: but for six each record is a subject of its own here, and an interval
over subjects may be too narrow. The device filters what it records, and some traces are upside
down.

The six (`ONE_SOURCE`) look like one source that plays the same beats over and over: in each the
same intervals come in the same order, and 5 s of one are found in any other with a correlation of
0.94 to 0.99, where other records reach 0.2 to 0.55. That is ours; the publisher does not say so,
and labels two of them O and four N. The folds of the recipe ``rhythm`` were dealt out before this
was seen, record by record: four of the six are in its third fold and two in its fourth.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from einthoven.corpora._corpus import CORPORA, Corpus, Facts
from einthoven.corpora._hearts import recording
from einthoven.corpora._miniature import write_record
from einthoven.corpora._sums import read_sums, write_sums
from einthoven.corpora._table import Table
from einthoven.formats import open_source
from einthoven.record.diagnosis import Statement
from einthoven.record.errors import DataError
from einthoven.record.source import Source

_TABLE = "REFERENCE-v3.csv"
_CODES = ("N", "A", "O", "~")
# As the files lie at the publisher's, and as they lie in the archive of the challenge.
_TREES = ("training", "training2017")


# What looks like one looping source: one subject.
ONE_SOURCE = ("A00227", "A00595", "A01014", "A01925", "A02213", "A02288")


class Cinc2017(Corpus):
    """The corpus; a record has no annotations, its class is its one statement."""

    facts = Facts(
        name="cinc2017",
        title="AF Classification from a Short Single Lead ECG Recording: the PhysioNet/Computing "
        "in Cardiology Challenge 2017",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Clifford GD, Liu C, Moody B, Lehman LH, Silva I, Li Q, Johnson AE, Mark RG. AF "
            "classification from a short single lead ECG recording: the PhysioNet/Computing in "
            "Cardiology Challenge 2017. Computing in Cardiology 2017; 44 "
            "(10.22489/CinC.2017.065-469). "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.22489/CinC.2017.065-469",  # of the paper
        url="https://physionet.org/content/challenge-2017/1.0.0/",
        base_url="https://physionet.org/files/challenge-2017/1.0.0/",
        records=8528,
        subjects=8523,  # not stated by the publisher: one a record, and one for `ONE_SOURCE`
        subjects_known=False,
        rate=300.0,
        leads="one, between the hands: lead I",
        hours=77.0,  # 8,528 records of 9 to 61 s, 32.5 s in the mean
        size=8528 * 20_000,
        statements=MappingProxyType({"N": 5076, "A": 758, "O": 2415, "~": 279}),
    )

    @cached_property
    def _table(self) -> Table:
        return Table(self.folder / _TABLE, "record", (), self.mend, head=("record", "class"))

    @property
    def records(self) -> tuple[str, ...]:
        """The records of the reference, else all that are published."""
        return self._table.records if (self.folder / _TABLE).is_file() else _PUBLISHED

    @property
    def present(self) -> tuple[str, ...]:
        """The records whose header and signal are in the folder."""
        here = set[str]()
        for tree in _TREES:
            for _, _, names in os.walk(self.folder / tree):
                found = set(names)
                here |= {n[:-4] for n in found if n.endswith(".mat") and f"{n[:-4]}.hea" in found}
        return tuple(name for name in self.records if name in here)

    def _known(self, record: str) -> str:
        known = self._table if (self.folder / _TABLE).is_file() else frozenset(_PUBLISHED)
        if record not in known:
            raise DataError(
                self.name, f"there is no record {record!r}", "They are named A00001 to A08528"
            )
        return record

    def subject(self, record: str) -> str:
        """Return ``"cinc2017:record:<record>"``: who was recorded is not known.

        `ONE_SOURCE` has the subject of the first of them.
        """
        known = self._known(record)
        return f"cinc2017:record:{ONE_SOURCE[0] if known in ONE_SOURCE else known}"

    def open(self, record: str) -> Source:
        """Return the record, one lead at 300 Hz."""
        self._known(record)
        first, second = (self.folder / tree for tree in _TREES)
        for path in (first / record[:3] / f"{record}.hea", second / f"{record}.hea"):
            if path.is_file():
                return open_source(path)
        raise self._absent(first / record[:3] / f"{record}.hea")

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return the one class of the record."""
        code = self._table.cell(self._known(record), "class")
        if code not in _CODES:
            raise DataError(
                self._table.path, f"gives {record} the class {code!r}", "Fetch it again"
            )
        return (Statement(system="CinC 2017", code=code),)

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return the device, which is the same for all."""
        self._known(record)
        return {"device": "AliveCor"}

    def files(self) -> tuple[str, ...]:
        """Return the reference, and the records as far as they are known.

        The publisher's list of checksums, which `data get` loads first, names them all.
        """
        sums = read_sums(self.folder)
        if not sums:
            return (_TABLE,)
        ends = (".hea", ".mat")
        return (_TABLE, *(n for n in sums if n.startswith("training/A") and n.endswith(ends)))

    def miniature(self, folder: Path, seed: int, *, records: int = 24) -> Path:
        """Write generated records of 9 to 60 s in the publisher's layout.

        Parameters
        ----------
        folder : becomes the data root.
        seed : of all chance.
        records : how many.
        """
        target = folder / self.name
        rng = np.random.default_rng([seed, 43])
        files, rows = [], []
        for number in range(1, records + 1):
            name, code = f"A{number:05d}", _CODES[(number - 1) % 4]
            kind = {"A": "fibrillation", "O": "ventricular"}.get(code, "normal")
            seconds = float(rng.integers(9, 61))
            drawn = recording(
                kind, 2000 + number, rate=300.0, seconds=seconds, seed=1000 * seed + number,
                leads=("I",),
            ).astype(np.float64)  # fmt: skip
            if code == "~":
                drawn += np.cumsum(rng.normal(0, 0.25, drawn.shape), axis=1) * 0.3
                drawn += rng.normal(0, 1.0, drawn.shape)
            samples = np.clip(np.rint(drawn * 1000), -32767, 32767).astype(np.int64)
            place = target / "training" / name[:3]
            place.mkdir(parents=True, exist_ok=True)
            # The challenge's .mat: a MATLAB 4 matrix "val" of 16 bits, its numbers from byte 24.
            files += write_record(
                place, name, samples, 300.0, ("ECG",), gain="1000/mV", resolution=16, zero=0,
                marks=None, comments=(), form=16, matrix=True,
            )  # fmt: skip
            rows.append(f"{name},{code}\n")
        files.append(target / _TABLE)
        files[-1].write_text("".join(rows), encoding="ascii")
        write_sums(target, files)
        return folder


_PUBLISHED = tuple(f"A{number:05d}" for number in range(1, 8529))

CORPORA.add("cinc2017", Cinc2017)
