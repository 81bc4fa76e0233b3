"""The second look at boundaries: what is looked at, how far a boundary goes, and what stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from einthoven.signal import _waves_edges as edges
from einthoven.signal._waves_decode import QRS, Decoder, Found, P, Stretch, T

Floats = npt.NDArray[np.float32]


def bump(*centres: float, height: float = 0.1, wide: float = 6.0, time: int = 1000) -> Floats:
    t = np.arange(time)
    y = sum(height * np.exp(-0.5 * ((t - c) / wide) ** 2) for c in centres)
    return np.asarray(y, np.float32)[None]


def look(y: Floats, at: float, peak: float, which: int, pace: float = 1.0) -> tuple[Floats, Floats]:
    item = np.array([0])
    window, side = edges.looks(y, item, np.array([at]), np.array([peak]), item + which, pace)
    return window[0, 0], side[0]


def found(kind: int, start: int, stop: int, **more: object) -> Found:
    known = {"lead": 0, "peak": (start + stop) / 2, "cut": (False, False), "room": (99.0, 99.0)}
    return Found(kind=kind, start=start, stop=stop, confidence=(0.9, 0.8), **(known | more))  # type: ignore[arg-type]


def test_size_polarity_offset_and_side_do_not_matter() -> None:
    y = bump(500)
    onset, told = look(y, 480, 500, 0)
    for other in (3 * y, -y, y + 2):
        got, numbers = look(other, 480, 500, 0)
        np.testing.assert_allclose(got, onset, atol=1e-4)
        np.testing.assert_allclose(numbers, told, atol=1e-4)
    offset, end = look(y, 520, 500, 1)
    np.testing.assert_allclose(offset, onset, atol=1e-4)
    assert told[:4].tolist() == [1, 0, 0, 0]
    assert end[:4].tolist() == [0, 1, 0, 0]
    assert told[4] == end[4] == -1  # 20 samples to the inside
    assert onset[edges.REACH :].max() < 0.1
    assert onset[: edges.REACH].max() == pytest.approx(1, abs=0.1)


def test_a_faster_heart_at_that_pace_looks_the_same() -> None:
    slow, fast = bump(500, wide=6), bump(500, wide=3)
    np.testing.assert_allclose(
        look(slow, 480, 500, 2)[0], look(fast, 490, 500, 2, 0.5)[0], atol=0.02
    )
    assert look(slow, 480, 500, 2)[1][4] == look(fast, 490, 500, 2, 0.5)[1][4]


def test_a_flat_window_and_one_beyond_the_ends_are_finite() -> None:
    for at, which in ((0.0, 0), (999.0, 3)):
        window, side = look(np.zeros((1, 1000), np.float32), at, 500, which)
        assert np.isfinite(window).all()
        assert np.isfinite(side).all()
    assert edges.between(np.array([[1.0, 2.0]], np.float32), np.array([0, 0]),
                         np.array([0.25, 9.0])).tolist() == [1.25, 2]  # fmt: skip


def constant(*shifts: float) -> edges.Edge:
    """Return what says one thing after the other, whatever it is shown."""
    said = iter(shifts)
    return lambda window, side: np.array([[next(said)] for _ in window], np.float32)


def test_p_and_t_move_outward_by_what_is_said_in_steps_and_a_qrs_stays() -> None:
    y = bump(110, 150, 250)
    waves = [found(P, 100, 120), found(QRS, 140, 160), found(T, 230, 270)]
    p, qrs, t = edges.SecondLook(constant(2, 2, 2, -2))(waves, y, 0)
    assert p.moved == (-2 * 1.5, 2 * 1.5)
    assert qrs.moved == (0, 0)
    assert t.moved == (-2 * 3 + 0.75, -2 * 3)  # an onset of T is 3 ms later than is said
    assert p.ends == (100 + 0.5 - 3, 119 - 0.5 + 3)


def test_no_boundary_is_moved_that_was_cut_nor_beyond_its_room() -> None:
    y = bump(110, 150)
    cut, tight = found(P, 100, 120, cut=(True, False)), found(P, 140, 160, room=(1.0, 99.0))
    one, two = edges.SecondLook(constant(4, 4, 4))([cut, tight], y, 0)
    assert one.moved == (0, 6)
    assert two.moved == (-1, 6)


def test_a_lead_remembers_what_was_said_of_its_last_waves() -> None:
    y = bump(110)
    second = edges.SecondLook(constant(0, 0, 4, 4))
    wave = found(P, 100, 120)
    assert second([wave], y, 0)[0].moved == (0, 0)
    # Half its own 4, half the mean of 0 and 4.
    assert second([wave], y, 0)[0].moved == (-1.5 * 3, 1.5 * 3)
    assert edges.SecondLook(constant())([found(QRS, 1, 20)], y, 0)[0].moved == (0, 0)


@pytest.mark.parametrize("size", [50, 1000])
def test_the_decoder_shows_the_same_however_it_is_fed(size: int) -> None:
    time = 1000
    y = np.random.default_rng(0).standard_normal((1, time)).astype(np.float32)
    p = np.full((1, 4, time), 0.03, np.float32)
    label = np.zeros(time, np.int64)
    for kind, start, stop in ((P, 5, 30), (QRS, 40, 65), (T, 110, 160), (P, 960, 985)):
        label[start:stop] = kind
    p[:, label, np.arange(time)] = 0.9
    shown: list[Floats] = []

    def edge(window: Floats, side: Floats) -> Floats:
        shown.append(np.concatenate([window[:, 0], side], axis=1))
        return np.full((len(window), 1), 9, np.float32)

    decoder = Decoder(1, 200, edges.SecondLook(edge))
    whole = Stretch(p=p, atrial=None, y=y, there=np.ones((1, time), np.bool_))
    waves: list[Found] = []
    for at in range(0, time, size):
        waves += decoder.push(whole.part(at, at + size), last=at + size >= time)
    first, qrs, t, last = waves
    assert first.room[1] == 40 - 30
    assert first.moved == (-1.5 * 9, 10)  # up to the QRS and no further
    assert qrs.moved == (0, 0)
    assert t.moved == (-3 * 9 + 0.75, 3 * 9)
    row, which = np.zeros(8, np.int64), np.array([0, 1, 2, 3, 2, 3, 0, 1])[[0, 1, 2, 3, 6, 7]]
    at = [side for w in (first, t, last) for side in (w.start + 0.5, w.stop - 1.5)]
    peak = np.repeat([w.peak for w in (first, t, last)], 2)
    wanted = edges.looks(y, row[:6], np.array(at), peak, which)
    np.testing.assert_array_equal(np.concatenate(shown), np.concatenate(
        [wanted[0][:, 0], wanted[1]], axis=1))  # fmt: skip
