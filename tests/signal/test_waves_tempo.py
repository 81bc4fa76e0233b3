"""The net is asked at two tempos: what it is shown, and that its answers fall into one place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from einthoven.signal._waves_tempo import MULTIPLE, TEMPOS, at_tempos

Floats = npt.NDArray[np.float32]


def bump(time: int, centre: float, wide: float) -> Floats:
    t = np.arange(time)
    return np.exp(-0.5 * ((t - centre) / wide) ** 2).astype(np.float32)[None, None]


def pointwise(window: Floats) -> Floats:
    """Say of each sample what it is, as a net that looks at no other."""
    return np.concatenate([1 - window, window, 0 * window, 0 * window], axis=1)


@pytest.mark.parametrize("time", [4 * MULTIPLE, 176, 2512])
def test_what_is_said_of_a_sample_stays_at_it(time: int) -> None:
    window = np.concatenate([bump(time, 0.6 * time, 0.1 * time), bump(time, 4, 8)])
    got = at_tempos(pointwise, window)
    assert got.shape == (2, 4, time)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, pointwise(window), atol=0.03)
    np.testing.assert_allclose(got.sum(axis=1), 1, atol=1e-6)


def test_the_net_is_shown_the_same_heart_slower_and_faster() -> None:
    shown: list[Floats] = []

    def noted(window: Floats) -> Floats:
        shown.append(window)
        return pointwise(window)

    at_tempos(noted, bump(1024, 500, 20))
    assert [int(w.argmax()) for w in shown] == [round(500 * tempo) for tempo in TEMPOS]
    wide = [float(w.sum()) / (20 * np.sqrt(2 * np.pi)) for w in shown]
    np.testing.assert_allclose(wide, TEMPOS, rtol=0.01)
    assert min(TEMPOS) < 1 < max(TEMPOS)
    assert all(w.shape[2] % MULTIPLE == 0 for w in shown)


def test_a_net_that_sees_one_width_alone_is_half_sure() -> None:
    def narrow(window: Floats) -> Floats:
        seen = window.sum() < 50
        return pointwise(window) if seen else pointwise(0 * window)

    window = bump(1024, 500, 20)  # a sum of 50, or 40 and 60
    got = at_tempos(narrow, window)
    assert got[0, 1].max() == pytest.approx(1 / 2, abs=0.01)
    assert got[0, 1].argmax() == 500
