"""What all methods that ask for slopes share: the question, the baseline, the answer's form.

The question is the log odds of the target's printed probability. Contributions are told against a
baseline: the straight line from each lead's first sample to its last, and the reference in place of
the side numbers. So what is as usual speaks neither for nor against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from einthoven.explain._case import Case, bridged
from einthoven.explain._model import Model, probabilities
from einthoven.record.attribution import Attribution

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[np.float32]
Pair = tuple[Array, Array]
Asked = Callable[[Any, Any], "torch.Tensor"]

_AT_ONCE = 32  # windows a step
_FAR, _SMALL = 0.05, 0.02  # of a change, or in log odds, by which a sum may miss it


def has_gradients(model: Model) -> bool:
    """Return whether a model is a network whose slopes can be asked for."""
    return model.module is not None


def eats_windows(model: Model) -> bool:
    """Return whether a model is a network that eats a window, of which there are maps."""
    return model.module is not None and "window" in getattr(model.module, "eats", ("window",))


def crops(model: Model, case: Case, target: int) -> list[tuple[int, int, float]]:
    """Return first sample, the one past the last, and weight of what a network sees at once.

    Most see the whole window. Those that see crops answer by the mean of the crops' logits, in
    which each has its share, or by the largest, which is that of one crop.
    """
    time = case.window.shape[1]
    net: Any = getattr(model.module, "net", model.module)
    crop = int(getattr(net, "crop", time) or time)
    if crop >= time:
        return [(0, time, 1.0)]
    found = [(s, s + crop, 1 / len(net.starts)) for s in net.starts]
    if net._join == "mean":
        return found
    windows = np.stack([case.window[:, a:b] for a, b, _ in found])
    sides = np.repeat(case.side[None], len(found), axis=0)
    first, last, _ = found[
        int(model.logits({"window": windows, "side": sides})[:, target].argmax())
    ]
    return [(first, last, 1.0)]


def question(model: Model, target: int) -> Asked:
    """Return a function of windows and side numbers to log odds (batch,) of a class."""
    module = model.module
    assert module is not None, "`serves` has not been asked"

    def asked(window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        return log_odds(model, module(window, side), target)

    return asked


def log_odds(model: Model, logits: torch.Tensor, target: int) -> torch.Tensor:
    """Return (batch,) log p - log(1 - p) of a class of calibrated logits (batch, class)."""
    if model.task == "diagnosis":
        return logits[:, target]
    rest = [c for c in range(logits.shape[1]) if c != target]
    return logits[:, target] - logits[:, rest].logsumexp(dim=1)


def own(case: Case) -> Pair:
    """Return what is explained, as one variant: window (1, lead, time), side (1, row, number)."""
    return case.window[None].astype(np.float32), case.side[None].astype(np.float32)


def baseline(case: Case) -> Pair:
    """Return what it is compared with, of the same shapes.

    A number that is not known has nothing to be compared with: it stays unknown there, too.
    """
    window, side = own(case)
    if window.size:
        window = bridged(window, np.ones(window.shape, bool))
    side = side.copy()
    if side.shape[2]:
        known = np.isfinite(side[0, case.row]) & np.isfinite(case.reference)
        side[0, case.row, known] = case.reference[known]
    return window, side


def slopes(
    asked: Asked, windows: Array, sides: Array
) -> tuple[Array, Array, npt.NDArray[np.float64]]:
    """Return the slopes of an answer by each sample and each side number, and the answers.

    Parameters
    ----------
    asked : as `question` gives it.
    windows, sides : (variant, lead, time) and (variant, row, number).
    """
    import torch

    found: list[tuple[Any, ...]] = []
    for start in range(0, len(windows), _AT_ONCE):
        window, side = (
            torch.tensor(a[start : start + _AT_ONCE], dtype=torch.float32, requires_grad=True)
            for a in (windows, sides)
        )
        answer = asked(window, side)
        by = torch.autograd.grad(answer.sum(), [window, side], allow_unused=True)
        given = [
            np.zeros(v.shape, np.float32) if g is None else np.nan_to_num(g.numpy())
            for g, v in zip(by, (window, side), strict=True)
        ]
        found.append((*given, answer.detach().numpy().astype(np.float64)))
    window_slopes, side_slopes, answers = (np.concatenate(c) for c in zip(*found, strict=True))
    return window_slopes, side_slopes, answers


def finished(
    method: str, model: Model, case: Case, target: int, values: Array | None, numbers: Array,
    *, unit: str, compared: bool, doubt: str = "",
) -> Attribution:  # fmt: skip
    """Return the explanation.

    Parameters
    ----------
    values : (lead, time); None, or without samples, where the model eats no window.
    numbers : (row, number) contributions of side numbers, or (0,) for none.
    unit : ``logit``, or ``share``: then all is divided by the largest.
    compared : whether contributions are told against `baseline`.
    """
    inputs = case.whole()
    if compared:
        pair = zip(own(case), baseline(case), strict=True)
        inputs = dict(zip(("window", "side"), (np.concatenate(p) for p in pair), strict=True))
    answers = probabilities(model, model.logits(inputs))[:, target]
    if values is not None and not values.size:
        values = None
    told: Mapping[str, float] = {}
    if numbers.size:
        rows = numbers.reshape(-1, len(case.names)).sum(axis=0)
        told = dict(zip(case.names, rows.astype(float).tolist(), strict=True))
    if unit == "share":
        all_ = [abs(v) for v in told.values()]
        if values is not None:
            all_.append(float(np.abs(values).max()))
        largest = max(all_, default=0.0) or 1.0
        values = None if values is None else values / largest
        told = {k: v / largest for k, v in told.items()}
    return Attribution(
        method=method, model=model.name, target=model.classes[target], record=case.record,
        what=case.what, probability=float(answers[0]),
        without=float(answers[1]) if compared else None, unit=unit, start=case.start,
        rate=case.rate, leads=case.leads if values is not None else (),
        values=None if values is None else values.astype(np.float32), numbers=told, doubt=doubt,
    )  # fmt: skip


def gap(found: float, wanted: float) -> str:
    """Return a doubt in words where contributions do not sum to the change of the answer."""
    if abs(found - wanted) <= max(_SMALL, _FAR * abs(wanted)):
        return ""
    return f"The contributions sum to {found:.2f}, and the log odds change by {wanted:.2f}"
