"""Networks as ONNX."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

_FREE = MappingProxyType({0: "item"})


def exported(
    net: nn.Module, inputs: Mapping[str, torch.Tensor], *, output: str = "logits",
    free: Mapping[int, str] = _FREE,
) -> bytes:  # fmt: skip
    """Return a network, in evaluation, as ONNX.

    Parameters
    ----------
    inputs : an example of each, by name, in the order in which the network eats them.
    output : name of what it gives.
    free : number and name of the axes whose length is open, of all inputs and of the output.
    """
    # A file in memory is taken, whatever the signature says.
    out: Any = io.BytesIO()
    with warnings.catch_warnings():
        # The older of torch's two exporters: the newer needs a package more and gives no less.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), tuple(inputs.values()), out, input_names=list(inputs),
            output_names=[output], dynamic_axes={n: dict(free) for n in (*inputs, output)},
            opset_version=17, dynamo=False,
        )  # fmt: skip
    return bytes(out.getvalue())
