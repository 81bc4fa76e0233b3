"""The beat-by-beat comparison, against the worked examples of the standard's reference program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.evaluation.ec57 import Comparison, average, compare, gross, pair
from einthoven.record import Annotations, UsageError

COLUMNS = ("NN", "VN", "FN", "ON", "NV", "VV", "FV", "OV", "NO", "VO", "FO")
SUMSTATS = {
    "200": (1415, 27, 1, 14, 29, 667, 0, 27, 22, 6, 1),
    "201": (1271, 0, 1, 0, 0, 198, 1, 0, 50, 0, 0),
    "202": (1846, 1, 1, 0, 5, 14, 0, 0, 4, 0, 0),
    "203": (2035, 8, 1, 19, 59, 359, 4, 13, 9, 6, 0),
}


def _from_row(row):
    return Comparison(counts={(c[0], c[1]): n for c, n in zip(COLUMNS, row, strict=True)})


def _marks(samples, symbols):
    return Annotations(samples=np.array(samples), symbols=np.array(list(symbols)))


def test_the_aggregate_vector_of_sumstats_is_met():
    rows = [_from_row(r) for r in SUMSTATS.values()]
    names = ("q_se", "q_ppv", "v_se", "v_ppv", "v_fpr")

    def percent(figures):
        return [round(100 * figures[n], 3 if n == "v_fpr" else 2) for n in names]

    assert percent(rows[0].figures()) == [98.66, 98.12, 95.29, 92.25, 3.769]
    assert percent(gross(rows).figures()) == [98.78, 99.09, 96.27, 90.30, 1.974]
    assert percent(average(rows)) == [98.64, 99.21, 96.22, 87.31, 1.856]
    total = gross(rows)
    assert total.total("NSVFQ", "NSVFQO") == 8041
    assert total.total("V", "NSVFQO") == 1286


def test_the_rule_of_2002_pairs_both_beats():
    left, right = pair(np.array([96, 160]), np.array([128, 185]), 37)
    assert left.tolist() == [0, 1]
    assert right.tolist() == [0, 1]


def test_the_small_worked_example_is_met():
    reference = _marks([1000, 1300, 1600, 1900, 2200, 2500, 2800], "NVNAFNV")
    found = np.array([1010, 1290, 1660, 1900, 2205, 2505, 2650, 2790])
    classes = np.array(list("NVNNVVNV"))
    result = compare(reference, found, 360.0, classes=classes, start=0)
    assert dict(result.counts) == {
        ("N", "N"): 1, ("V", "V"): 2, ("S", "N"): 1, ("F", "V"): 1, ("N", "V"): 1,
        ("N", "O"): 1, ("O", "N"): 2,
    }  # fmt: skip
    figures = result.figures()
    assert figures["q_se"] == pytest.approx(6 / 7)
    assert figures["q_ppv"] == pytest.approx(6 / 8)
    assert figures["v_se"] == 1
    assert figures["v_ppv"] == pytest.approx(2 / 3)
    assert figures["v_fpr"] == pytest.approx(0.2)


def test_the_learning_period_and_flutter_are_left_out():
    reference = _marks([100, 1000, 2000, 2400, 2800, 3200, 4000], "NN[NN]N")
    found = np.array([100, 1000, 2500, 4000])
    result = compare(reference, found, 360.0, start=1.0)
    assert dict(result.counts) == {("N", "N"): 2}


def test_escape_beats_go_where_the_named_map_puts_them():
    reference = _marks([1000, 2000], "ej")
    found = np.array([1000, 2000])
    assert dict(compare(reference, found, 360.0, start=0).counts) == {("S", "N"): 2}
    assert dict(compare(reference, found, 360.0, start=0, table="aami").counts) == {("N", "N"): 2}


def test_a_window_of_50_ms_is_stricter():
    reference, found = _marks([1000], "N"), np.array([1030])
    assert compare(reference, found, 360.0, start=0).figures()["q_se"] == 1
    assert compare(reference, found, 360.0, start=0, window=0.05).figures()["q_se"] == 0


def test_what_cannot_be_compared_is_refused_in_one_sentence():
    with pytest.raises(UsageError, match="time order"):
        compare(_marks([1, 2], "NN"), np.array([5, 3]), 360.0)
    with pytest.raises(UsageError, match="N S V F Q"):
        compare(_marks([1, 2], "NN"), np.array([3]), 360.0, classes=np.array(["L"]))


@given(st.lists(st.integers(0, 5000), unique=True), st.lists(st.integers(0, 5000), unique=True))
def test_pairs_are_one_to_one_in_order_and_within_the_window(a, b):
    reference, test = np.sort(np.array(a, np.int64)), np.sort(np.array(b, np.int64))
    left, right = pair(reference, test, 54)
    assert (np.diff(left) > 0).all()
    assert (np.diff(right) > 0).all()
    assert (np.abs(reference[left] - test[right]) <= 54).all()
    same, also = pair(reference, reference, 54)
    assert same.tolist() == also.tolist() == list(range(len(reference)))
