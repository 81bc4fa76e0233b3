"""A network over the beat's own wave, which moderates what trees and beat sequence say.

Side numbers compare a beat with the patient's usual one, and noise upsets many of them at once; a
convolution finds a wide QRS in noise still. Rhythm tells S from N and the wave does not, so the
network is asked for N and S together against V and against F, never for N against S.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.models import MODELS
from einthoven.record.errors import UsageError
from einthoven.training._recipe import check_arguments

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_BATCH, _RATE, _DECAY, _SMOOTHING = 256, 3e-3, 0.05, 0.05
_JUDGE = 2048  # windows a step where nothing is learnt


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """The keys of ``[model.waveform]``; others go to the architecture.

    Attributes
    ----------
    name : of the architecture in `models.MODELS`.
    share : of its log probabilities in the answer.
    epochs : of `beats` beats each; a class is drawn by the root of its beats.
    noise : SD of white noise added in training, in units of the window.
    draws : networks, each from a chance of its own; the mean of their log probabilities counts.
    arguments : of the architecture.
    """

    name: str
    share: float
    epochs: int = 6
    beats: int = 20000
    noise: float = 0.05
    draws: int = 1
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.share) is not float or not 0 < self.share < 1:
            raise UsageError("model.waveform.share", f"is {self.share}", "Give one within 0 and 1")
        if self.draws < 1:
            raise UsageError("model.waveform.draws", f"is {self.draws}", "Give 1 or more")
        check_arguments("model.waveform", MODELS[self.name].build, self.arguments)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Waveform:
        """Return that of a recipe's table.

        Raises
        ------
        UsageError : the architecture, or one of its arguments, is not known.
        """
        own = {f.name for f in fields(cls)} - {"arguments"}
        for key in ("name", "share"):
            if key not in given:
                raise UsageError("model.waveform", f"lacks {key}", f"Give model.waveform.{key}")
        known = {k: v for k, v in given.items() if k in own}
        return cls(**known, arguments={k: v for k, v in given.items() if k not in own})


def train(
    window: Array, side: Array, label: npt.NDArray[np.int64], classes: int, waveform: Waveform,
    seed: int,
) -> Any:  # fmt: skip
    """Return a trained network, one thread, the same bits for a seed.

    Its normalisations are folded into the convolutions before them and its weights are numbers
    that float16 can hold: so they are shipped in half the bytes, and what is judged is what ships.

    Parameters
    ----------
    window, side : (beat, lead, time) and (beat, number).
    label : (beat,) class; -1 for a beat that is not learnt from.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    net = MODELS[waveform.name].build(
        leads=window.shape[1],
        time=window.shape[2],
        classes=classes,
        side=side.shape[1],
        **waveform.arguments,
    )
    steps = waveform.epochs * max(1, waveform.beats // _BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=_DECAY)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps + 1)
    waves, numbers, wanted = (torch.from_numpy(a) for a in (window, side, label))
    counts = np.bincount(np.maximum(label, 0), label >= 0)
    weight = np.where(label >= 0, np.maximum(counts, 1)[label] ** -0.5, 0.0)
    drawn = rng.choice(len(label), (steps, _BATCH), p=weight / weight.sum())
    net.train()
    for rows in torch.from_numpy(drawn):
        given = waves[rows]
        given = given + waveform.noise * torch.randn_like(given)
        said = net(given, numbers[rows])
        loss = functional.cross_entropy(said, wanted[rows], label_smoothing=_SMOOTHING)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        plan.step()
    return halved(_folded(net.eval()))


def halved(net: Any) -> Any:
    """Return the network with its layers' weights rounded to numbers that float16 can hold."""
    from torch import nn

    for layer in net.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            for numbers in layer.parameters():
                numbers.data = numbers.data.half().float()
    return net


def _folded(net: Any) -> Any:
    """Return the network with each normalisation folded into the convolution before it."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for part in net.modules():
        if not isinstance(part, nn.Sequential):
            continue
        for at in range(len(part) - 1):
            first, second = part[at], part[at + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                part[at], part[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return net


def answers(net: Any, window: Array, side: Array) -> Array:
    """Return (beat, class) logits."""
    import torch

    found = []
    with torch.no_grad():
        for at in range(0, len(window), _JUDGE):
            rows = slice(at, at + _JUDGE)
            found.append(net(torch.from_numpy(window[rows]), torch.from_numpy(side[rows])).numpy())
    return np.concatenate(found)
