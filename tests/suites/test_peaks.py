"""The suite of R peaks: what it sums up, how it folds, and that it owns up to its looks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from einthoven.corpora.mitdb import DS1, DS2, PACED
from einthoven.evaluation.ec57 import compare
from einthoven.record import Annotations, UsageError
from einthoven.suites import _looks, peaks

RECORDS = (*DS1, *DS2, *PACED)


@pytest.mark.parametrize("count", [2, 12])
def test_each_record_is_in_one_fold_and_a_person_in_one(count):
    parts = peaks.folds(RECORDS, count)
    assert len(parts) == count
    assert sorted(name for part in parts for name in part) == sorted(RECORDS)
    assert [("201" in part) == ("202" in part) for part in parts] == [True] * count


def test_figures_are_gross_and_intervals_hold_them():
    marks = Annotations(samples=np.arange(200_000, 400_000, 300), symbols=np.array(["N"] * 667))
    perfect = compare(marks, marks.samples, 360.0)
    half = compare(marks, marks.samples[::2], 360.0)
    got = peaks.summary({"100": (perfect, perfect), "101": (half, half)}, 0)
    assert (got["beats"], got["missed"], got["extra"]) == (1334, 333, 0)
    assert got["se"] == pytest.approx(1001 / 1334)
    assert got["mean_se"] == pytest.approx((1 + 334 / 667) / 2)
    assert got["se_95"][0] <= got["se"] <= got["se_95"][1]
    assert got["ppv_95"] == [1, 1]


def test_looks_are_written_down_with_those_by_eye(tmp_path):
    side = {"all 48": {"per_record": {"100": [1, 0, 0]}}}
    results = {"command": "x", "one lead": side, "two leads": side}
    for _ in range(2):
        peaks._count_look(tmp_path, results)
        part = {"per_record": {"100": [2, 0, 0]}}
        peaks._count_folds(tmp_path, {"command": "y", "one lead": part, "two leads": part})
    looks = _looks.read(tmp_path)
    assert [look["system"] for look in looks] == ["rpeaks"] * 3
    assert "many" in looks[0]["why"]


def test_what_is_shipped_says_that_it_is_not_blind():
    assert peaks.NOTE.startswith("Not blind")


def test_folds_are_kept_when_the_rest_is_judged_again(tmp_path):
    path = tmp_path / "peaks.json"
    assert peaks._folds_of(path) == {}
    path.write_text(json.dumps({"seed": 0, "12-fold by record": {"command": "x"}}))
    assert peaks._folds_of(path) == {"12-fold by record": {"command": "x"}}


def test_folds_without_a_suite_are_refused(tmp_path, monkeypatch):
    class Nothing:
        records = ()

    monkeypatch.setattr(peaks, "open_corpus", lambda name: Nothing())
    monkeypatch.setattr(peaks, "cross_validated", lambda *_: {})
    with pytest.raises(UsageError, match="Run the suite first"):
        peaks.run_folds(tmp_path)
