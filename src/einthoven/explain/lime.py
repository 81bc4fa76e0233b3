"""LIME over the waves of a heartbeat: a straight line through what the model says near the item.

After Ribeiro, Singh, Guestrin 2016 (arXiv:1602.04938): the model is asked about variants in which
some parts are missing, and a weighted ridge regression on which parts are there tells what each
adds. A variant that keeps k of n parts weighs ``exp(-(1 - sqrt(k / n)) ** 2 / 0.25 ** 2)``: one
less the cosine to the whole item is its distance. The ridge of 0.01 is ours, small, so that
contributions are in log odds and not shrunk towards nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.explain._answers import asked, parts_of, told
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution

Floats = npt.NDArray[np.float64]

VARIANTS = 256
SEED = 0
_WIDTH, _RIDGE = 0.25, 0.01


def line(keep: npt.NDArray[np.bool_], said: Floats) -> Floats:
    """Return (part,) the slopes of the weighted ridge regression.

    Parameters
    ----------
    keep : (variant, part) which parts are there.
    said : (variant,) log odds.
    """
    there = keep.astype(np.float64)
    distance = 1 - np.sqrt(there.mean(axis=1))
    weight = np.exp(-((distance / _WIDTH) ** 2))
    weight /= weight.sum()
    x = there - weight @ there
    y = said - weight @ said
    gram = (x * weight[:, None]).T @ x + _RIDGE / len(keep) * np.eye(x.shape[1])
    slopes: Floats = np.linalg.solve(gram, (x * weight[:, None]).T @ y)
    return slopes


def explain(model: Model, case: Case, target: int, seed: int = SEED) -> Attribution:
    """Return what each wave adds, from 256 variants drawn at random, of a seed the same ones."""
    parts = parts_of(case)
    keep = np.random.default_rng(seed).random((VARIANTS, len(parts))) < 0.5
    keep[0] = True
    # Of few parts many variants are drawn twice, and need not be asked about twice.
    once, again = np.unique(keep, axis=0, return_inverse=True)
    said = asked(model, case, parts, once, target)[again.ravel()]
    slopes = line(keep, said)
    numbers = {p.name: v for p, v in zip(parts, slopes.tolist(), strict=True)}
    return told("lime", model, case, target, numbers, parts)


EXPLAINERS.add(
    "lime",
    Explainer(
        title="LIME over waves", paper="Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938",
        needs="answers", explain=explain, drawn=explain,
    ),
)  # fmt: skip
