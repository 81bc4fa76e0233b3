"""EXGnet's multiresolution block: every kernel length counts, every width fits."""

import pytest
import torch

from einthoven.models import MODELS
from einthoven.models.exgnet import Multiresolution


def test_a_sample_reaches_as_far_as_the_longest_kernel_and_no_further() -> None:
    torch.manual_seed(0)
    block = Multiresolution(8, 8, (5, 11, 21)).eval()
    maps = torch.zeros(1, 8, 1, 101)
    maps[..., 50] = 1
    # The weights of the channels depend on the whole window; without them reach is the kernels'.
    with torch.no_grad():
        moved = block.mix(torch.cat([branch(maps) for branch in block.branches], dim=1))
        still = block.mix(torch.cat([branch(maps * 0) for branch in block.branches], dim=1))
    reached = torch.nonzero((moved - still)[0, :, 0].abs().sum(dim=0) > 1e-9)[:, 0].tolist()
    assert (reached[0], reached[-1]) == (40, 60)


def test_each_branch_has_its_own_say() -> None:
    torch.manual_seed(0)
    block = Multiresolution(4, 4, (5, 11, 21)).eval()
    maps = torch.randn(2, 4, 1, 60)
    with torch.no_grad():
        whole = block(maps)
        assert whole.shape == maps.shape
        for branch in block.branches:
            weight = branch.weight.clone()
            branch.weight.zero_()
            assert (block(maps) - whole).abs().max() > 1e-4
            branch.weight.copy_(weight)


@pytest.mark.parametrize("kernels", [(3,), (5, 11, 21)])
def test_the_kernels_are_the_recipe_s(kernels: tuple[int, ...]) -> None:
    net = MODELS["exgnet"].build(leads=1, time=360, classes=4, side=0, kernels=kernels)
    assert net(torch.zeros(2, 1, 360)).shape == (2, 4)
    found = [m.kernel_size[1] for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert set(kernels) | {15, 1} == set(found)
