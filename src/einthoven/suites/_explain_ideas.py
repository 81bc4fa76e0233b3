"""What people have names for: ideas that move a network's answer, and beats of another answer.

Ideas are those of mitdb's labels, of records of DS1; the items are the beats of the records on
which the network's epoch was chosen. Counterfactuals are looked for of some of the right answers
that all methods explain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.corpora.mitdb import DS1
from einthoven.explain._model import Model
from einthoven.record.files import write_text
from einthoven.suites._explain_items import HELD, SUBJECTS, items
from einthoven.suites._explain_judge import Item
from einthoven.suites._suite import plain
from einthoven.suites._waves_judge import percent, table

MODELS = ("arrhythminet-v2", "arrhythminet-v2-aami-inter/seed-0")
CONCEPTS = {
    "bundle branch block": "LR", "aberrated atrial beat": "a", "premature atrial beat": "A",
    "ventricular beat": "V", "fusion": "F",
}  # fmt: skip
_FEW = 8  # answers of a class that counterfactuals are looked for
_MOST = 150  # windows of an idea, and of a class


def tables(runs: Path) -> list[dict[str, Any]]:
    """Return both tables; kept in ``runs/explanations``."""
    file = runs / "explanations" / "ideas.json"
    if not file.is_file():
        ideas, others = list[Any](), list[Any]()
        for subject in (s for s in SUBJECTS if s.name in MODELS):
            model = subject.open(runs)
            if model is None:
                continue
            ideas += _ideas(model)
            others += _counterfactuals(model, items(model, replace(subject, each=_FEW)))
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(plain([ideas, others])) + "\n")
    ideas, others = json.loads(file.read_text(encoding="utf-8"))
    return [
        table(
            "Ideas",
            "TCAV: of how many of a class's beats (by the publisher, of records "
            f"{', '.join(HELD)}) the log odds rise along the idea, percent, with the 95 % interval "
            "over ten draws; `size`: mean cosine; `chance`: of ideas made of windows drawn at "
            "random; `known`: of new windows told from others, percent, 50 where the layer does "
            "not know the idea. Ideas are labels of all records of DS1, from which the networks "
            "have learnt.",
            "model; class; beats; idea; windows; rises for %; 95 %; size; chance %; p; known %",
            ideas,
        ),
        table(
            "Counterfactuals",
            "Of each right answer the nearest beat, in a space of beats, that the model calls "
            "something else. Plausible: called so, with a QRS as wide as QRS complexes are, and no "
            "farther from real beats than those of other people are. `moved`: standard deviations "
            "of beats, median.",
            "model; class; beats; found %; plausible %; moved; QRS before, ms; QRS after, ms; "
            "called most often", others,
        ),
    ]  # fmt: skip


def _ideas(model: Model) -> list[list[Any]]:
    """Return rows of TCAV."""
    from einthoven.explain.tcav import LEAST, of_store, tcav
    from einthoven.store import open_store

    store = open_store(open_corpus("mitdb"), model.spec)
    names = "nlrav" if "A" in model.classes else "aami"
    label = store.labels(names, model.classes)
    concepts = of_store(store, CONCEPTS, records=DS1, most=_MOST)
    others = of_store(store, {"any": ""}, records=DS1, most=4 * _MOST)["any"]
    known = [c for c in concepts.values() if len(c) >= LEAST]
    rows = []
    for target, name in enumerate(model.classes):
        symbols = "".join(sorted({str(s) for s in store.symbol[label == target]}))
        if not symbols:
            continue
        own = of_store(store, {name: symbols}, records=HELD, most=_MOST)[name]
        if len(own) < LEAST:
            continue
        for score, concept in zip(tcav(model, target, own, known, others), known, strict=True):
            rows.append([
                model.name, name, len(own), score.concept, len(concept), percent(score.share),
                f"{100 * score.low:.0f} to {100 * score.high:.0f}", f"{score.magnitude:+.2f}",
                percent(score.chance), f"{score.p:.2g}", percent(score.accuracy),
            ])  # fmt: skip
    return rows


def _counterfactuals(model: Model, every: Sequence[Item]) -> list[list[Any]]:
    """Return rows of counterfactuals."""
    from einthoven.explain.counterfactual import counterfactual, serves

    rows: list[list[Any]] = []
    for label in dict.fromkeys(item.label for item in every) if serves(model) else ():
        found = [counterfactual(model, i.case, i.target) for i in every if i.label == label]
        called = [f.target for f in found if f.reached]
        most = max(set(called), key=called.count) if called else ""
        before, after = (
            [1000 * f.qrs[k] for f in found if f.reached and np.isfinite(f.qrs[k])] for k in (0, 1)
        )
        rows.append([
            model.name, label, len(found), percent(len(called) / len(found)),
            percent(sum(f.reached and not f.doubt for f in found) / len(found)),
            f"{np.median([f.moved for f in found]):.2f}",
            *(f"{np.median(v):.0f}" if v else "" for v in (before, after)), most,
        ])  # fmt: skip
    return rows
