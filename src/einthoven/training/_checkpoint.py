"""Checkpoints of Lightning without pickle: tensors in safetensors, the rest as JSON there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from einthoven.record.errors import DataError
from einthoven.record.files import beside


class Checkpoint(ModelCheckpoint):
    """Lightning's own, with the ending that tells what the file is."""

    FILE_EXTENSION = ".safetensors"


def _pack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Return `value` as JSON can hold it; its tensors go to `tensors`."""
    if isinstance(value, torch.Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value.detach().cpu().contiguous().clone()
        # Fused Adam goes through weight and moments by memory: a moment that comes back in another
        # order than its channels-last weight would belong to other weights.
        return {"tensor": [name, list(value.stride())]}
    if isinstance(value, dict):
        # Pairs, for the optimiser's keys are numbers and JSON's are text.
        return {"pairs": [[_pack(k, tensors), _pack(v, tensors)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_pack(v, tensors) for v in value]}
    if isinstance(value, list):
        return {"list": [_pack(v, tensors) for v in value]}
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _unpack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "tensor":
        name, stride = (inner, None) if isinstance(inner, str) else inner
        found = tensors[name]
        if stride is None or list(found.stride()) == stride or 0 in stride:
            return found
        return torch.empty_strided(found.shape, stride, dtype=found.dtype).copy_(found)
    if kind == "pairs":
        return {_unpack(k, tensors): _unpack(v, tensors) for k, v in inner}
    items = [_unpack(v, tensors) for v in inner]
    return tuple(items) if kind == "tuple" else items


class SafeCheckpointIO(CheckpointIO):
    """Writes beside and renames, so that a killed run leaves the last whole checkpoint."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write one checkpoint."""
        del storage_options
        tensors: dict[str, torch.Tensor] = {}
        # Hyperparameters and callbacks are ours and plain; a fault here is our own mistake.
        text = json.dumps(_pack(dict(checkpoint), tensors))
        with beside(Path(path)) as temporary:
            save_file(tensors, temporary, metadata={"state": text})

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        """Read one checkpoint."""
        del map_location, weights_only
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Delete one checkpoint."""
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state in a checkpoint file.

    Raises
    ------
    DataError : it is no checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = json.loads(file.metadata()["state"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as fault:
        raise DataError(path, f"is no checkpoint ({fault})", "Train the run anew") from fault
    found: dict[str, Any] = _unpack(state, tensors)
    return found
