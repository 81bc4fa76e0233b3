"""Quality: what a window counts, and when a recording can be judged."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.signal.quality import GOOD, Counts, silent, usable


def _noise(n, seed=0):
    return np.random.default_rng(seed).standard_normal((1, n)).astype(np.float32)


def _counted(x, accepted=10, p=0.99, rejected=0.1):
    counts = Counts.empty(len(x))
    for a in range(0, x.shape[1], 360):
        counts.add_samples(x[:, a : a + 360])
    counts.accepted, counts.sum_accepted, counts.sum_rejected = accepted, accepted * p, rejected
    return counts


def test_a_plain_window_is_good():
    counts = _counted(_noise(3600))
    assert counts.samples == 3600
    assert counts.score(10) == pytest.approx(9.9 / 10.1)
    assert counts.good(10)


@pytest.mark.parametrize(
    "found", [{"accepted": 0}, {"accepted": 2}, {"p": 0.85}, {"rejected": 3.0}]
)
def test_doubt_or_too_few_beats_make_it_bad_and_score_it_down(found):
    counts = _counted(_noise(3600), **found)
    assert not counts.good(10)
    assert counts.score(10) <= GOOD


def test_no_beat_scores_nothing():
    assert Counts.empty(1).score(10) == 0
    assert not Counts.empty(1).good(10)


def test_missing_flat_and_clipped_samples_are_counted():
    missing, flat, clipped = _noise(3600), _noise(3600), _noise(3600)
    missing[0, :2000] = np.nan
    flat[0, :2160] = 0.3
    clipped = np.clip(np.repeat(clipped, 8, axis=1)[:, :3600] * 3, -1, 1)
    counts = [_counted(x) for x in (missing, flat, clipped)]
    assert counts[0].missing[0] == 2000
    assert counts[1].flat[0] > 2100
    assert counts[2].clipped[0] > 1000
    for one in counts:
        assert not one.sound()[0]
        assert not one.good(10)
        assert one.score(10) <= GOOD


def test_one_sound_lead_is_enough():
    x = np.concatenate([_noise(3600), np.zeros((1, 3600), np.float32)])
    counts = _counted(x)
    assert counts.sound().tolist() == [True, False]
    assert counts.good(10)


def test_a_stretch_under_two_seconds_is_never_good():
    counts = _counted(_noise(700), accepted=3)
    assert counts.good(2.5)
    assert not counts.good(1.9)
    assert counts.score(1.9) == 0


@pytest.mark.parametrize(
    ("counts", "words"),
    [((1.0, 1, 1, 2, 2), "too short: 1.0 s"), ((60.0, 6, 0, 0, 0), "no heartbeats were found"),
     ((2.0, 1, 1, 2, 2), "too few heartbeats: 2 found, at least 3"),
     ((2.0, 1, 0, 2, 0), "0 of 1 windows are clean"),
     ((60.0, 6, 0, 20, 0), "0 of 6 windows"), ((60.0, 6, 1, 20, 2), "2 of 20 beats"),
     ((1000.0, 100, 1, 900, 10), "1 of 100 windows")],
)  # fmt: skip
def test_what_cannot_be_judged_says_why(counts, words):
    able, reason = usable(*counts)
    assert not able
    assert words in reason


def test_two_good_windows_in_a_hundred_are_enough():
    assert usable(1000.0, 100, 2, 900, 20) == (True, None)


@pytest.mark.parametrize("samples", [0, 3, 1000, 1003])
def test_a_lead_is_silent_where_most_of_five_parts_do_not_move(samples):
    lead = _noise(samples)[0]
    edges = [part[0] for part in np.array_split(np.arange(samples), 5) if len(part)]
    for flat in range(6):
        some = lead.copy()
        until = edges[flat] if flat < len(edges) else samples
        some[: until // 2] = np.nan
        some[until // 2 : until] = 0.2
        assert silent(some, 5) == (flat > 2 or samples < 5)
