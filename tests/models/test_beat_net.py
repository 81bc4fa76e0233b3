"""BEAT-Net: its size, tokens, what may not change its answer, its parts, attention, ONNX."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from einthoven.export.nets import _graph
from einthoven.inputs import cut, tokens
from einthoven.models import MODELS
from einthoven.models.beat_net import BeatNet, positions
from einthoven.record import InputSpec, UsageError
from einthoven.record.leads import STANDARD
from einthoven.training import load_recipe, records
from einthoven.training._record_net import RecordNet

PARTS = ("morphology", "spatial", "rhythm")


def make(**own: Any) -> BeatNet:
    torch.manual_seed(0)
    net = MODELS["beat-net"].build(leads=12, time=1000, classes=5, side=350, **own)
    assert isinstance(net, BeatNet)
    for part in net.modules():  # weights that chance put at 0 would hide what they do
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean, -0.1, 0.1)
    return net.eval()


def records_of(*rates: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return windows and side numbers of records of so many beats a minute; 0 is no beat."""
    chance = np.random.default_rng(0)
    spec = load_recipe("beat-net").input
    made = []
    for rate in rates:
        peaks = np.arange(30, 1000, 6000 / rate).astype(np.int64) if rate else np.zeros(0, np.int64)
        made.append(cut(chance.normal(size=(12, 1000)), 100.0, STANDARD, peaks, spec))
    window, side = (np.concatenate([getattr(m, n) for m in made]) for n in ("window", "side"))
    return torch.from_numpy(window), torch.from_numpy(side)


@pytest.mark.parametrize("own, million", [({}, 0.266), ({"channels": 32, "width": 128}, 0.79)])
def test_the_presets_are_small(own: dict[str, int], million: float) -> None:
    count = sum(p.numel() for p in make(**own).parameters())
    assert count / 1e6 == pytest.approx(million, abs=0.01)


def test_tokens_are_those_of_the_tokenizer() -> None:
    window, side = records_of(75)
    net = make()
    found, mask = net._tokens(window, net._chosen(net._sentence(window, side)))
    r, samples = tokens.peaks_of(side[0].numpy())
    said = tokens.sentence(
        window[0, :, :samples].numpy(), 100.0, STANDARD, r, width=(0.4, 0.56)
    )  # fmt: skip
    np.testing.assert_array_equal(mask[0], said.mask)
    count = said.mask.sum(axis=1)[:, None, None]
    less = said.tokens - said.tokens.sum(axis=2, keepdims=True) / count
    np.testing.assert_allclose(found[0], less * said.mask[:, None], atol=1e-5)


@torch.no_grad()
def test_neither_the_company_of_other_records_nor_empty_places_change_an_answer() -> None:
    window, side = records_of(40, 75, 290, 0)
    net = make()
    together = net(window, side)
    alone = torch.cat([net(w[None], s[None]) for w, s in zip(window, side, strict=True)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    assert together.isfinite().all()


@torch.no_grad()
def test_what_lies_in_no_token_is_not_looked_at() -> None:
    window, side = records_of(30)
    net = make()
    r, _ = tokens.peaks_of(side[0].numpy())
    other = window.clone()
    far = np.abs(np.arange(1000)[:, None] - r).min(axis=1) > 60
    assert far.any()
    other[:, :, far] += 5
    torch.testing.assert_close(net(window, side), net(other, side))
    other[:, 0, r[3]] += 1
    assert (net(window, side) - net(other, side)).abs().max() > 1e-4


@torch.no_grad()
def test_without_a_beat_the_answer_is_always_the_same() -> None:
    window, side = records_of(0, 0)
    said = make()(window, side)
    torch.testing.assert_close(said[0], said[1])


@torch.no_grad()
def test_a_flat_lead_is_a_lead_left_out() -> None:
    window, side = records_of(75)
    window[:, 3] = 0
    other = window.clone()
    other[:, 3] = 0.7  # a constant is no more than nothing
    net = make()
    torch.testing.assert_close(net(window, side), net(other, side), atol=1e-4, rtol=1e-4)
    lead = net.attention(window, side)["lead"]
    assert not lead[:, :, 3].any()
    torch.testing.assert_close(lead.sum(dim=2), torch.ones(1, lead.shape[1], 4))


@torch.no_grad()
def test_attention_has_the_shape_that_is_written() -> None:
    window, side = records_of(75, 0)
    found = make().attention(window, side)
    beats = len(tokens.peaks_of(side[0].numpy())[0])
    assert found["wave"].shape == (2, beats, 12, positions(96), 8)
    assert found["lead"].shape == (2, beats, 12, 4)
    assert found["beat"].shape == (2, beats, 4)
    for name, axis in (("wave", 3), ("lead", 2), ("beat", 1)):
        total = found[name].sum(dim=axis)
        torch.testing.assert_close(total[0], torch.ones_like(total[0]))
        assert not total[1].any()


@pytest.mark.parametrize("part", PARTS)
def test_each_encoder_can_be_taken_out(part: str) -> None:
    net = make(**{part: False})
    window, side = records_of(75, 130)
    assert net(window, side).shape == (2, 5)
    gone = {"morphology": "wave", "spatial": "lead", "rhythm": "beat"}
    assert set(net.attention(window, side)) == set(gone.values()) - {gone[part]}
    assert sum(p.numel() for p in net.parameters()) < sum(p.numel() for p in make().parameters())


@torch.no_grad()
def test_the_rhythm_is_seen_by_its_encoder_alone() -> None:
    window, side = records_of(75)
    other = side.clone().reshape(1, -1, 7)
    other[:, :12, 3:] *= 1.5
    other = other.flatten(1)
    assert (make()(window, side) - make()(window, other)).abs().max() > 1e-4
    net = make(rhythm=False)
    torch.testing.assert_close(net(window, side), net(window, other))


def test_in_training_some_beats_are_looked_at_others_each_time() -> None:
    window, side = records_of(75)
    net = make().train()
    numbers = net._sentence(window, side)
    torch.manual_seed(0)
    seen = [net._chosen(numbers)[0, :, 0] for _ in range(8)]
    real = set(tokens.peaks_of(side[0].numpy())[0].tolist())
    for r in seen:
        assert len(r) == 3
        assert (r.diff() > 0).all()
        assert set(r.int().tolist()) <= real
    assert len({tuple(r.tolist()) for r in seen}) > 4


@pytest.mark.parametrize("without", ["", *PARTS])
def test_onnx_answers_as_the_net_for_slow_fast_and_no_beats(without: str) -> None:
    inner = make(**({without: False} if without else {}))
    net = RecordNet(inner, leads=12, side=350, time=1000, crop=1000,
                    crops=load_recipe("beat-net").crop).eval()  # fmt: skip
    window, side = records_of(35, 75, 140, 290, 0)
    net.fit(window.numpy(), side.numpy())
    data: Any = SimpleNamespace(
        split=SimpleNamespace(validation=SimpleNamespace(rows=np.arange(2))),
        windows=lambda rows: SimpleNamespace(window=window[rows], side=side[rows]),
    )
    session = onnxruntime.InferenceSession(_graph(net, data))
    for rows in (slice(0, 1), slice(0, 5)):
        said = session.run(None, {"window": window[rows].numpy(), "side": side[rows].numpy()})[0]
        with torch.no_grad():
            np.testing.assert_allclose(said, net(window[rows], side[rows]), atol=1e-4)


def test_where_beats_lie_is_told_to_the_network_as_it_is() -> None:
    window, side = records_of(40, 75)
    net = RecordNet(make(), leads=12, side=350, time=1000, crop=1000,
                    crops=load_recipe("beat-net").crop).eval()  # fmt: skip
    net.fit(window.numpy(), side.numpy())
    with torch.no_grad():
        torch.testing.assert_close(net(window, side), net.net(window / net.scale, side))


def test_sizes_that_cannot_be_are_refused() -> None:
    for own, fault in (
        ({"width": 66}, "multiple of 4"), ({"waves": 7}, "divisor of 96"),
        ({"after": 0}, "Give 1 or more"), ({"beats": -1}, "Give 0 or more"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=fault):
            make(**own)


def test_the_recipe_builds_it_and_tokens_are_never_cropped() -> None:
    recipe = load_recipe("beat-net")
    assert isinstance(recipe.input, InputSpec)
    assert isinstance(records.build(recipe).net, BeatNet)
    with pytest.raises(UsageError, match=r"crop.seconds: does not go with tokens"):
        records.build(load_recipe("beat-net", ["crop.seconds=2.5"]))
