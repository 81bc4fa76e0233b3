"""A case and its variants: what is taken away lies on a line, what is kept is untouched."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.explain._case import Case, Part, bridged


def a_case() -> Case:
    rng = np.random.default_rng(0)
    window = rng.normal(size=(2, 20)).astype(np.float32)
    nothing = np.zeros((2, 20), bool)
    qrs, t = nothing.copy(), nothing.copy()
    qrs[:, 5:10], t[0, 12:] = True, True
    parts = (
        Part(name="QRS", where=qrs, numbers=np.array([True, False, False])),
        Part(name="T", where=t, numbers=np.array([False, False, False])),
        Part(name="RR", where=nothing, numbers=np.array([False, True, True])),
    )
    side = np.arange(6, dtype=np.float32).reshape(2, 3)
    return Case(
        record="r", what="beat 0", window=window, side=side,
        row=1, names=("a", "b", "c"), reference=np.array([-1, -2, -3], np.float32), start=0.0,
        rate=100.0, leads=("I", "II"), r_peaks=np.array([0.07]), parts={"waves": parts},
    )  # fmt: skip


def test_what_is_kept_is_untouched_and_what_is_lost_comes_from_the_reference():
    case = a_case()
    made = case.masked(case.by("waves"), np.array([[1, 1, 1], [0, 1, 0]]))
    np.testing.assert_array_equal(made["window"][0], case.window)
    np.testing.assert_array_equal(made["side"][0], case.side)
    kept = np.r_[0:5, 10:20]
    np.testing.assert_array_equal(made["window"][1][:, kept], case.window[:, kept])
    line = np.interp(np.arange(5, 10), [4, 10], case.window[0, [4, 10]])
    np.testing.assert_allclose(made["window"][1][0, 5:10], line, rtol=1e-6)
    np.testing.assert_array_equal(made["side"][1], [[0, 1, 2], [-1, -2, -3]])


def test_a_part_at_the_edge_holds_the_last_value_and_a_lost_row_is_a_line():
    window = np.array([[[1, 5, 2, 9, 4]]], np.float32)
    held = bridged(window, np.array([[[0, 0, 0, 1, 1]]], bool))
    np.testing.assert_array_equal(held, [[[1, 5, 2, 2, 2]]])
    line = bridged(window, np.ones((1, 1, 5), bool))
    np.testing.assert_allclose(line, [[[1, 1.75, 2.5, 3.25, 4]]])


@settings(max_examples=50)
@given(st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 2**31))
def test_bridges_stay_within_the_kept_samples_beside_them(lost, seed):
    window = np.random.default_rng(seed).normal(size=(1, 1, 12)).astype(np.float32)
    gone = np.array(lost)[None, None]
    found = bridged(window, gone)
    kept = ~gone[0, 0]
    np.testing.assert_array_equal(found[0, 0, kept], window[0, 0, kept])
    if kept.any():
        low, high = window[0, 0, kept].min(), window[0, 0, kept].max()
        assert (found >= low - 1e-6).all()
        assert (found <= high + 1e-6).all()
