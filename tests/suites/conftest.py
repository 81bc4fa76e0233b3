"""Run folders with made-up answers, in the layout that training writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora.mitdb import DS1, DS2
from einthoven.evaluation.predictions import Predictions

AAMI = ("N", "S", "V", "F")


def answers(
    records: tuple[str, ...], part: str, classes: tuple[str, ...], right: float, seed: int
) -> Predictions:
    """40 beats a record, all S beats but a few in record 232, `right` of them answered right."""
    rng = np.random.default_rng(seed)
    n = 40 * len(records)
    record = np.repeat(np.array(records), 40)
    label = rng.choice(len(classes), n, p=[0.7, *[0.3 / (len(classes) - 1)] * (len(classes) - 1)])
    label[(label == 1) & (record != "232") & (rng.random(n) < 0.8)] = 0
    said = np.where(rng.random(n) < right, label, rng.integers(0, len(classes), n))
    logits = rng.normal(0, 0.3, (n, len(classes)))
    logits[np.arange(n), said] += 4
    return Predictions(
        classes=classes, part=np.full(n, part), record=record,
        sample=np.tile(np.arange(40) * 300 + 100, len(records)), label=label,
        logits=logits.astype(np.float32),
    )  # fmt: skip


def join(first: Predictions, second: Predictions) -> Predictions:
    return Predictions(
        classes=first.classes,
        **{
            name: np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("part", "record", "sample", "label", "logits")
        },
    )


MakeRun = Callable[..., Path]


@pytest.fixture(name="answers")
def _answers() -> Callable[..., Predictions]:
    return answers


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    """Write one run folder and return it.

    The corpora have no recordings here: shipped models are not judged along with made-up runs.
    """
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path / "no-data"))

    def make(
        name: str = "aami",
        *,
        seed: int = 0,
        protocol: str = "inter-patient",
        labels: str = "aami",
        classes: tuple[str, ...] = AAMI,
        model: str = "arrhythminet-v2",
        library: str = "torch",
        right: float = 0.9,
        strict: bool = False,
    ) -> Path:
        folder = tmp_path / "runs" / f"{name}{'-strict' if strict else ''}-{seed}"
        folder.mkdir(parents=True)
        listed = ", ".join(f'"{c}"' for c in classes)
        (folder / "recipe.toml").write_text(
            f'name = "{name}"\ntitle = "A title"\npaper = "arXiv:2505.03787"\nseeds = [{seed}]\n'
            f"[published]\naccuracy = 0.99\n"
            f'[corpus]\nname = "mitdb"\nlabels = "{labels}"\nclasses = [{listed}]\n'
            f'[model]\nname = "{model}"\nlibrary = "{library}"\n'
            f'[protocol]\nname = "{protocol}"\nstrict = {str(strict).lower()}\n'
        )
        (folder / "metrics.json").write_text(json.dumps({"parameters": 40181}))
        join(
            answers(DS1[:4], "validation", classes, right, seed + 100),
            answers(DS2, "test", classes, right, seed),
        ).save(folder / "predictions.npz")
        return folder

    return make
