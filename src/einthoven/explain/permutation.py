"""Permutation importance: what the answer loses when a wave is that of another beat.

Breiman 2001 (10.1023/A:1010933404324) permutes a feature over all examples; here one beat is asked
about, and its wave is exchanged for those of up to 20 other beats of the patient. What a beat has
in common with the patient's other beats loses nothing: that is what sets it apart from `occlusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from einthoven.explain._answers import parts_of, told
from einthoven.explain._case import Array, Case, Part, bridged
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model, log_odds
from einthoven.record.attribution import Attribution
from einthoven.record.errors import UsageError


def exchanged(case: Case, part: Part) -> dict[str, Array]:
    """Return the inputs of variants of an item that have a part of another one.

    A wave stands on the straight line between its own ends, as in the other beat it stood on that
    beat's: so it fits in without a step.

    Raises
    ------
    UsageError : there are no other items.
    """
    others, sides_of = case.others, case.others_side
    if others is None or sides_of is None:
        fault = f"{case.what} is the only one of record {case.record}"
        raise UsageError("permutation", fault, "Give a longer recording, or use occlusion")
    count = len(others)
    windows = np.repeat(case.window[None], count, axis=0)
    if case.window.shape[1]:
        lost = np.repeat(part.where[None], count, axis=0)
        windows = bridged(windows, lost) + others - bridged(others, lost)
        windows = np.where(lost, windows, case.window)
    sides = np.repeat(case.side[None], count, axis=0)
    if case.side.shape[1]:
        sides[:, case.row] = np.where(part.numbers, sides_of, case.side[case.row])
    return {"window": windows.astype(np.float32), "side": sides}


def importances(model: Model, case: Case, target: int, parts: Sequence[Part]) -> list[float]:
    """Return what the log odds lose on average by each part's exchange."""
    variants = [exchanged(case, part) for part in parts]
    whole = case.whole()
    inputs = {k: np.concatenate([whole[k], *(v[k] for v in variants)]) for k in whole}
    said = log_odds(model, model.logits(inputs))[:, target]
    found: list[float] = (said[0] - said[1:].reshape(len(parts), -1).mean(axis=1)).tolist()
    return found


def drawn(model: Model, case: Case, target: int, seed: int) -> Attribution:
    """Return the same with as many other beats, drawn anew from those with replacement."""
    others, sides_of = case.others, case.others_side
    if others is None or sides_of is None:
        return explain(model, case, target)  # which says why not
    rows = np.random.default_rng(seed).integers(len(others), size=len(others))
    return explain(
        model, replace(case, others=others[rows], others_side=sides_of[rows]), target
    )  # fmt: skip


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the mean loss of each wave over exchanges with other beats, always the same ones."""
    parts = parts_of(case)
    losses = importances(model, case, target, parts)
    numbers = {p.name: v for p, v in zip(parts, losses, strict=True)}
    return told("permutation", model, case, target, numbers, parts)


EXPLAINERS.add(
    "permutation",
    Explainer(
        title="Permutation importance of waves", paper="Breiman 2001, 10.1023/A:1010933404324",
        needs="answers", explain=explain, serves=lambda model: model.task == "beat", drawn=drawn,
    ),
)  # fmt: skip
