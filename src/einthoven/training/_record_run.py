"""What a run on whole records leaves behind, whoever trained it: answers, calibrated, and figures.

The test side is answered and not judged here: that is for a suite, which counts its looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers
from einthoven.evaluation.label_fit import calibrated, choose_thresholds
from einthoven.protocols import RecordSplit
from einthoven.training._run import write_json

ANSWERS = "answers.npz"
TEACHER = "out-of-fold.npz"


def identity(run: Path) -> str:
    """Return twelve hex digits of a finished run's answers, by which its bundle names it."""
    return sha256((run / ANSWERS).read_bytes()).hexdigest()[:12]


def answers_of(
    split: RecordSplit, parts: Mapping[str, npt.NDArray[np.int64]], logits: npt.NDArray[np.float32]
) -> Answers:
    """Return the table of what was said.

    Parameters
    ----------
    parts : ``validation`` and ``test`` -> rows of the split's examples.
    logits : (row, class) of all of them, in that order.
    """
    e, rows = split.examples, np.concatenate(list(parts.values()))
    return Answers(
        classes=e.classes, part=np.repeat(list(parts), [len(r) for r in parts.values()]),
        corpus=e.corpus[rows], record=e.record[rows], subject=e.subject[rows],
        domain=e.domain[rows], fold=e.fold[rows], label=e.label[rows], logits=logits,
    )  # fmt: skip


def finish(run: Path, split: RecordSplit, answers: Answers, extra: Mapping[str, Any]) -> Answers:
    """Calibrate on validation; write ``answers.npz``, ``split.json`` and ``metrics.json``.

    Figures of the validation side alone are written: the test side is not looked at.
    """
    answers, left = calibrated(answers)
    answers.save(run / ANSWERS)
    write_json(run / "split.json", split.to_dict())
    rows = answers.of("validation")
    p = rows.probabilities
    area = multilabel.auroc(p, rows.label, multilabel.once(len(rows)))[0]
    told = {c: float(v) for c, v in zip(answers.classes, area, strict=True) if np.isfinite(v)}
    values = {
        "classes": list(answers.classes), "protocol": split.title, "notes": list(split.notes),
        "offsets": answers.offsets.tolist(), "temperature": answers.temperature.tolist(),
        "thresholds": {
            c: float(t)
            for c, t in zip(answers.classes, choose_thresholds(p, rows.label), strict=True)
            if np.isfinite(t)
        },
        "uncalibrated": list(left),
        "records": {name: len(side) for name, side in split.sides.items()},
        "validation": {
            "auroc": told, "macro_auroc": float(np.mean(list(told.values()))) if told else None,
        },
        **extra,
    }  # fmt: skip
    write_json(run / "metrics.json", values)
    return answers
