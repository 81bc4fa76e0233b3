"""The tasks without labels on worked examples."""

import math

import pytest
import torch

from einthoven.models.period_aware import BINS, PeriodAware, Pretext
from einthoven.training._period_loss import SEEN, TEMPERATURE, alike, foretold, tasks


def test_two_beats_against_those_of_other_records() -> None:
    one = torch.eye(3)
    whose = torch.arange(3)
    # Own direction 1, others 0: -log(e^10 / (e^10 + 2)).
    want = math.log(1 + 2 * math.exp(-1 / TEMPERATURE))
    assert alike(one, 5 * one, whose).item() == pytest.approx(want, rel=1e-3)
    # All alike: guessing among three.
    same = torch.ones(3, 3)
    assert alike(same, same, whose).item() == pytest.approx(math.log(3), rel=1e-5)
    # Two strips of one record are no negatives of each other: they have only the third.
    assert alike(same, same, torch.tensor([0, 0, 1])).item() == pytest.approx(
        (2 * math.log(2) + math.log(3)) / 3, rel=1e-5
    )


def side_of(seconds: list[float]) -> torch.Tensor:
    values = torch.zeros(1, len(seconds) + 1, 3)
    values[:, :, 0] = 1
    values[0, 1:, 1] = torch.tensor(seconds)
    values[0, 1:, 2] = torch.tensor(seconds)  # of a median of one second
    return values.flatten(1)


def test_the_next_interval_is_asked_in_its_bin_and_not_where_it_can_be_seen() -> None:
    edges = torch.linspace(0.6, 1.4, BINS - 1)
    side = side_of([1.0, 0.5, 2.0])
    sure = torch.full((1, 4, BINS), -20.0)
    for place, seconds in enumerate((1.0, 0.5, 2.0)):
        sure[0, place, int((edges < seconds).sum())] = 20.0
    assert foretold(sure, side, edges).item() == pytest.approx(0, abs=1e-5)
    plain = torch.zeros(1, 4, BINS)
    assert foretold(plain, side, edges).item() == pytest.approx(math.log(BINS), rel=1e-5)
    assert foretold(sure.roll(1, 2), side, edges).item() > 30
    quick = side_of([SEEN - 0.05] * 3)
    assert foretold(sure.roll(1, 2), quick, edges).item() == 0


def batch(moved: list[float]) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    count = len(moved)
    window, side = torch.randn(count, 6, 64), torch.rand(count, 6, 3) + 0.5
    side[:, :, 0], side[:, 0, 1:] = 1, 0
    order = torch.arange(6).repeat(count, 1)
    pair, masked = torch.tensor([[0, 5]] * count), torch.tensor([2] * count)
    return window, side.flatten(1), torch.arange(count), pair, masked, order, torch.tensor(moved)


def test_the_tasks_have_gradients_and_what_is_taken_out_is_not_shown() -> None:
    torch.manual_seed(1)
    net = Pretext(PeriodAware())
    found = tasks(net, batch([0.0, 1.0, 0.0]))
    assert list(found) == ["alike", "p_wave", "next", "order"]
    torch.stack(list(found.values())).sum().backward()
    taught = {n: p.grad for n, p in net.named_parameters() if not n.startswith("net.head")}
    assert all(g is not None and g.abs().sum() > 0 for g in taught.values())
    # What is guessed does not depend on the P wave of the masked beat itself; the truth does.
    given = batch([0.0, 1.0, 0.0])
    seen = []
    net.mend.register_forward_hook(lambda layer, eaten, made: seen.append(made.detach()))
    for shift in (0.0, 3.0):
        given[0][:, 2, 12:27] += shift
        seen.append(tasks(net, given)["p_wave"].detach())
    torch.testing.assert_close(seen[0], seen[2])
    assert seen[3] > seen[1] + 1


def test_of_beats_out_of_order_no_next_interval_is_asked() -> None:
    net = Pretext(PeriodAware())
    assert tasks(net, batch([1.0, 1.0]))["next"].item() == 0
