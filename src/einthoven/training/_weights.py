"""Weights of a network in a file of their own, with no time or path inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from einthoven.record.files import beside

Net = TypeVar("Net", bound=nn.Module)


def save(weights: Mapping[str, torch.Tensor], file: Path) -> None:
    """Write named weights beside the place and then rename."""
    with beside(file) as temporary:
        save_file({k: v.cpu().contiguous() for k, v in weights.items()}, temporary)


def filled(net: Net, file: Path) -> Net:
    """Return `net` itself with the weights of a file, in evaluation."""
    net.load_state_dict(load_file(file))
    return net.eval()
