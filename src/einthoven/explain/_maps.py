"""Finds the layer whose maps are shown, reads it, and lays its positions over the window.

The layer is what a network calls its features, if its answer goes through them; otherwise, as in
graphs, the last one whose output still knows when, and on which the answer depends. What an axis of
an output stands for is then measured: along time the part of the window that an entry depends on
moves on from the first entry to the last.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._model import Model
from einthoven.record.errors import UsageError

Array = npt.NDArray[np.float32]

FEATURES = "features"
_PROBES = 8  # entries of an axis that are looked at
_LIKE_TIME = 0.9  # correlation of place and centre of what an entry depends on, from which on
_MOVES = 0.08  # of the window that the centre moves at least from the first to the last entry


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer whose maps are shown.

    Attributes
    ----------
    name : of the module.
    times : axes of its output that are time; two of a picture of pairs of spans.
    lead : axis of its output that is leads, 0 where leads and windows share the first; None where
        the leads are mixed.
    skip : entries of the time axis that stand before the first one with a place, such as a token
        that stands for all.
    """

    name: str
    times: tuple[int, ...]
    lead: int | None
    skip: int


@contextmanager
def watched(module: nn.Module) -> Iterator[dict[str, torch.Tensor]]:
    """Give a table that fills with what each layer within makes, in the order of their ends.

    A network's own `features` are among them, as ``NAME.features``, where its forward asks for
    them: those of our catalogue call the last maps by that name.
    """
    seen: dict[str, torch.Tensor] = {}
    hooks, changed = [], []

    def keep(name: str, made: Any) -> None:
        first = made[0] if isinstance(made, tuple) and made else made
        if isinstance(first, torch.Tensor) and first.is_floating_point():
            seen.pop(name, None)
            seen[name] = first

    for name, layer in module.named_modules():
        own: Any = getattr(layer, "features", None)
        if inspect.ismethod(own):
            layer.features = _kept(own, f"{name}.{FEATURES}", keep)
            changed.append(layer)
        if name not in ("", "net"):
            hooks.append(
                layer.register_forward_hook(lambda _, __, made, name=name: keep(name, made))
            )
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
        for layer in changed:
            del layer.features


def _kept(own: Callable[..., Any], name: str, keep: Callable[[str, Any], None]) -> Any:
    def features(*given: Any, **named: Any) -> Any:
        made = own(*given, **named)
        keep(name, made)
        return made

    return features


def layer_of(model: Model, case: Case) -> Layer:
    """Return the layer whose maps are shown; found once for each network.

    Raises
    ------
    UsageError : no layer knows when.
    """
    module = model.module
    assert module is not None
    kept: Layer | None = getattr(module, "layer", None)
    if kept is None:
        first, last, _ = gradients.crops(model, case, 0)[0]
        kept = _found(module, case.window[:, first:last], case.side, len(model.classes))
        if kept is None:
            fault = f"finds no layer of {model.name!r} that still knows when"
            raise UsageError("method", fault, "Use integrated-gradients")
        module.layer = kept  # type: ignore[assignment]
    return kept


def _found(module: nn.Module, own: Array, side: Array, classes: int) -> Layer | None:
    leads, time = own.shape
    # Noise beside the window: a lead that is flat would hide what depends on it.
    rng = np.random.default_rng(0)
    noisy = own + 0.1 * (float(own.std()) or 1.0) * rng.normal(size=(_PROBES, leads, time))
    window = torch.tensor(noisy, dtype=torch.float32, requires_grad=True)
    with watched(module) as seen:
        answer = module(window, torch.from_numpy(np.repeat(side[None], _PROBES, axis=0)))
    # Not the plain sum: what two classes have from each other would cancel out.
    answer = answer * torch.arange(1.0, classes + 1)
    last = list(reversed(seen))
    # What a network calls its features comes first.
    for name in sorted(last, key=lambda n: not n.endswith(FEATURES)):
        made = seen[name]
        if not 3 <= made.ndim <= 5 or made.shape[0] % _PROBES or made.grad_fn is None:
            continue
        (heard,) = torch.autograd.grad(answer.sum(), made, retain_graph=True, allow_unused=True)
        if heard is None or not heard.any():
            continue
        if name.endswith(FEATURES):
            layer = _called(name, made, leads, [m.shape for m in seen.values()])
        else:
            layer = _measured(name, made, window)
        # A layer of no more maps than classes is an answer, or a weight, and no map of anything.
        if layer is not None and _ordered(made[: len(made) // _PROBES], layer).shape[1] > classes:
            return layer
    return None


def _called(name: str, made: torch.Tensor, leads: int, shapes: list[torch.Size]) -> Layer | None:
    """Return the layer of what a network calls its features: time is their last axis.

    Not of a picture that was laid in a row: its positions are pairs of spans, see `_measured`.
    """
    for shape in shapes:
        if len(shape) == 4 and 1 < shape[2] == shape[3] and shape.numel() == made.numel():
            return None
    times = [made.ndim - 1]
    return Layer(name=name, times=tuple(times), skip=0, lead=_lead_axis(made, leads, times))


def _measured(name: str, made: torch.Tensor, window: torch.Tensor) -> Layer | None:
    """Return a layer if its output knows when."""
    times: list[int] = []
    skip = 0
    for axis in range(1, made.ndim):
        found = _is_time(made, window, axis)
        if found is not None:
            times, skip = [*times, axis], max(skip, found)
    if not times:
        return None
    if made.ndim == 4 and made.shape[2] == made.shape[3]:  # a picture of pairs of spans
        times = [2, 3]
    return Layer(name=name, times=tuple(times), skip=skip,
                 lead=_lead_axis(made, window.shape[1], times))  # fmt: skip


def _is_time(made: torch.Tensor, window: torch.Tensor, axis: int) -> int | None:
    """Return how many entries before the first one with a place an axis has; None if not time."""
    size = made.shape[axis]
    if size < 2:
        return None
    entries = np.unique(np.linspace(0, size - 1, _PROBES).round().astype(int))
    each = made.shape[0] // _PROBES
    # Random signs: sums over a normalised axis would depend on nothing.
    sign = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], made.shape[1:])).float()
    total = torch.zeros(())
    for row, entry in enumerate(entries.tolist()):
        own = made[row * each : (row + 1) * each] * sign
        total = total + own.select(axis, entry).sum()
    (slope,) = torch.autograd.grad(total, window, retain_graph=True, allow_unused=True)
    if slope is None:
        return None
    size_of = slope[: len(entries)].abs().sum(dim=1).double().numpy()  # (entry, time)
    known = size_of.sum(axis=1)
    if not (known > 0).all():
        return None
    centre = size_of @ np.arange(size_of.shape[1]) / known / size_of.shape[1]
    skip = 1 if len(entries) > 3 and entries[1] == 1 and centre[0] >= centre[1] else 0
    entries, centre = entries[skip:], centre[skip:]
    if centre[-1] - centre[0] < _MOVES:
        return None
    return skip if np.corrcoef(entries, centre)[0, 1] >= _LIKE_TIME else None


def _lead_axis(made: torch.Tensor, leads: int, times: list[int]) -> int | None:
    if leads == 1:
        return None
    if made.shape[0] == _PROBES * leads:
        return 0
    rest = [a for a in range(2, made.ndim) if a not in times and made.shape[a] == leads]
    return rest[0] if made.ndim == 4 and rest else None


def laid(
    model: Model, case: Case, target: int, cam: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> Array:
    """Return (lead, time): a number of each position of the maps, laid over the window.

    Of what a network sees in crops, each crop's map has its weight.

    Parameters
    ----------
    cam : takes maps and the slopes of the log odds by them, (lead, channel, position) with one row
        where the leads are mixed, and returns (lead, position).
    """
    layer, module = layer_of(model, case), model.module
    assert module is not None
    found = np.zeros(case.window.shape, np.float64)
    for first, last, weight in gradients.crops(model, case, target):
        window = torch.tensor(case.window[None, :, first:last], requires_grad=True)
        with watched(module) as seen:
            logits = module(window, torch.from_numpy(case.side[None]))
        made = seen[layer.name]
        (slope,) = torch.autograd.grad(gradients.log_odds(model, logits, target).sum(), made)
        maps, slopes = (_ordered(t.detach(), layer) for t in (made, slope))
        drawn = cam(maps, slopes).numpy().astype(np.float64)
        drawn = drawn.reshape(len(drawn), *(int(made.shape[a]) for a in layer.times))
        found[:, first:last] += weight * _stretched(drawn, last - first, layer.skip)
    return found.astype(np.float32)


def _stretched(drawn: npt.NDArray[np.float64], time: int, skip: int) -> npt.NDArray[np.float64]:
    """Return (lead, time): each position's value at its middle, and lines between.

    Of a picture half of a value goes to either of its two spans.
    """
    axes = range(1, drawn.ndim)
    parts = []
    for axis in axes:
        row = drawn.mean(axis=tuple(a for a in axes if a != axis))[:, skip:]
        at = (np.arange(row.shape[1]) + 0.5) * time / row.shape[1] - 0.5
        parts.append([np.interp(np.arange(time), at, r) for r in row])
    found: npt.NDArray[np.float64] = np.mean(parts, axis=0)
    return found


def _ordered(made: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Return (lead, channel, position)."""
    if layer.lead is None:
        lead, rest = made.unsqueeze(0), [a + 1 for a in layer.times]
    elif layer.lead == 0:
        lead, rest = made.unsqueeze(1), [a + 1 for a in layer.times]
    else:
        lead = made.movedim(layer.lead, 0)
        rest = [a + (a < layer.lead) for a in layer.times]
    last = lead.movedim(rest, list(range(-len(rest), 0)))
    positions = 1
    for size in last.shape[-len(rest) :]:
        positions *= size
    return last.reshape(lead.shape[0], -1, positions)
