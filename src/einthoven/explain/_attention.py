"""Reads what networks of the catalogue say they looked at, and lays it over the window."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._model import Model
from einthoven.models.abcnn import Abcnn
from einthoven.models.beat_net import BeatNet
from einthoven.models.cnn_attention_bilstm import CnnAttentionBiLstm
from einthoven.models.cnn_lstm_attention import CnnLstmAttention
from einthoven.models.heartbeatai import HeartBeatAi
from einthoven.models.hrv_conformer import HrvConformer
from einthoven.models.imle_net import ImleNet
from einthoven.models.optimised_features import OptimisedFeatures

Floats = npt.NDArray[np.float64]
Given = tuple[torch.Tensor, ...]

_GATE, _PIECE, _BEAT = 64, 100, 4  # samples of a position: BiLSTM's gate, conformer, IMLE-Net
_TOKEN = 8  # BEAT-Net


def net_of(model: Model, kinds: tuple[type[nn.Module], ...]) -> Any:
    """Return the network of one of some architectures within a model; None if there is none."""
    if model.module is None:
        return None
    return next((m for m in model.module.modules() if isinstance(m, kinds)), None)


def given(model: Model, net: nn.Module, case: Case, span: tuple[int, int]) -> Given:
    """Return what a network within a model is given for a stretch [first, last) of a case."""
    module = model.module
    assert module is not None
    kept: list[Given] = []

    def keep(_: nn.Module, args: Any, named: Any) -> None:
        order = inspect.signature(net.forward).bind(*args, **named).arguments
        kept.append(tuple(v for v in order.values() if v is not None))

    hook = net.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        with torch.no_grad():
            window = torch.from_numpy(case.window[None, :, span[0] : span[1]].astype(np.float32))
            module(window, torch.from_numpy(case.side[None].astype(np.float32)))
    finally:
        hook.remove()
    return kept[0]


def drawn(
    model: Model, case: Case, target: int, net: nn.Module, read: Callable[[Any, Given], Floats]
) -> npt.NDArray[np.float32]:
    """Return (lead, time): what a network looked at, crop by crop where it sees crops."""
    found = np.zeros(case.window.shape)
    for first, last, weight in gradients.crops(model, case, target):
        with torch.no_grad():
            seen = read(net, given(model, net, case, (first, last)))
        found[:, first:last] += weight * seen
    return found.astype(np.float32)


def attention(net: Any, given: Given) -> Floats:
    """Return (lead, time) of what was looked at, as each architecture documents it."""
    window = given[0]
    leads, time = int(window.shape[1]), int(window.shape[2])
    if isinstance(net, BeatNet):
        return _beats(net, given, net.attention(*given))
    if isinstance(net, ImleNet):
        return _levels(net.attention(window), leads, time)
    if isinstance(net, HeartBeatAi):
        stages = [_even(w[0], time, net.step * 2**n) for n, w in enumerate(
            net.attention(window).values())]  # fmt: skip
        row = np.mean(stages, axis=0) if stages else np.ones(time)
        found: Floats = net.lead_weights(window)[0].double().numpy()[:, None] * row
        return found
    if isinstance(net, OptimisedFeatures):  # of leads alone
        return np.repeat(net.attention(window)[0].double().numpy()[:, None], time, axis=1)
    if isinstance(net, CnnAttentionBiLstm):
        row = _even(net.gate(window)[0].mean(dim=0), time, _GATE)
    elif isinstance(net, HrvConformer):
        # What each piece gets from all tokens, in the last block.
        last = list(net.attention(window).values())[-1][0]
        row = _even(last.mean(dim=(0, 1))[1:], time, _PIECE)
    else:
        share, spans = net.attention(window)[0], net.spans(time)
        row = np.zeros(time)
        for value, (first, past) in zip(share.tolist(), spans.tolist(), strict=True):
            row[first:past] = value
    return np.repeat(row[None], leads, axis=0)


def rollout(net: Any, given: Given) -> Floats:
    """Return (lead, time) of what was looked at, traced back through the layers that mix.

    Half of each step goes along the weights, averaged over heads, and half straight on.
    """
    window = given[0]
    if isinstance(net, HrvConformer):
        # The last layers read all pieces; the class token is dropped before them.
        layers = [w[0].mean(dim=0) for w in net.attention(window).values()]
        count = layers[0].shape[0]
        share = torch.full((count,), 1 / (count - 1))
        share[0] = 0
        for layer in reversed(layers):
            share = (share + share @ layer) / 2
        row = _even(share[1:], int(window.shape[2]), _PIECE)
        return np.repeat(row[None], int(window.shape[1]), axis=0)
    if isinstance(net, BeatNet):
        with _Softmaxes() as mixing:
            weights = net.attention(*given)
        for name in ("lead", "beat"):
            if name not in weights:
                continue
            weight = weights[name]  # (record, beat, lead, head) or (record, beat, head)
            rows = weight.shape[2] if name == "lead" else weight.shape[1]
            count = weight.shape[1] if name == "lead" else 1
            mixed = next(m for m in mixing.seen if m.shape[::2] == (count, rows))
            flat = weight.reshape(count, rows, -1).transpose(1, 2)
            traced = (flat + flat @ mixed.mean(dim=1)) / 2
            weights[name] = traced.transpose(1, 2).reshape(weight.shape)
        return _beats(net, given, weights)
    return attention(net, given)  # ABCNN traces its own


class _Softmaxes(TorchFunctionMode):
    """Keeps the weights (batch, head, row, row) of layers that mix rows."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # fmt: skip
        """Run a function of torch."""
        del types
        made = func(*args, **(kwargs or {}))
        if func in (torch.softmax, torch.Tensor.softmax) and made.ndim == 4:
            self.seen.append(made)
        return made


def _even(share: torch.Tensor, time: int, samples: int) -> Floats:
    """Return (time,) of positions side by side from sample 0, each shared out to its samples."""
    row = np.repeat(share.double().numpy() / samples, samples)[:time]
    return np.pad(row, (0, time - len(row)))


def _levels(weights: dict[str, torch.Tensor], leads: int, time: int) -> Floats:
    """Return (lead, time) of the three levels of IMLE-Net, multiplied."""
    beat = weights["beat"][0] * weights["rhythm"][0][..., None]
    if "channel" in weights:
        beat = beat * weights["channel"][0][:, None, None]
    found = np.zeros((leads, time))
    pieces = int(beat.shape[1])
    piece = time // pieces
    for lead in range(leads):
        for number in range(pieces):
            row = np.repeat(beat[lead, number].double().numpy(), _BEAT)[:piece]
            found[lead, number * piece : number * piece + len(row)] = row
    return found


def _beats(net: BeatNet, given: Given, weights: dict[str, torch.Tensor]) -> Floats:
    """Return (lead, time) of BEAT-Net: of beats, of leads within them and of waves within those."""
    window = given[0]
    leads, time = int(window.shape[1]), int(window.shape[2])
    numbers = net._chosen(net._sentence(window, given[1] if len(given) > 1 else None))[0]
    found = np.zeros((leads, time))
    for beat, (r, first, past) in enumerate(numbers[:, :3].round().long().tolist()):
        if past <= first:
            continue
        whole = float(weights["beat"][0, beat].mean()) if "beat" in weights else 1 / len(numbers)
        for lead in range(leads):
            share = whole * (
                float(weights["lead"][0, beat, lead].mean()) if "lead" in weights else 1 / leads
            )
            begin = r - net._before
            if "wave" in weights:
                row = weights["wave"][0, beat, lead].mean(dim=1).double().numpy()
                token = np.repeat(row, _TOKEN)[: net._columns]
            else:
                token = np.ones(net._columns) / net._columns
            at = np.arange(begin, begin + len(token))
            here = (at >= max(first, 0)) & (at < min(past, time))
            found[lead, at[here]] += share * token[here]
    return found


READ: Sequence[type[nn.Module]] = (
    Abcnn, BeatNet, CnnAttentionBiLstm, CnnLstmAttention, HeartBeatAi, HrvConformer, ImleNet,
    OptimisedFeatures,
)  # fmt: skip
MIXES: Sequence[type[nn.Module]] = (Abcnn, BeatNet, HrvConformer)
