"""The network over the sequence of beats, alone and mixed with trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from einthoven.models.beat_sequence import REACH, BeatSequence, moderated
from einthoven.record.errors import UsageError
from einthoven.training import _learners, boosting
from einthoven.training._premature import Rows
from einthoven.training._waveform import Waveform

CLASSES = ("N", "S", "V", "F")
TREES = {"rounds": 5, "leaves": 5}


def table(beats: int = 1500, seed: int = 0) -> Rows:
    """Beats whose class is told by the beat before alone: three records, one of them made."""
    rng = np.random.default_rng(seed)
    side = rng.standard_normal((beats, 4)).astype(np.float32)
    label = np.digitize(np.roll(side[:, 0], 1), [0.3, 1.0, 1.8])
    record = np.repeat(["a", "b", "b"], beats // 3)
    kind = np.repeat(["real", "real", "runs"], beats // 3)
    sample = np.tile(np.arange(beats // 3) * 300, 3)
    return Rows(
        side=side, label=label, record=record, kind=kind, sample=sample,
        made=kind != "real",
    )  # fmt: skip


def test_a_sequence_ends_where_the_recording_does() -> None:
    rows = table(30)
    assert [(s.start, s.stop) for s in _learners.sequences(rows)] == [(0, 10), (10, 20), (20, 30)]
    again = replace(rows, record=np.full(30, "b"), kind=np.full(30, "real"))
    assert len(list(_learners.sequences(again))) == 3  # the samples begin again
    assert list(_learners.sequences(rows.where(np.zeros(30, bool)))) == []


@pytest.mark.parametrize(("share", "draws"), [(0.0, 1), (0.3, 1), (0.3, 2), (1.0, 1), (1.0, 3)])
def test_onnx_fed_in_pieces_answers_as_what_was_learnt(share: float, draws: int) -> None:
    rows = table()
    weighing = _learners.Weighing(share=share, epochs=1, keep_made={"S": 1.0}, draws=draws)
    model = _learners.learn(rows, CLASSES, weighing, TREES, 0)
    data = model.to_onnx(4)
    neighbours = (REACH, REACH) if share else (0, 0)
    real = rows.where(rows.kind == "real")
    np.testing.assert_allclose(
        boosting._answers(data, real, neighbours), model.logits(real), atol=1e-4
    )
    assert model.parameters > 0


def waved(beats: int = 1500, seed: int = 0) -> Rows:
    """Beats of which those of class V, and no others, are wide; side numbers tell nothing."""
    rng = np.random.default_rng(seed)
    rows = table(beats, seed)
    real = rows.kind == "real"
    time = np.arange(40)
    width = np.where(rows.label[real] == 2, 6.0, 2.0)[:, None]
    wave = np.exp(-(((time - 16) / width) ** 2)) + 0.05 * rng.standard_normal((real.sum(), 40))
    return replace(
        rows, side=rng.standard_normal((beats, 4)).astype(np.float32),
        window=wave[:, None].astype(np.float32),
    )  # fmt: skip


WAVE = Waveform(name="arrhythminet-v2", share=0.5, epochs=1, beats=20480)


def test_the_wave_finds_what_side_numbers_do_not_tell_and_onnx_agrees_in_half_the_bytes() -> None:
    rows, other = waved(), waved(seed=1)
    weighing = _learners.Weighing(share=0.3, epochs=1, keep_made={"S": 1.0}, waveform=WAVE)
    model = _learners.learn(rows, CLASSES, weighing, TREES, 0)
    real = other.where(other.kind == "real")
    said = model.logits(real)
    without = replace(model, wave=None)
    ectopic = real.label == 2
    found = said[:, 2] - said[:, 0]
    assert np.quantile(found[ectopic], 0.1) > np.quantile(found[~ectopic], 0.9)
    blind = (without.logits(real).argmax(1) == 2) == ectopic
    assert blind.mean() < 0.95
    data = model.to_onnx(4)
    np.testing.assert_allclose(boosting._answers(data, real, (REACH, REACH)), said, atol=1e-4)
    numbers = sum(p.numel() for net in model.wave.nets for p in net.parameters())
    assert len(data) - len(without.to_onnx(4)) < 3 * numbers


def test_several_draws_are_the_mean_of_what_each_says_alone() -> None:
    rows = waved()
    wave = replace(WAVE, beats=512, draws=2)
    weighing = _learners.Weighing(share=1.0, epochs=1, draws=2, waveform=wave)
    both = _learners.learn(rows, CLASSES, weighing, TREES, 5)
    real = rows.where(rows.kind == "real")
    np.testing.assert_allclose(
        boosting._answers(both.to_onnx(4), real, (REACH, REACH)), both.logits(real), atol=1e-4
    )
    # The first draw is that of the seed.
    once = replace(weighing, draws=1, waveform=replace(wave, draws=1))
    alone = _learners.learn(rows, CLASSES, once, TREES, 5)
    first = replace(both, nets=both.nets[:1], wave=replace(both.wave, nets=both.wave.nets[:1]))
    np.testing.assert_array_equal(first.logits(real), alone.logits(real))
    sequence = replace(both, wave=None)
    each = [replace(sequence, nets=(net,)).logits(real) for net in both.nets]
    assert np.abs(each[0] - each[1]).max() > 0.01
    np.testing.assert_allclose(sequence.logits(real), np.mean(each, axis=0), atol=1e-5)


def test_no_draw_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="draws"):
        _learners.Weighing(draws=0)
    with pytest.raises(UsageError, match=r"waveform\.draws"):
        replace(WAVE, draws=0)


def test_a_wave_moves_n_and_s_together_and_a_share_of_nothing_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    said, told = (np.log(rng.dirichlet(np.ones(4), 50)) for _ in range(2))
    mixed = moderated(said, told, 0.5, CLASSES)
    np.testing.assert_allclose(mixed[:, 1] - mixed[:, 0], said[:, 1] - said[:, 0])
    np.testing.assert_allclose(mixed[:, 2:], (said[:, 2:] + told[:, 2:]) / 2)
    np.testing.assert_allclose(
        np.logaddexp(mixed[:, 0], mixed[:, 1]),
        (np.logaddexp(said[:, 0], said[:, 1]) + np.logaddexp(told[:, 0], told[:, 1])) / 2,
    )
    np.testing.assert_array_equal(moderated(said, told, 0.0, CLASSES), said)


def test_windows_go_with_the_real_beats_alone() -> None:
    rows = waved(30)
    kept = rows.where(rows.record == "b")
    assert rows.window is not None
    assert kept.window is not None
    np.testing.assert_array_equal(kept.window, rows.window[10:])
    assert len(kept) == 20
    assert rows.where(rows.kind == "runs").window is not None
    assert table().where(np.ones(1500, bool)).window is None


def test_the_network_learns_what_only_a_neighbour_tells_and_trees_cannot() -> None:
    rows, other = table(6000), table(3000, seed=1)
    weighing = _learners.Weighing(share=1.0, epochs=80)
    net = _learners.learn(rows, CLASSES, weighing, TREES, 0)
    trees = _learners.learn(rows, CLASSES, replace(weighing, share=0.0), TREES, 0)
    right = [(m.logits(other).argmax(1) == other.label).mean() for m in (net, trees)]
    assert right[0] > 0.8
    assert right[1] < 0.7


def test_the_same_seed_gives_the_same_bits() -> None:
    rows = table()
    weighing = _learners.Weighing(share=1.0, epochs=1)
    one, same, other = (
        _learners.learn(rows, CLASSES, weighing, TREES, seed).logits(rows) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_beat_is_judged_by_fifteen_neighbours_on_each_side_and_no_more() -> None:
    net = BeatSequence(4, 3).eval()
    side = torch.randn(1, 4, 2 * REACH + 1, generator=torch.manual_seed(0), requires_grad=True)
    said = net(side)
    assert said.shape == (1, 3, 1)
    said.sum().backward()
    assert side.grad is not None
    assert (side.grad[0].abs().sum(0) > 0).all()
    assert net(torch.zeros(1, 4, 2 * REACH + 7)).shape == (1, 3, 7)
