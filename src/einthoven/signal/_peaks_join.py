"""Several leads, one answer: who of them can be believed just now.

Each lead has its own logits. They are joined by a logistic regression on what does not depend on
the order of the leads: the most trusted lead, the mean of the others by trust, the largest and the
smallest logit. A lead's trust is what it has lately said: how ambiguous its answers were and how
many of the accepted beats it saw, so one that is dead or drowned in noise loses its voice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from einthoven.signal._peaks_front import NEAR

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

MEMORY = 12  # candidates that trust looks back upon
ABSENT = -6.0  # logit of a lead that has no candidate there
_ANY = 0.5 / MEMORY  # half a beat in all that is looked back upon
NAMES = ("best", "rest", "max", "min", "best.doubt", "rest.doubt", "best.unseen", "rest.unseen")


def _sigmoid(z: Floats) -> Floats:
    out: Floats = (1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.float32)
    return out


def _recent(values: Floats) -> Floats:
    """Return (n - MEMORY, lead) means over the `MEMORY` rows before each."""
    total = np.concatenate(
        [np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)]
    )
    out: Floats = ((total[MEMORY:-1] - total[: -MEMORY - 1]) / MEMORY).astype(np.float32)
    return out


def gather(z: Floats) -> Floats:
    """Return (candidate - MEMORY, 8) numbers, `NAMES`, for all but the first `MEMORY` rows.

    Parameters
    ----------
    z : (candidate, lead) logits, NaN where a lead has no candidate.
    """
    absent = np.isnan(z)
    full = np.where(absent, np.float32(ABSENT), z)
    p = np.where(absent, np.float32(0), _sigmoid(full))
    doubt = _recent(np.minimum(p, 1 - p))
    seen = _recent(p)
    most = seen.max(axis=1, keepdims=True)
    # Before any lead has seen a beat, none has missed one.
    unseen = np.where(most < _ANY, np.float32(0), 1 - seen / np.maximum(most, 1e-3))
    # A lead that takes P waves for beats sees twice as many as one that does not: only one that
    # sees hardly any is dead.
    unseen = np.clip((unseen - 0.7) / 0.3, 0, 1)
    now = np.clip(full[MEMORY:], -12, 12)
    distrust = 2 * doubt + unseen
    order = np.argsort(distrust, axis=1, kind="stable")
    best = order[:, :1]
    weight = np.exp(-4 * distrust)
    np.put_along_axis(weight, best, 0, axis=1)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)

    def of_best(values: Floats) -> Floats:
        return np.take_along_axis(values, best, axis=1)[:, 0]

    def of_rest(values: Floats) -> Floats:
        out: Floats = (weight * values).sum(axis=1)
        return out

    b, r = of_best(now), of_rest(now)
    numbers = [
        b, r, now.max(axis=1), now.min(axis=1), b * of_best(doubt), r * of_rest(doubt),
        b * of_best(unseen), r * of_rest(unseen),
    ]  # fmt: skip
    return np.stack(numbers, axis=1).astype(np.float32)


def join(z: Floats, weights: Mapping[str, float]) -> Floats:
    """Return (candidate - MEMORY,) joint logits of `z` (candidate, lead)."""
    numbers = gather(z)
    vector = np.array([weights[name] for name in NAMES], np.float32)
    return (numbers @ vector + np.float32(weights["bias"])).astype(np.float32)


def nearest(
    samples: Ints, at: Ints, z: Floats, place: Floats, logits: Floats, places: Floats
) -> None:
    """Write into `logits` and `places` (candidate,) a lead's own candidate within 0.1 s."""
    if not len(at) or not len(samples):
        return
    right = np.clip(np.searchsorted(at, samples), 0, len(at) - 1)
    left = np.maximum(right - 1, 0)
    # Of two within reach the likelier: a pacemaker's spike stands close before its beat.
    first, second = np.abs(at[left] - samples), np.abs(at[right] - samples)
    both = (first <= NEAR) & (second <= NEAR)
    pick = np.where(np.where(both, z[left] >= z[right], first <= second), left, right)
    near = np.abs(at[pick] - samples) <= NEAR
    logits[near] = z[pick[near]]
    places[near] = place[pick[near]]
