"""Label sets: worked examples, and the publisher's own counts where the data are there."""

from __future__ import annotations

import ast
import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from einthoven.record import DataError, UsageError
from einthoven.record.diagnosis import LABELS, Statement, label_row


def scp(*codes: str, likelihood: float = 100.0) -> tuple[Statement, ...]:
    return tuple(Statement(system="SCP", code=c, likelihood=likelihood / 100) for c in codes)


def said(statements: tuple[Statement, ...], labels: str, corpus: str = "") -> dict[str, float]:
    row = label_row(statements, labels, corpus=corpus)
    assert row.dtype == np.float32
    return dict(zip(LABELS[labels], row.tolist(), strict=True))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ("ptbxl-all", 71), ("ptbxl-diagnostic", 44), ("ptbxl-subdiagnostic", 23),
        ("ptbxl-superdiagnostic", 5), ("ptbxl-form", 19), ("ptbxl-rhythm", 12),
    ],
)  # fmt: skip
def test_the_six_sets_of_ptbxl_have_the_published_sizes(labels: str, classes: int) -> None:
    assert len(LABELS[labels]) == len(set(LABELS[labels])) == classes


def test_superclasses_stand_in_the_published_order() -> None:
    assert LABELS["ptbxl-superdiagnostic"] == ("NORM", "MI", "STTC", "CD", "HYP")


def test_a_statement_counts_whatever_its_likelihood() -> None:
    found = said(scp("IMI", "LVH", "SR", likelihood=0), "ptbxl-superdiagnostic")
    assert found == {"NORM": 0, "MI": 1, "STTC": 0, "CD": 0, "HYP": 1}


def test_a_code_may_stand_in_two_sets() -> None:
    codes = scp("NDT", "SR")
    assert said(codes, "ptbxl-form")["NDT"] == 1
    assert said(codes, "ptbxl-diagnostic")["NDT"] == 1
    assert said(codes, "ptbxl-subdiagnostic")["STTC"] == 1
    assert sum(said(codes, "ptbxl-all").values()) == 2
    assert [k for k, v in said(codes, "ptbxl-rhythm").items() if v] == ["SR"]


def test_no_statement_says_nothing() -> None:
    assert np.isnan(label_row((), "ptbxl-superdiagnostic")).all()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="ptbxl-rhythm"):
        label_row((), "ptbxl-rythm")
    with pytest.raises(DataError, match="SCP XYZ"):
        label_row(scp("XYZ"), "ptbxl-all")


def test_the_table_is_read_when_asked_for_and_not_before() -> None:
    code = "import einthoven.record.diagnosis as d; assert not d._rows.cache_info().currsize"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_superclasses_of_the_records_at_hand(data_root: Path) -> None:
    table = data_root / "ptbxl" / "ptbxl_database.csv"
    if not table.is_file():
        pytest.skip(f"no ptbxl under {data_root}")
    counts: Counter[str] = Counter()
    records = 0
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not (table.parent / f"{row['filename_lr']}.dat").is_file():
                continue
            records += 1
            found = said(scp(*ast.literal_eval(row["scp_codes"])), "ptbxl-superdiagnostic")
            counts.update(name for name, value in found.items() if value)
    assert records == 2674
    assert counts == {"NORM": 1295, "STTC": 619, "MI": 586, "CD": 533, "HYP": 306}
