"""The dual pathway: what canonical fusion asks for, and patient data that may be missing."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional

from einthoven.export.nets import _graph
from einthoven.models import MODELS
from einthoven.models.recognition import Recognition, canonical_penalty
from einthoven.record import UsageError
from einthoven.training._batches import Windows
from einthoven.training.nets import logits


def net(side: int = 6, patient: int = 4, **own: float) -> Recognition:
    torch.manual_seed(0)
    built = MODELS["recognition"].build(
        leads=1, time=360, classes=3, side=side, patient=patient, **own
    )
    assert isinstance(built, Recognition)
    return built


def test_the_penalty_of_hand_worked_columns() -> None:
    one = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    assert canonical_penalty(one, 3 * one + 5) == pytest.approx(0.0, abs=1e-5)
    assert canonical_penalty(one, -one) == pytest.approx(2.0, abs=1e-5)
    # Partners exchanged: no column correlates with its own.
    assert canonical_penalty(one, one.flip(1)) == pytest.approx(1.0, abs=1e-5)
    # The same column twice: partners agree, within each set they are one.
    assert canonical_penalty(one[:, [0, 0]], one[:, [0, 0]]) == pytest.approx(1.0, abs=1e-5)


def test_a_batch_without_spread_has_a_penalty_that_can_be_learnt_from() -> None:
    for count in (0, 1, 5):
        one = torch.ones(count, 3, requires_grad=True)
        value = canonical_penalty(one, torch.zeros(count, 3))
        value.backward()  # type: ignore[no-untyped-call]
        assert torch.isfinite(value.detach())
        assert one.grad is not None
        assert torch.isfinite(one.grad).all()


def test_minimising_the_penalty_correlates_the_two_sides() -> None:
    chance = torch.Generator().manual_seed(0)
    shared = torch.randn(400, 2, generator=chance)
    sides = [
        shared @ torch.randn(2, 8, generator=chance) + 0.1 * torch.randn(400, 8, generator=chance)
        for _ in range(2)
    ]
    torch.manual_seed(0)
    down = [torch.nn.Linear(8, 2, bias=False) for _ in sides]
    optimiser = torch.optim.Adam([d.weight for d in down], 0.02)
    for _ in range(200):
        value = canonical_penalty(*(d(s) for d, s in zip(down, sides, strict=True)))
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        assert canonical_penalty(*(d(s) for d, s in zip(down, sides, strict=True))) < 0.05


def test_the_penalty_belongs_to_training_and_reaches_both_sides() -> None:
    fused = net()
    window, side = torch.randn(32, 1, 360), torch.randn(32, 6)
    fused(window, side)
    fused.penalty().backward()  # type: ignore[no-untyped-call]
    for name in ("fusion.patient.0.weight", "ecg.weight", "local.0.weight", "fusion.down.0.weight"):
        grad = fused.get_parameter(name).grad
        assert grad is not None, name
        assert grad.abs().sum() > 0, name
    fused.eval()(window, side)
    assert fused.penalty() == 0


def test_every_parameter_of_the_fusion_learns() -> None:
    fused = net()
    torch.manual_seed(2)
    answer = fused(torch.randn(32, 1, 360), torch.randn(32, 6))
    (functional.cross_entropy(answer, torch.arange(32) % 3) + fused.penalty()).backward()  # type: ignore[no-untyped-call]
    for name, parameter in fused.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_last_side_numbers_are_the_patient_s_and_are_withheld_in_training_alone() -> None:
    window = torch.randn(64, 1, 360, generator=torch.Generator().manual_seed(3))
    side = torch.randn(64, 6, generator=torch.Generator().manual_seed(4))
    other = side.clone()
    other[:, 2:] += 1.0
    with torch.no_grad():
        fused = net(dropout=0.0).eval()
        assert (fused(window, side) - fused(window, other)).abs().amin(dim=1).max() > 1e-4
        assert torch.equal(fused(window, side), fused(window, side))
        # In training every second beat answers as if nothing were known of the patient.
        fused = net(dropout=0.0).train()
        torch.manual_seed(5)
        first = fused(window, side)
        torch.manual_seed(5)
        same = (first - fused(window, other)).abs().amax(dim=1) < 1e-6
    assert 0.3 < float(same.float().mean()) < 0.7


def test_without_patient_data_there_is_nothing_to_fuse() -> None:
    plain = net(side=5, patient=0)
    assert plain.fusion is None
    plain(torch.randn(2, 1, 360), torch.randn(2, 5))
    assert plain.penalty() == 0


def test_patient_data_alone_will_do() -> None:
    assert net(side=4)(torch.randn(2, 1, 360), torch.randn(2, 4)).shape == (2, 3)


@pytest.mark.parametrize("own, fault", [({"patient": 7}, "last in input.side"),
                                        ({"withheld": 1.0}, "share below 1")])  # fmt: skip
def test_what_cannot_be_is_refused(own: dict[str, float], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        net(**own)  # type: ignore[arg-type]


def test_the_exported_fusion_answers_as_the_net_does() -> None:
    fused = net(side=6, patient=4)
    windows = Windows(
        np.random.default_rng(0).standard_normal((30, 1, 360)).astype(np.float32),
        np.random.default_rng(1).standard_normal((30, 6)).astype(np.float32),
        np.zeros(30, np.int64),
    )
    fused(windows.window, windows.side)
    data: Any = SimpleNamespace(
        windows=lambda rows: Windows(
            windows.window[rows].numpy(), windows.side[rows].numpy(), windows.label[rows].numpy()
        ),
        split=SimpleNamespace(validation=SimpleNamespace(rows=np.arange(30))),
    )
    session = onnxruntime.InferenceSession(_graph(fused.eval(), data))
    said = session.run(None, {"window": windows.window.numpy(), "side": windows.side.numpy()})[0]
    np.testing.assert_allclose(said, logits(fused, windows), atol=1e-4)
