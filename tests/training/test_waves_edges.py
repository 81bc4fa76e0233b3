"""The second look is learnt: boundaries that are off by what is seen are put back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from einthoven.corpora.ludb import Ludb
from einthoven.models.edgenet import EdgeNet
from einthoven.record import DataError
from einthoven.signal._waves_edges import BOUNDARIES, POINTS, SIDE
from einthoven.signal.waves import Floats
from einthoven.training import _waves_edges as edges
from einthoven.training import load_recipe, waves


def made(count: int, seed: int) -> edges.Guesses:
    """Return bumps of any height, and boundaries that are off by up to 40 ms."""
    rng = np.random.default_rng(seed)
    t = np.arange(400)
    height, wide = rng.choice([-1, 1], count) * rng.uniform(0.05, 1, count), 12.0
    y = height[:, None] * np.exp(-0.5 * ((t - 200) / wide) ** 2)
    y = y + 0.005 * rng.standard_normal(y.shape)
    which = rng.integers(len(BOUNDARIES), size=count)
    off = rng.uniform(-10, 10, count)
    outward = np.where(which % 2 == 0, -1, 1)
    return edges.Guesses(
        y=y.astype(np.float32), row=np.arange(count), which=which,
        at=200 + outward * (30 + off), peak=np.full(count, 200.0), off=off,
    )  # fmt: skip


def test_untrained_it_moves_nothing_and_trained_it_puts_boundaries_back() -> None:
    data = made(2000, 0)
    still = edges.judged(EdgeNet(POINTS, SIDE).eval(), data)
    assert set(still) == set(edges.NAMES) == {"P onset", "P offset", "T onset", "T offset"}
    assert all(one["found"] == one["moved"] for one in still.values())
    learnt = edges.judged(edges.fit(data, 50, 0), made(400, 1))
    assert all(one["moved"] < 0.7 * one["found"] for one in learnt.values())


def test_the_same_seed_gives_the_same_net() -> None:
    data = made(600, 0)
    one, two, other = (edges.fit(data, 1, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def by_size(window: Floats) -> Floats:
    """Call what is high T and what is highest QRS, as a net that knows nothing of P."""
    x = np.abs(window[:, 0])
    z = np.stack([0 * x + 1, 0 * x - 9, 20 * (x - 0.6), 6 * x + 0 * x], axis=1)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True), np.float32)


def test_a_net_is_the_mean_of_looks_that_were_learnt_apart() -> None:
    data = made(64, 0)
    net = edges.fit(data, 3, 0)
    window, side, _ = edges._drawn(data, np.arange(8), np.random.default_rng(0))
    given = torch.from_numpy(window), torch.from_numpy(side)
    with torch.no_grad():
        each = [look(*given) for look in net.looks]
        np.testing.assert_allclose(net(*given), torch.stack(each).mean(0), atol=1e-6)
    assert len(each) > 1
    assert all((each[0] - other).abs().max() > 0 for other in each[1:])


def test_what_was_found_is_held_against_what_was_marked(tmp_path: Path) -> None:
    corpus = Ludb(Ludb(tmp_path).miniature(tmp_path, 5, records=("1", "2")))
    found = edges.guesses(corpus, ("1", "2"), by_size)
    assert found.y.shape == (24, 2500)
    assert set(found.which.tolist()) <= {2, 3}, "no P was found"
    assert len(found.at) > 5
    assert np.abs(found.off).max() <= 0.15 * 250
    none = edges.guesses(corpus, ("1",), lambda w: np.eye(4, dtype=np.float32)[0][None, :, None]
                         * np.ones((len(w), 1, w.shape[2]), np.float32))  # fmt: skip
    assert len(none.at) == 0
    assert edges.judged(edges.fit(none, 1, 0), none) == {}


def test_a_run_learns_the_second_look_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "EINTHOVEN_DATA", str(Ludb(tmp_path).miniature(tmp_path, 5, records=("1", "2", "3")))
    )
    parts = ("train", "validation", "test")
    changes = [f'protocol.{part}=["{n}"]' for n, part in enumerate(parts, 1)]
    changes += ["model.widths=[4, 6, 8]", "optimiser.beats=24", "optimiser.epochs=1"]
    recipe, run = load_recipe("waves", [*changes, "model.edges=1"]), tmp_path / "run"
    waves.fit(recipe, run)
    first = (run / waves.EDGES).read_bytes()
    assert "edges_sd_ms" in json.loads((run / "metrics.json").read_text())
    (run / waves.EDGES).unlink()
    with pytest.raises(DataError, match="no second look"):
        waves.load_edges(run)
    waves.fit(recipe, run, resume=True)
    assert (run / waves.EDGES).read_bytes() == first
    assert isinstance(waves.load_edges(run), EdgeNet)
