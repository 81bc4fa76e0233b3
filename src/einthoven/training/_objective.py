"""Objectives: what a network minimises, and what each makes of rare classes.

A recipe is read without torch, so it is imported where a loss is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError, nearest

if TYPE_CHECKING:
    import torch

Loss = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
Floats = npt.NDArray[np.float64]

# Each objective's own keys and what they are if not given. gamma 2 is Lin's, tau 1 Menon's; beta is
# one of the four that Cui tried.
OBJECTIVES: Mapping[str, Mapping[str, float | str]] = MappingProxyType(
    {
        "cross-entropy": MappingProxyType({}),
        "focal": MappingProxyType({"alpha": "inverse-root", "gamma": 2.0}),
        "class-balanced": MappingProxyType({"beta": 0.999}),
        "logit-adjustment": MappingProxyType({"tau": 1.0}),
        "distillation": MappingProxyType(
            {"teacher": "", "teacher_weight": 1.0, "temperature": 4.0}
        ),
        "binary-cross-entropy": MappingProxyType({"teacher": "", "teacher_weight": 0.7}),
    }
)
ALPHAS = ("inverse-root", "one")
_OWN = ("alpha", "gamma", "beta", "tau", "teacher", "teacher_weight", "temperature")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is minimised: the mean over a batch of the loss of each beat.

    With p the probability of the true class c, of n beats on the training side (those that
    augmentation makes are not counted):

    - ``cross-entropy``: -log p.
    - ``focal``: -alpha_c (1 - p)^gamma log p (Lin et al. 2017, arXiv:1708.02002). It asks for less
      certainty than there is: judge its probabilities after the temperature.
    - ``class-balanced``: -w_c log p with w_c over classes as (1 - beta) / (1 - beta^n), of mean 1
      (Cui et al. 2019, arXiv:1901.05555).
    - ``logit-adjustment``: cross-entropy of logits + tau log(share of the class) (Menon et al.
      2021, arXiv:2007.07314). In use the logits are taken plain; adjusting there too would be
      doing it twice.
    - ``distillation``: -log p + teacher_weight T^2 KL(teacher || network), both softened by the
      temperature T (Hinton, Vinyals, Dean 2015, arXiv:1503.02531).
    - ``binary-cross-entropy``, of whole records, of which each has any number of classes: the mean
      of -y log p - (1 - y) log(1 - p) over records and classes, with p the sigmoid of the class's
      own logit. Where the publisher's words cannot say whether y is 1 or 0 it is left out.

    `balance` draws rare beats more often, and the last three weigh them more, by counts taken
    before any draw: both together count rarity twice. That is allowed, for a middle of each may be
    wanted, and seldom meant.

    Attributes
    ----------
    name : see above.
    label_smoothing : share of the target spread evenly over all classes, 0 to 1. Each class's term
        is then weighed by its share of the target; alpha and w stay those of the true class. Of
        ``binary-cross-entropy`` it is spread over yes and no.
    balance : how far rare classes are drawn more often, in training alone: beats of a class of n
        are drawn with weight n ** -balance. 0 leaves them as they come, 1 makes all equal. Of
        whole records it is the domains, and not the classes, that are balanced.
    alpha : of ``focal``: ``inverse-root``, 1 / sqrt(n) with mean 1 over classes, or ``one``.
    gamma : of ``focal``, 0 or more; 0 forgives no certainty.
    beta : of ``class-balanced``, 0 to below 1; 0 weighs all classes alike, near 1 by 1 / n.
    tau : of ``logit-adjustment``, 0 or more; 0 adjusts nothing.
    teacher : of ``binary-cross-entropy``, a finished run on the same split whose out-of-fold
        probabilities on the training side are mixed into its labels; ``""`` for none. Of
        ``distillation``, a finished run of beats on the same split, where it holds ``seed-N`` for
        the seed that one; it answers the training side, on which it was taught itself.
    teacher_weight : the share of the target that is the teacher's, 0 to 1; of ``distillation`` the
        weight of the distance, 0 to 1; with 0 no teacher is needed.
    temperature : of ``distillation``, over 0; logits are divided by it before the softmax.

    Raises
    ------
    UsageError : an unknown objective, a key that it does not use, or an impossible value.
    """

    name: str = "cross-entropy"
    label_smoothing: float = 0.0
    balance: float = 0.0
    alpha: str | None = None
    gamma: float | None = None
    beta: float | None = None
    tau: float | None = None
    teacher: str | None = None
    teacher_weight: float | None = None
    temperature: float | None = None

    @property
    def many(self) -> bool:
        """Whether it is for labels of which a record has any number."""
        return self.name == "binary-cross-entropy"

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            mend = nearest(self.name, OBJECTIVES)
            raise UsageError("objective.name", f"{self.name!r} is not known", mend)
        own = OBJECTIVES[self.name]
        for key in _OWN:
            if key not in own and getattr(self, key) is not None:
                users = [name for name, keys in OBJECTIVES.items() if key in keys]
                mend = f"Take the key out, or set objective.name to {users[0]}"
                raise UsageError(f"objective.{key}", f"is not used by {self.name}", mend)
            if key in own and getattr(self, key) is None:
                object.__setattr__(self, key, own[key])
        for key in ("label_smoothing", "balance", "teacher_weight"):
            if not 0 <= (getattr(self, key) or 0) <= 1:
                raise UsageError(f"objective.{key}", f"is {getattr(self, key)}", "Give 0 to 1")
        if self.alpha is not None and self.alpha not in ALPHAS:
            raise UsageError(
                "objective.alpha", f"{self.alpha!r} is not known", nearest(self.alpha, ALPHAS)
            )
        for key in ("gamma", "tau"):
            value = getattr(self, key)
            if value is not None and not 0 <= value < np.inf:
                raise UsageError(f"objective.{key}", f"is {value}", "Give 0 or more")
        if self.temperature is not None and not 0 < self.temperature < np.inf:
            raise UsageError("objective.temperature", f"is {self.temperature}", "Give over 0")
        if self.beta is not None and not 0 <= self.beta < 1:
            raise UsageError("objective.beta", f"is {self.beta}", "Give 0 to below 1, e.g. 0.999")


def inverse_root(counts: npt.NDArray[np.int64]) -> Floats:
    """Return (class,) 1 / sqrt(n), scaled to mean 1 over classes."""
    return _mean_one(1 / np.sqrt(counts))


def effective(counts: npt.NDArray[np.int64], beta: float) -> Floats:
    """Return (class,) (1 - beta) / (1 - beta^n), scaled to mean 1 over classes."""
    return _mean_one((1 - beta) / (1 - beta ** counts.astype(np.float64)))


def _mean_one(weight: Floats) -> Floats:
    return np.asarray(weight / weight.mean(), np.float64)


def make_loss(objective: Objective, counts: npt.NDArray[np.int64], classes: Sequence[str]) -> Loss:
    """Return the function of (beat, class) logits and (beat,) labels that is minimised.

    Labels of ``binary-cross-entropy`` are (record, class), see `binary`.

    Parameters
    ----------
    objective : from the recipe.
    counts : (class,) beats of each on the training side; nothing else may enter.
    classes : their names.

    Raises
    ------
    UsageError : the objective goes by counts, and a class has no beat.
    """
    import torch
    from torch.nn import functional

    o = objective
    counted = o.name in ("class-balanced", "logit-adjustment") or o.alpha == "inverse-root"
    none = [name for name, n in zip(classes, counts.tolist(), strict=True) if n == 0]
    if counted and none:
        raise UsageError(
            f"objective {o.name}", f"class {none[0]} has no beat on the training side",
            "Take it out of corpus.classes, or set objective.name to cross-entropy",
        )  # fmt: skip
    if o.many:
        return partial(binary, smoothing=o.label_smoothing)
    if o.name in ("cross-entropy", "distillation"):
        return partial(functional.cross_entropy, label_smoothing=o.label_smoothing)
    if o.tau is not None:
        shift = torch.tensor(o.tau * np.log(counts / counts.sum()), dtype=torch.float32)

        def adjusted(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(
                logits + shift, label, label_smoothing=o.label_smoothing
            )

        return adjusted
    weight = np.ones(len(counts))
    if o.beta is not None:
        weight = effective(counts, o.beta)
    elif o.alpha == "inverse-root":
        weight = inverse_root(counts)
    return partial(
        _weighted, weight=torch.tensor(weight, dtype=torch.float32), gamma=o.gamma or 0.0,
        smoothing=o.label_smoothing,
    )  # fmt: skip


def binary(logits: torch.Tensor, label: torch.Tensor, *, smoothing: float) -> torch.Tensor:
    """Return the mean loss of (record, class) logits over the labels that are known.

    Parameters
    ----------
    label : (record, class) targets from 0 to 1, NaN where nothing is known.
    smoothing : share of the target spread over yes and no.
    """
    from torch.nn import functional

    known = ~label.isnan()
    target = (1 - smoothing) * label.nan_to_num() + smoothing / 2
    # In float32 whatever the network computes in: the mean is of many small numbers.
    each = functional.binary_cross_entropy_with_logits(
        logits.float(), target.float(), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def distilled(logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return T^2 KL(teacher || network), the mean over a batch of (beat, class) logits.

    T^2 keeps the size of the gradient what it is without a temperature.
    """
    from torch.nn import functional

    theirs, own = ((x.float() / temperature).log_softmax(1) for x in (teacher, logits))
    apart = functional.kl_div(own, theirs, reduction="batchmean", log_target=True)
    return temperature**2 * apart


def _weighted(
    logits: torch.Tensor, label: torch.Tensor, *, weight: torch.Tensor, gamma: float,
    smoothing: float,
) -> torch.Tensor:  # fmt: skip
    log_p = logits.log_softmax(1)
    # The floor keeps the gradient of a power below 1 finite where p is 1 to the last bit.
    terms = -((-log_p.expm1()).clamp_min(1e-8) ** gamma) * log_p
    true = terms.gather(1, label[:, None])[:, 0]
    each = (1 - smoothing) * true + smoothing * terms.mean(1)
    # The plain mean and not that of the weights: a batch without rare beats weighs less.
    return (weight[label] * each).mean()
