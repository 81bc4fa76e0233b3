"""Other slopes than those of calculus: guided ones, and those from a reference to a window.

Functions of torch are caught while a network runs, whether a layer calls them or its forward does,
in place or not; each is replaced by one that has the same value and another slope. A function that
is not known here keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Tensor = torch.Tensor

_F: Any = functional
_T: Any = torch.Tensor
_RELUS = {torch.relu, torch.relu_, _F.relu, _F.relu_, _T.relu, _T.relu_, _F.relu6, _F.hardtanh,
          torch.clamp, _T.clamp, torch.clamp_, _T.clamp_,
          _T.clamp_min, torch.clamp_min}  # fmt: skip
_ALONE = _RELUS | {
    torch.tanh, _T.tanh, torch.sigmoid, _T.sigmoid, _F.gelu, _F.silu, _F.elu, _F.leaky_relu,
    _F.softplus, torch.exp, _T.exp, torch.log, _T.log, torch.sqrt, _T.sqrt, torch.rsqrt, _T.rsqrt,
    torch.reciprocal, _T.reciprocal, torch.erf, _T.erf, torch.abs, _T.abs, torch.sin, torch.cos,
    _T.square, torch.square, _F.hardsigmoid, _F.hardswish, _F.sigmoid, _F.tanh,
}  # fmt: skip
_PRODUCTS = {torch.mul, _T.mul, _T.__mul__, _T.__rmul__, _T.mul_}
_MATRICES = {torch.matmul, _T.matmul, _T.__matmul__, torch.bmm, _T.bmm}
_QUOTIENTS = {torch.div, _T.div, _T.__truediv__, torch.true_divide, _T.true_divide}
_POWERS = {torch.pow, _T.pow, _T.__pow__}
_POOLS = {_F.max_pool1d, _F.max_pool2d, torch.max_pool1d, torch.max_pool2d}
_TINY = 1e-6


class Guided(TorchFunctionMode):
    """At ReLUs and their like only slopes above 0 pass back."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # fmt: skip
        """Run a function of torch."""
        del types
        made = func(*args, **(kwargs or {}))
        if func in _RELUS and isinstance(made, Tensor) and made.requires_grad:
            # An identity whose slope back is cut off below 0.
            return _Risen.apply(made)  # type: ignore[no-untyped-call]
        return made


class _Risen(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, made: Tensor) -> Tensor:
        """Return the same."""
        del ctx
        return made.view_as(made)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """Return what rises."""
        del ctx
        return slope.clamp(min=0)


class FromReference(TorchFunctionMode):
    """Slopes from a reference: of each function the change of its value over that of its input.

    The batch is the windows and behind them as many references. The rescale rule of DeepLIFT; of
    products the mean of the other factor, of the larger of several numbers all to the one that
    is the larger. So the slopes of the windows, times their distances from the references, sum to
    the change of the answer.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # fmt: skip
        """Run a function of torch."""
        del types
        own = kwargs or {}
        first = args[0] if args else None
        if not isinstance(first, Tensor):
            return func(*args, **own)
        if not first.requires_grad and not (len(args) > 1 and _moves(args[1])):
            return func(*args, **own)
        if func in _POWERS and not _moves(args[1]):
            return _alone(lambda x: func(x, *args[1:], **own), first)
        if func in _ALONE and first.requires_grad:
            return _alone(lambda x: func(x, *args[1:], **_fresh(own)), first)
        if func in (_PRODUCTS | _MATRICES) and _moves(args[1]) and first.requires_grad:
            return _product(torch.matmul if func in _MATRICES else torch.mul, first, args[1])
        if func in _QUOTIENTS and _moves(args[1]):
            return _product(torch.mul, first, _alone(torch.reciprocal, args[1]))
        if func in (torch.softmax, _F.softmax, _T.softmax):
            return _softmax(first, own.get("dim", args[1] if len(args) > 1 else -1))
        if func in (torch.logsumexp, _T.logsumexp):
            return _log_sum(first, own.get("dim", args[1] if len(args) > 1 else -1))
        if func is _F.layer_norm:
            return _layer_norm(*args, **own)
        if func is _F.glu:
            one, gate = first.chunk(2, dim=own.get("dim", -1))
            return _product(torch.mul, one, _alone(torch.sigmoid, gate))
        if func in (torch.amax, _T.amax):
            axis = own.get("dim", args[1] if len(args) > 1 else ())
            return _largest(first, axis, bool(own.get("keepdim", False)))
        if func in _POOLS:
            return _pooled(func, first, args[1:], own)
        return func(*args, **own)


def _moves(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _fresh(own: dict[str, Any]) -> dict[str, Any]:
    """Return arguments without `inplace`, for the input is needed afterwards."""
    return {k: v for k, v in own.items() if k != "inplace"}


def _same(value: Tensor, slope: Tensor, by: Tensor) -> Tensor:
    """Return a value whose slope by something is given."""
    return value.detach() + slope.detach() * (by - by.detach())


def _alone(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return a function of each number by itself; where nothing changes, with its own slope."""
    with torch.enable_grad():
        near = x.detach().clone().requires_grad_()
        made = function(near.clone())
        (own,) = torch.autograd.grad(made.sum(), near)
    one, usual = x.detach().chunk(2)
    out, was = made.detach().chunk(2)
    change = one - usual
    small = change.abs() < _TINY
    slope = (out - was) / torch.where(small, torch.ones_like(change), change)
    mine, theirs = own.chunk(2)
    slope = torch.where(small, (mine + theirs) / 2, slope)
    return _same(made, torch.cat([slope, slope]), x)


def _product(function: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> Tensor:
    """Return a product; the slope by one factor is the mean of the other's two values."""

    def mean(x: Tensor) -> Tensor:
        if not x.requires_grad:
            return x
        one, usual = x.detach().chunk(2)
        return torch.cat([one + usual, one + usual]) / 2

    value = function(a.detach(), b.detach())
    return (
        value + function(a - a.detach(), mean(b)) + function(mean(a), b - b.detach())
    )  # fmt: skip


def _softmax(x: Tensor, axis: int) -> Tensor:
    raised = _raised(x, axis)
    return _product(torch.mul, raised, _alone(torch.reciprocal, raised.sum(axis, keepdim=True)))


def _raised(x: Tensor, axis: int) -> Tensor:
    """Return exponentials, all of a row and of its reference less by the same largest one."""
    most = x.detach().amax(axis, keepdim=True)
    one, usual = most.chunk(2)
    most = torch.maximum(one, usual)
    return _alone(torch.exp, x - torch.cat([most, most]))


def _log_sum(x: Tensor, axis: Any) -> Tensor:
    axis = axis[0] if isinstance(axis, tuple | list) else axis
    most = x.detach().amax(axis)
    one, usual = most.chunk(2)
    most = torch.maximum(one, usual)
    return _alone(torch.log, _raised(x, axis).sum(axis)) + torch.cat([most, most])


def _layer_norm(
    x: Tensor, shape: Any, weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    axes = tuple(range(-len(shape), 0))
    centred = x - x.mean(axes, keepdim=True)
    spread = _alone(torch.square, centred).mean(axes, keepdim=True) + eps
    found = _product(torch.mul, centred, _alone(torch.rsqrt, spread))
    found = found if weight is None else found * weight
    return found if bias is None else found + bias


def _towards(made: Tensor, picked: Tensor, take: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the larger of several numbers: its change is that of the one that is the larger.

    Parameters
    ----------
    made : the largest ones.
    picked : where they are.
    take : returns the numbers at such places.
    """
    out, was = made.detach().chunk(2)
    here, there = picked.chunk(2)
    where = torch.where(out >= was, here, there)
    taken = take(torch.cat([where, where]))
    one, usual = taken.detach().chunk(2)
    change = one - usual
    small = change.abs() < _TINY
    slope = (out - was) / torch.where(small, torch.ones_like(change), change)
    slope = torch.where(small, torch.ones_like(slope), slope)
    return _same(made, torch.cat([slope, slope]), taken)


def _largest(x: Tensor, axis: int | tuple[int, ...], keep: bool) -> Tensor:
    axes = sorted(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))
    flat = x.movedim(axes, list(range(-len(axes), 0))).flatten(-len(axes))
    made, at = flat.detach().max(dim=-1, keepdim=True)
    found = _towards(made, at, lambda where: flat.gather(-1, where)).squeeze(-1)
    for a in axes if keep else ():
        found = found.unsqueeze(a)
    return found


def _pooled(func: Any, x: Tensor, rest: Any, own: dict[str, Any]) -> Tensor:
    wide = func in (_F.max_pool2d, torch.max_pool2d)
    pool = _F.max_pool2d if wide else _F.max_pool1d
    own = {k: v for k, v in own.items() if k not in ("return_indices", "stride")} | {
        "stride": own.get("stride") or None
    }
    if len(rest) > 1:
        own.pop("stride")
    made, at = pool(x.detach(), *rest, **own, return_indices=True)
    axes = 2 if wide else 1
    flat = x.flatten(-axes)
    return _towards(
        made, at, lambda where: flat.gather(-1, where.flatten(-axes)).reshape(where.shape)
    )
