"""TorchModel: a network in torch, of a run folder or of a shipped graph, asked as any model is."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.bundle import Bundle
from einthoven.explain._onnx_file import read_graph
from einthoven.explain._onnx_graph import torch_graph
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec

Array = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]

_AT_ONCE = 128  # windows a step
_TASKS = ("beat", "diagnosis")


class Calibrated(nn.Module):
    """A network whose answers are calibrated logits.

    Parameters
    ----------
    net : eats ``window`` and, where `eats` says so, ``side`` (batch, number), by keyword.
    eats : names of its inputs.
    offsets, temperature : (class,) added to its logits; they are divided by it.

    Attributes
    ----------
    offsets, temperature : (class,) as given.
    layer : whose maps are read, once it has been found; see `_maps.layer_of`.
    """

    def __init__(
        self, net: nn.Module, eats: tuple[str, ...], offsets: Array, temperature: Array
    ) -> None:
        super().__init__()
        self.net, self.eats = net.eval(), eats
        self.layer: Any = None
        self.offsets, self.temperature = torch.tensor(offsets), torch.tensor(temperature)
        for parameter in self.net.parameters():
            parameter.requires_grad_(False)

    def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return calibrated logits (batch, class).

        Parameters
        ----------
        window : (batch, lead, time).
        side : (batch, 1, number).
        """
        given = {"window": window, "side": side[:, 0]}
        logits = self.net(**{name: given[name] for name in self.eats})
        calibrated: torch.Tensor = (logits + self.offsets) / self.temperature
        return calibrated


class TorchModel:
    """A network with gradients; attributes as of `Model`.

    Of a run on whole records `usual` are the means of the training side.
    """

    def __init__(
        self, name: str, task: str, classes: tuple[str, ...], spec: InputSpec, module: nn.Module,
        usual: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.task, self.classes, self.spec = name, task, classes, spec
        self.usual = usual or {}
        self._module = module

    @property
    def module(self) -> nn.Module:
        """The network, see `Model`."""
        return self._module

    def logits(self, inputs: Mapping[str, Array]) -> Logits:
        """Return (variant, class) calibrated logits; see `Model`."""
        window, side = (torch.from_numpy(np.asarray(inputs[k], np.float32))
                        for k in ("window", "side"))  # fmt: skip
        with torch.no_grad():
            said = [
                self._module(w, s)
                for w, s in zip(
                    torch.split(window, _AT_ONCE), torch.split(side, _AT_ONCE), strict=True
                )
            ]
        found: Logits = torch.cat(said).numpy().astype(np.float64)
        return found


def calibrated(
    net: nn.Module, classes: int, *, side: bool, window: bool = True, offsets: object = 0.0,
    temperature: object = 1.0,
) -> Calibrated:  # fmt: skip
    """Return a network as `Model.module` should be.

    Parameters
    ----------
    net : eats ``window`` and ``side`` (batch, number).
    classes : how many logits it gives.
    window, side : whether it eats them.
    offsets, temperature : of all classes, or one of each.
    """
    eats = tuple(name for name, own in (("window", window), ("side", side)) if own)
    each = [np.broadcast_to(np.asarray(v, np.float32), classes).copy()
            for v in (offsets, temperature)]  # fmt: skip
    return Calibrated(net, eats, *each)


def of_run(folder: Path) -> TorchModel:
    """Return the network of a finished run of beats or of whole records.

    Its probabilities are those of the run's table of answers.

    Raises
    ------
    DataError : it is no finished run of a network.
    UsageError : the run is of another task.
    """
    from einthoven.training import load_recipe, nets, records
    from einthoven.training._record_net import RecordNet
    from einthoven.training._run import WEIGHTS

    for name in ("recipe.toml", "metrics.json", WEIGHTS):
        if not (folder / name).is_file():
            mend = "Give the folder of a finished run of a network, or a bundle"
            raise DataError(folder, f"has no {name}", mend)
    recipe = load_recipe(str(folder / "recipe.toml"))
    if recipe.task not in _TASKS:
        fault = f"is a run of the task {recipe.task}, which is not explained"
        raise UsageError(folder, fault, f"Give one of {', '.join(_TASKS)}")
    net = (records if recipe.task == "diagnosis" else nets).load(recipe, folder)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    classes = tuple(recipe.corpus.classes)
    names = _numbers(recipe.input, recipe.task)
    module = calibrated(
        net, len(classes), side=bool(names) and "side" in inspect.signature(net.forward).parameters,
        offsets=metrics["offsets"], temperature=metrics["temperature"],
    )  # fmt: skip
    usual: Mapping[str, float] = {}
    if isinstance(net, RecordNet):
        means = torch.as_tensor(net.centre).tolist()
        places = int(getattr(net.net, "coordinates", 0))
        usual = dict(zip(names[places:], means[places:], strict=True))
    return TorchModel(recipe.name, recipe.task, classes, recipe.input, module, usual)


def _numbers(spec: InputSpec, task: str) -> tuple[str, ...]:
    """Return the names of the side numbers."""
    if task == "diagnosis":
        from einthoven.inputs.record import record_side_names

        return record_side_names(spec)
    from einthoven.inputs import side_names

    return side_names(spec)


def of_bundle(bundle: Bundle) -> Calibrated | None:
    """Return the graph of a bundle in torch; None where some of it has no gradient."""
    card = bundle.card
    data = bundle.stage_bytes(0)
    # Trees are found without reading their ten thousands of nodes.
    if b"TreeEnsemble" in data or card.stages[0].input.neighbours != (0, 0):
        return None
    graph = read_graph(data, str(bundle.path))
    if not set(graph.inputs) <= {"window", "side"}:
        return None
    try:
        net = torch_graph(graph, str(bundle.path))
    except UsageError:
        return None
    return calibrated(
        net, len(card.classes), window="window" in graph.inputs, side="side" in graph.inputs,
        offsets=np.array(card.offsets) if card.offsets else 0.0, temperature=card.temperature,
    )  # fmt: skip
