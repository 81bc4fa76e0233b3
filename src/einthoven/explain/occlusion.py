"""Occlusion: what the answer loses when one wave, or one slice of time, is taken away.

After Zeiler, Fergus 2014 (arXiv:1311.2901), who covered patches of pictures in grey; here a slice
is replaced by the straight line between its ends, which an ECG can show. Slices make a map, but not
where a model is told measurements of the waves, too: a slice takes none of them away, and the map
would say that nothing rests on a T wave by whose measurements the model judges.
"""

from __future__ import annotations

import numpy as np

from einthoven.explain._answers import asked, parts_of, told
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the loss of each wave; of a trace alone that of each slice as a map, too."""
    waves = parts_of(case)
    measured = any(p.where.any() and p.numbers.any() for p in waves)
    slices = () if measured else tuple(p for p in case.parts.get("slices", ()) if p.where.any())
    parts = (*waves, *slices)
    keep = np.concatenate([np.ones((1, len(parts)), np.bool_), ~np.eye(len(parts), dtype=bool)])
    said = asked(model, case, parts, keep, target)
    lost = said[0] - said[1:]
    numbers = {p.name: v for p, v in zip(waves, lost.tolist(), strict=False)}
    values = None
    if slices:
        values = np.zeros(case.window.shape, np.float32)
        for part, loss in zip(slices, lost[len(waves) :].tolist(), strict=True):
            values[part.where] = loss / part.where.sum()
    return told("occlusion", model, case, target, numbers, waves, values=values)


EXPLAINERS.add(
    "occlusion",
    Explainer(
        title="Occlusion of waves and slices", paper="Zeiler, Fergus 2014, arXiv:1311.2901",
        needs="answers", explain=explain,
    ),
)  # fmt: skip
