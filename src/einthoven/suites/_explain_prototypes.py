"""Prototypes: of each class the most typical beat, and the one that misleads a model most."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.explain import shapley
from einthoven.explain._case_beat import BeatCases
from einthoven.explain._cases import cases
from einthoven.explain._open import open_model
from einthoven.explain._words import sentence
from einthoven.record.files import write_text
from einthoven.record.vocabulary import MAPS
from einthoven.suites._explain_items import HELD, symbols
from einthoven.suites._suite import plain
from einthoven.suites._waves_judge import table

MODELS = ("arrhythminet-v2", "aami-review")


def tables(runs: Path) -> list[dict[str, Any]]:
    """Return the table of both kinds; kept in ``runs/explanations``."""
    file = runs / "explanations" / "prototypes.json"
    if not file.is_file():
        rows = [row for name in MODELS for row in of_model(name)]
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(plain(rows)) + "\n")
    return [
        table(
            "Prototypes",
            f"Beats of records {', '.join(HELD)}: of each class the one that the model is surest "
            "of and that is one, and the one that it is surest of and that is none. In words, by "
            "Shapley's values. `einthoven explain MODEL RECORD --beat N` draws it.",
            "model; class; kind; record; beat; by the publisher; the model's answer in words",
            json.loads(file.read_text(encoding="utf-8")),
        )
    ]  # fmt: skip


def of_model(name: str) -> list[list[Any]]:
    """Return rows of a shipped model of beats."""
    model, corpus = open_model(name), open_corpus("mitdb")
    names = MAPS["nlrav" if "A" in model.classes else "aami"]
    every: dict[str, BeatCases] = {}
    where, truth, said = list[tuple[str, int]](), list[str](), []
    for record in HELD:
        own = cases(model, corpus.open(record), profile="review")
        assert isinstance(own, BeatCases)
        every[record] = own
        where += [(record, n) for n in range(len(own))]
        truth += [names.get(s, s) for s in symbols(corpus, record, own.samples)]
        said.append(own.probabilities)
    p, label = np.concatenate(said), np.array(truth)
    rows = []
    for k, c in enumerate(model.classes):
        called = p.argmax(axis=1) == k
        for kind, some in (
            ("typical", called & (label == c)),
            ("misleading", called & (label != c) & (label != "")),
        ):
            if not some.any():
                continue
            at = int(np.where(some, p[:, k], -1).argmax())
            record, n = where[at]
            case = every[record][n]
            words = sentence(shapley.explain(model, case, k), case, model)
            rows.append([name, c, kind, record, n, truth[at], f"{c} {p[at, k]:.2f}: {words}"])
    return rows
