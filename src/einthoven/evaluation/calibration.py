"""Whether a probability means what it says, and the temperature that makes it so.

Temperature scaling and the calibration error with bins (low, high] after Guo, Pleiss, Sun,
Weinberger 2017 (arXiv:1706.04599). The temperature is chosen on validation patients alone; it
changes no choice of class, and in a problem of two classes no ranking either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]


def softmax(logits: npt.NDArray[np.floating]) -> Floats:
    """Return (beat, class) probabilities of (beat, class) logits."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True, initial=-np.inf)
    p = np.exp(shifted)
    return np.asarray(p / p.sum(axis=1, keepdims=True), np.float64)


def nll(logits: npt.NDArray[np.floating], label: npt.NDArray[np.int64]) -> float:
    """Return the mean negative log likelihood, in nats a beat.

    Parameters
    ----------
    logits : (beat, class).
    label : (beat,) indices of the true classes.
    """
    z = np.asarray(logits, np.float64)
    top = z.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(z - top).sum(axis=1))
    return float((log_sum - z[np.arange(len(label)), label]).mean())


def fit_temperature(
    logits: npt.NDArray[np.floating],
    label: npt.NDArray[np.int64],
    *,
    low: float = 0.05,
    high: float = 20.0,
) -> float:
    """Return the temperature in [low, high] of the smallest NLL.

    The NLL is convex in 1/T, so it has one valley in log T, and a golden section finds its floor.

    Parameters
    ----------
    logits : (beat, class), of validation patients, offsets already added.
    label : (beat,) indices of the true classes.

    Raises
    ------
    UsageError : there is no beat.
    """
    if len(label) == 0:
        raise UsageError("temperature", "there is no beat to fit it on", "Give validation beats")
    z = np.asarray(logits, np.float64)
    golden = (np.sqrt(5.0) - 1) / 2
    left, right = np.log(low), np.log(high)
    a, b = right - golden * (right - left), left + golden * (right - left)
    at_a, at_b = nll(z / np.exp(a), label), nll(z / np.exp(b), label)
    while right - left > 1e-6:
        if at_a <= at_b:
            right, b, at_b = b, a, at_a
            a = right - golden * (right - left)
            at_a = nll(z / np.exp(a), label)
        else:
            left, a, at_a = a, b, at_b
            b = left + golden * (right - left)
            at_b = nll(z / np.exp(b), label)
    return float(np.exp((left + right) / 2))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of confidence (low, high].

    Attributes
    ----------
    edges : (bin + 1,).
    count : (bin,) beats in each.
    confidence, accuracy : (bin,) means; NaN in an empty bin.
    """

    edges: Floats
    count: npt.NDArray[np.int64]
    confidence: Floats
    accuracy: Floats

    @property
    def ece(self) -> float:
        """The expected calibration error: mean gap of accuracy and confidence, by beats."""
        full = self.count > 0
        gap = np.abs(self.accuracy[full] - self.confidence[full])
        return float((gap * self.count[full]).sum() / self.count.sum())

    @property
    def mce(self) -> float:
        """The largest gap of any bin."""
        return float(np.nanmax(np.abs(self.accuracy - self.confidence)))


def reliability(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.generic], *, bins: int = 15
) -> Reliability:
    """Bin answers by their confidence.

    Parameters
    ----------
    confidence : (beat,) probability of the chosen class.
    correct : (beat,) whether it was right.
    bins : equal bins (low, high] of [0, 1]; a confidence of 0 goes to the first.

    Raises
    ------
    UsageError : there is no beat.
    """
    p = np.asarray(confidence, np.float64)
    if len(p) == 0:
        raise UsageError("reliability", "there is no beat", "Give one or more")
    edges = np.linspace(0, 1, bins + 1)
    # (low, high]: a confidence that equals an edge belongs to the bin below it.
    index = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins).astype(np.int64)
    blank = np.full(bins, np.nan)
    sums = [np.bincount(index, w, minlength=bins) for w in (p, np.asarray(correct, np.float64))]
    means = [np.divide(s, count, out=blank.copy(), where=count > 0) for s in sums]
    return Reliability(edges, count, means[0], means[1])


def ece(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.generic], *, bins: int = 15
) -> float:
    """Return the expected calibration error of (beat,) answers; see `reliability`."""
    return reliability(confidence, correct, bins=bins).ece


def brier(p: npt.NDArray[np.floating], label: npt.NDArray[np.int64]) -> float:
    """Return the Brier score over all classes, 0 to 2 (Brier 1950).

    Parameters
    ----------
    p : (beat, class) probabilities.
    label : (beat,) indices of the true classes.
    """
    target = np.zeros(p.shape)
    target[np.arange(len(label)), label] = 1
    return float(((np.asarray(p, np.float64) - target) ** 2).sum(axis=1).mean())


def auroc(score: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> float:
    """Return P(score of a positive > of a negative) + half P(equal); NaN with one class only.

    Parameters
    ----------
    score : (beat,), larger = more likely positive.
    positive : (beat,).
    """
    truth = np.asarray(positive, bool)
    n_pos, n_neg = int(truth.sum()), int((~truth).sum())
    if n_pos == 0 or n_neg == 0:
        return float("nan")
    # Mean ranks of ties make each tie count one half.
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))
