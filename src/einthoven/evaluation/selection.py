"""What is gained by declining to answer: risk against coverage, and the threshold of "uncertain".

AURC and E-AURC after Geifman, Uziel, El-Yaniv 2018 (arXiv:1805.08206). Beats of equal confidence
are taken together, for no threshold can part them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Errors among the k most confident answers, for k = 1 to n.

    Attributes
    ----------
    confidence : (k,) that of the k-th answer, falling.
    errors : (k,) expected errors among the first k; within a tie they are spread evenly.
    """

    confidence: Floats
    errors: Floats

    @property
    def coverage(self) -> Floats:
        """(k,) share of the beats that are answered."""
        n = len(self.errors)
        return np.arange(1, n + 1) / n

    @property
    def risk(self) -> Floats:
        """(k,) share of errors among the beats that are answered."""
        return np.asarray(self.errors / np.arange(1, len(self.errors) + 1), np.float64)

    @property
    def aurc(self) -> float:
        """Mean risk over all coverages."""
        return float(self.risk.mean())

    @property
    def augrc(self) -> float:
        """Mean over all coverages of (errors so far) / n (arXiv:2407.01032)."""
        return float(self.errors.mean() / len(self.errors))

    @property
    def best_aurc(self) -> float:
        """The AURC of a ranking that puts every error last."""
        n = len(self.errors)
        wrong = round(float(self.errors[-1])) if n else 0
        k = np.arange(1, n + 1)
        return float((np.maximum(0, k - (n - wrong)) / k).mean())

    @property
    def e_aurc(self) -> float:
        """AURC less the best possible at this number of beats and errors."""
        return self.aurc - self.best_aurc


def risk_coverage(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.generic]
) -> RiskCoverage:
    """Rank answers by confidence.

    Parameters
    ----------
    confidence : (beat,) probability of the chosen class.
    correct : (beat,) whether it was right.

    Raises
    ------
    UsageError : there is no beat.
    """
    p = np.asarray(confidence, np.float64)
    if len(p) == 0:
        raise UsageError("risk_coverage", "there is no beat", "Give one or more")
    levels, inverse, counts = np.unique(-p, return_inverse=True, return_counts=True)
    wrong = np.bincount(inverse, 1 - np.asarray(correct, np.float64), minlength=len(levels))
    spread = np.repeat(wrong / counts, counts)
    return RiskCoverage(np.repeat(-levels, counts), np.cumsum(spread))


def choose_threshold(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.generic], *, risk: float
) -> float:
    """Return the smallest confidence from which on the answers err in at most `risk` of cases.

    Chosen on validation patients, of whom `confidence` and `correct` are (beat,). 0 where all
    answers together stay within `risk`; a number above every confidence seen where none does, so
    that all are called uncertain.

    Raises
    ------
    UsageError : the risk is no share from 0 to below 1.
    """
    if not 0 <= risk < 1:
        raise UsageError("risk", f"is {risk}", "Give a share from 0 to below 1")
    curve = risk_coverage(confidence, correct)
    # Only the last beat of a tie is a place where a threshold can stand.
    ends = np.append(np.diff(curve.confidence) != 0, True)
    within = np.flatnonzero(ends & (curve.risk <= risk + 1e-12))
    if len(within) == 0:
        return float(np.nextafter(curve.confidence[0], np.inf))
    last = int(within[-1])
    return 0.0 if last == len(curve.errors) - 1 else float(curve.confidence[last])
