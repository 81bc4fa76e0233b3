"""Ensembles: several models' probabilities of the same beats, mixed into one table.

The weights are made of the validation side alone. The article after which ``top2-weighted`` is
called (arXiv:2602.17701) does not say what the two are: two models, or two classes of every model.
Both readings are here, the first under its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.classification import confusion, macro_f1
from einthoven.evaluation.predictions import PARTS, Predictions
from einthoven.record.errors import UsageError, nearest
from einthoven.record.inputspec import InputSpec

Floats = npt.NDArray[np.float64]

KINDS = (
    "mean", "weighted", "top2-mean", "top2-weighted", "top2-classes-mean", "top2-classes-weighted",
    "dynamic",
)  # fmt: skip

# No probability is told as smaller, or its logarithm could not be kept.
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One trained model.

    Attributes
    ----------
    name : of the model, its own in the ensemble.
    predictions : its answers to validation and test, offsets and temperature set.
    labels : the map from WFDB symbols to classes, see `record.vocabulary.MAPS`.
    input : what it eats.
    """

    name: str
    predictions: Predictions
    labels: str
    input: InputSpec


def validation_f1(predictions: Predictions, over: Sequence[str]) -> float:
    """Return the macro F1 on the validation rows.

    The mean is that of the classes of `over` that stand there: one that is not cannot be found. It
    is 0 where none does.
    """
    rows = predictions.of("validation")
    matrix = confusion(rows.label, rows.choice, len(rows.classes))
    index = [rows.classes.index(c) for c in over]
    held = [i for i in index if matrix[i].any()]
    return float(macro_f1(matrix, held)) if held else 0.0


def weights(members: Sequence[Member], kind: str, over: Sequence[str]) -> dict[str, float]:
    """Return the weight of each member by name; they sum to one.

    With F the `validation_f1` of a member:

    - ``mean``, ``top2-classes-mean``: all alike.
    - ``weighted``, ``top2-classes-weighted``, ``dynamic``: as F.
    - ``top2-mean``, ``top2-weighted``: the two members of largest F, alike or as F; the others 0.
      Of equals, the first by name.

    Parameters
    ----------
    members : of the same classes, label map, input and beats.
    kind : one of `KINDS`.
    over : the classes that macro F1 is the mean of.

    Raises
    ------
    UsageError : members that do not fit each other, or no F1 to go by.
    """
    _check(members, kind, over)
    return weights_of({m.name: validation_f1(m.predictions, over) for m in members}, kind)


def weights_of(score: Mapping[str, float], kind: str) -> dict[str, float]:
    """Return `weights` of members whose validation macro F1 is known, by name.

    Raises
    ------
    UsageError : no member has a macro F1 above 0, and the kind goes by it.
    """
    if kind in ("mean", "top2-classes-mean"):
        return {name: 1 / len(score) for name in score}
    ranked = sorted(score.items(), key=_best_first)
    if not ranked[0][1] > 0:
        raise UsageError(
            f"ensemble {kind}", "no member has a validation macro F1 above 0",
            "Use mean, or give members with labelled validation beats",
        )  # fmt: skip
    score = dict(ranked)
    if kind in ("top2-mean", "top2-weighted"):
        chosen = [name for name, _ in ranked[:2]]
        alike = kind == "top2-mean"
        score = {n: (1.0 if alike else f) if n in chosen else 0.0 for n, f in score.items()}
    total = sum(score.values())
    return {name: f / total for name, f in score.items()}


def combine(members: Sequence[Member], kind: str, over: Sequence[str]) -> Predictions:
    """Return one table of the members' mixed probabilities.

    Each member's probabilities are those after its own offsets and temperature. They are averaged
    by `weights`; ``dynamic`` multiplies a member's weight at each beat by its largest probability
    there; the ``top2-classes`` kinds first keep each member's two largest probabilities of a beat,
    scaled to sum to one.

    Parameters
    ----------
    members, kind, over : see `weights`.

    Returns
    -------
    Rows as the members have them. The logits are the logarithms of the mixed probabilities, none
    below the least float32; offsets 0, temperature 1.

    Raises
    ------
    UsageError : as `weights`.
    """
    # By name, so that sums do not differ in the last bit with the order given.
    given = sorted(members, key=lambda m: m.name)
    weight = weights(given, kind, over)
    p = np.stack([softmax(m.predictions.scaled) for m in given])
    if kind.startswith("top2-classes"):
        p = _two_largest(p)
    share = np.array([weight[m.name] for m in given])[:, None, None]
    if kind == "dynamic":
        share = share * p.max(axis=2, keepdims=True)
    mixed = (share * p).sum(axis=0) / share.sum(axis=0)
    return replace(
        given[0].predictions,
        logits=np.log(np.maximum(mixed, _LEAST)).astype(np.float32),
        offsets=np.zeros(len(given[0].predictions.classes)), temperature=1.0,
    )  # fmt: skip


def _best_first(entry: tuple[str, float]) -> tuple[float, str]:
    return -entry[1], entry[0]


def _two_largest(p: Floats) -> Floats:
    """Return (member, beat, class) probabilities with all but two of each beat at 0."""
    rank = np.argsort(np.argsort(-p, axis=2, kind="stable"), axis=2)
    kept = np.where(rank < 2, p, 0.0)
    return np.asarray(kept / kept.sum(axis=2, keepdims=True), np.float64)


def _check(members: Sequence[Member], kind: str, over: Sequence[str]) -> None:
    """Refuse what cannot be mixed, and say what to change."""
    if kind not in KINDS:
        raise UsageError("ensemble", f"{kind!r} is not known", nearest(kind, KINDS))
    if not members:
        raise UsageError("ensemble", "has no member", "Give one or more")
    first = members[0]
    names = [m.name for m in members]
    for member in members:
        where = f"ensemble member {member.name!r}"
        if names.count(member.name) > 1:
            raise UsageError(where, "stands there twice", "Give each model once, by its own name")
        if not np.isfinite(member.predictions.scaled).all():
            raise UsageError(where, "has answers that are no numbers", "Train it again, slower")
        _check_pair(where, first, member)
    for name in over:
        if name not in first.predictions.classes:
            raise UsageError(
                "ensemble over", f"{name!r} is no class", nearest(name, first.predictions.classes)
            )


def _check_pair(where: str, first: Member, other: Member) -> None:
    a, b, than = first.predictions, other.predictions, f"than {first.name!r}"
    if other.labels != first.labels:
        raise UsageError(
            where, f"has other labels {than} ({other.labels}, {first.labels})",
            "Train both with the same corpus.labels",
        )  # fmt: skip
    if b.classes != a.classes:
        raise UsageError(
            where, f"has other classes {than} ({' '.join(b.classes)}, {' '.join(a.classes)})",
            "Train both with the same corpus.classes, in the same order",
        )  # fmt: skip
    if other.input != first.input:
        differ = [
            f"input.{f.name}" for f in fields(InputSpec)
            if getattr(other.input, f.name) != getattr(first.input, f.name)
        ]  # fmt: skip
        raise UsageError(
            where, f"eats another input {than}", f"Train both with the same {', '.join(differ)}"
        )
    for part in PARTS:
        rows, theirs = a.of(part), b.of(part)
        if not (_same(rows.record, theirs.record) and _same(rows.sample, theirs.sample)):
            raise UsageError(
                where, f"has other {part} beats {than} ({len(theirs)}, {len(rows)})",
                "Train both on the same corpus, protocol, seed and corpus.peaks",
            )  # fmt: skip
        if not _same(rows.label, theirs.label):
            raise UsageError(
                where, f"has other labels of the same {part} beats {than}",
                "Train both with the same corpus.labels and corpus.classes",
            )  # fmt: skip
    if not _same(a.part, b.part):
        raise UsageError(where, f"has its rows in another order {than}", "Train both again")


def _same(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> bool:
    return bool(np.array_equal(a, b))
