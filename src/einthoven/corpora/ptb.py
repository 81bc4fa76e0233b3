"""PTB Diagnostic ECG Database: records of up to 2 min at 1,000 Hz, in two editions.

The publisher's own (ptbdb 1.0.0) has 549 records of 290 people, ``patient001/s0010_re.hea`` .., of
the twelve leads and Frank's three, and tells in comments of the header why the person was admitted
and what else is known: its labels are illnesses of the person. The CinC Challenge 2021 has 516 of
the records under other names, with the twelve leads and SNOMED CT codes, and names no person. Most
records are of infarctions, and hardly any has an ST-T statement.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from einthoven.corpora._cinc import EDITION, Editions, facts
from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._hearts import people, recording
from einthoven.corpora._miniature import write_record
from einthoven.corpora._sums import read_sums, write_sums
from einthoven.record.diagnosis import diagnoses, published
from einthoven.record.errors import DataError
from einthoven.record.leads import STANDARD

_PAPER = (
    "Bousseljot R, Kreiseler D, Schnabel A. Nutzung der EKG-Signaldatenbank CARDIODAT der "
    "PTB ueber das Internet. Biomedizinische Technik 1995; 40(s1): 317-318."
)
_SAID = ("reason for admission", "additional diagnoses")
_UNTOLD = frozenset({"", "no", "n/a", "none", "unknown"})
_ENDS = (".hea", ".dat", ".xyz")
# What is generated in the publisher's own edition, and its words for it.
_WORDS = (
    ("normal", "Healthy control"), ("flat-t", "Myocardial infarction"),
    ("rbbb", "Bundle branch block"), ("high-voltage", "Valvular heart disease"),
)  # fmt: skip
# Frank's leads as sums of the twelve, for generated records only: left, down, back.
_FRANK = {"vx": ("V6", 1.0), "vy": ("aVF", 1.0), "vz": ("V2", -1.0)}


class Ptb(Editions):
    """The corpus."""

    part = "ptb"
    pattern = r"S\d{4}"
    facts = facts(
        name="ptb", title="PTB Diagnostic ECG Database", citation=_PAPER,
        records=516, rate=1000.0, hours=516 * 110.8 / 3600, statements=published("ptb"),
    )  # fmt: skip
    others = MappingProxyType(
        {
            "original": Facts(
                name="ptb", title="PTB Diagnostic ECG Database", version="1.0.0",
                licence="ODC-By 1.0", citation=(
                    f"{_PAPER} Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
                    "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
                ),
                doi="10.13026/C28C71", url="https://physionet.org/content/ptbdb/1.0.0/",
                base_url="https://physionet.org/files/ptbdb/1.0.0/", records=549, subjects=290,
                rate=1000.0, leads="the twelve, and VX, VY and VZ of Frank", hours=0.0,
                size=1_700_000_000,
            )
        }
    )  # fmt: skip

    def __init__(self, root: Path, *, edition: str = "") -> None:
        super().__init__(root, edition=edition)
        if self.original and self._own:
            self.folder = next(iter(self._own.values())).parent.parent

    @functools.cached_property
    def _own(self) -> Mapping[str, Path]:
        """The headers of the publisher's own edition whose two signal files are here."""
        for folder in (self.folder, self.root / "ptbdb"):
            found = {
                header.stem: header
                for header in sorted(folder.glob("patient[0-9][0-9][0-9]/s*.hea"))
                if all(header.with_suffix(end).is_file() for end in _ENDS)
            }
            if found:
                return MappingProxyType(found)
        return MappingProxyType({})

    def _files_of(self, edition: str) -> Mapping[str, Path]:
        return self._headers if edition == EDITION else self._own

    def _known(self, record: str) -> str:
        if self.original and record not in self._own:
            raise DataError(
                self.name, f"there is no record {record!r}", "They are named like s0010_re"
            )
        return record if self.original else super()._known(record)

    def subject(self, record: str) -> str:
        """Return ``"ptb:patient001"`` by the folder, or ``"ptb:record:S0001"`` (challenge)."""
        if not self.original:
            return super().subject(record)
        return f"ptb:{self._own[self._known(record)].parent.name}"

    def _words(self, record: str) -> Mapping[str, str]:
        """Return what the header of the publisher's own edition says of the person's illness."""
        told = self._comments(record)
        return {key: told[key] for key in _SAID if told.get(key, "").lower() not in _UNTOLD}

    def codes(self, record: str) -> tuple[str, ...]:
        """Return the SNOMED CT codes of the challenge's header, or of the words of the own one.

        Words become a code where they are the name of one that the challenge uses for PTB; the
        grade of a heart failure in brackets is passed over, and so is all that has no such name.
        """
        if not self.original:
            return super().codes(record)
        said = re.split("[,;]", re.sub(r"\(.*?\)", "", ",".join(self._words(record).values())))
        found = (_names().get(word.strip().lower(), "") for word in said)
        return tuple(dict.fromkeys(code for code in found if code))

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years) and sex, and of the own edition the reason for admission in words.

        The keys are then ``reason_for_admission`` and ``additional_diagnoses``.
        """
        found = dict(super().metadata(record))
        if self.original:
            found |= {k.replace(" ", "_"): text for k, text in self._words(record).items()}
        return found

    def notes(self) -> tuple[str, ...]:
        """Return what the labels of the publisher's own edition are, and how many have none."""
        if not self.original:
            return ()
        none = sum(not self.codes(record) for record in self.records)
        said = (
            "the labels are illnesses of the person, not what the record shows; a healthy control "
            f"is taken to be in sinus rhythm; {none} of {len(self.records)} records have no label, "
            "for the words of their header name no code that the challenge uses for PTB"
        )
        return (said,)

    def files(self) -> tuple[str, ...]:
        """Return the files of all records as far as they are known.

        The publisher's list of checksums, which `data get` loads first, names them all.
        """
        if not self.original:
            return super().files()
        names = (n for n in read_sums(self.folder) if n.startswith("patient"))
        return tuple(n for n in names if n.endswith(_ENDS)) or ("RECORDS",)

    def _generate(self, folder: Path, seed: int, chosen: Sequence[tuple[str, str]]) -> None:
        if not self.original:
            super()._generate(folder, seed, chosen)
            return
        target = folder / self.name
        files = []
        for number, who in enumerate(people(len(chosen), seed), start=1):
            kind, words = _WORDS[who % len(_WORDS)]
            place = target / f"patient{who:03d}"
            place.mkdir(parents=True, exist_ok=True)
            drawn = recording(kind, 3000 + who, rate=1000.0, seconds=10.0, seed=100 * seed + number)
            comments = (
                f"age: {'n/a' if who % 5 == 0 else 20 + 7 * who % 60}",
                f"sex: {'female' if who % 2 else 'male'}", "ECG date: 01/10/1990", "Diagnose:",
                f"Reason for admission: {words}", "Acute infarction (localization): no",
                "Additional diagnoses: Arterial hypertension", "Smoker: no",
            )  # fmt: skip
            files += _write(place, f"s{number:04d}_re", drawn, comments)
        write_sums(target, files)


@functools.cache
def _names() -> Mapping[str, str]:
    """Return word -> code: the names, in small letters, of the codes the challenge has in PTB."""
    used = published("ptb")
    found = {
        row.name.lower(): code
        for (system, code), row in diagnoses().items()
        if system == "SNOMED CT" and code in used
    }
    # Ours: who is called healthy is taken to be in sinus rhythm and to have nothing else.
    return found | {"healthy control": "426783006"}


def _write(place: Path, name: str, drawn: np.ndarray, comments: Sequence[str]) -> list[Path]:
    """Write the twelve leads to ``.dat`` and Frank's to ``.xyz``, with one header for both."""
    rows = [sign * drawn[STANDARD.index(lead)] for lead, sign in _FRANK.values()]
    names = [*(lead.lower() for lead in STANDARD), *_FRANK]
    samples = np.rint(np.concatenate([drawn, rows]) * 2000).clip(-32767, 32767).astype(np.int64)
    header, signal = write_record(
        place, name, samples, 1000.0, names, gain="2000", resolution=16, zero=0, marks=None,
        comments=comments, form=16,
    )  # fmt: skip
    lines = header.read_text(encoding="ascii").splitlines()
    lines[13:16] = [line.replace(".dat", ".xyz", 1) for line in lines[13:16]]
    header.write_text("\r\n".join(lines) + "\r\n", encoding="ascii", newline="")
    both = samples.T.astype("<i2")
    signal.write_bytes(both[:, :12].tobytes())
    frank = signal.with_suffix(".xyz")
    frank.write_bytes(both[:, 12:].tobytes())
    return [header, signal, frank]


CORPORA.add("ptb", Ptb)
