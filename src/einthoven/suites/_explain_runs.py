"""One model's explanations, method by method, kept in a file so that a run can be taken up again.

A file holds rows of one item and one method each; what is in it is not made again. It is thrown
away where the model, the waves or the items are others, and a method is where it is written anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from einthoven.explain import _answers, _case, _gradients, _model, _sanity, _waves
from einthoven.explain._explainer import EXPLAINERS, served
from einthoven.explain._model import Model
from einthoven.explain._sanity import beyond, sanity
from einthoven.record.errors import EinthovenError
from einthoven.record.files import write_text
from einthoven.suites import _explain_judge
from einthoven.suites._explain_items import Subject, items
from einthoven.suites._explain_judge import (
    CONTROLS,
    DRAWN,
    Drawn,
    Explain,
    Item,
    Sets,
    by_chance,
    judged,
    lead_shares,
)
from einthoven.suites._explain_labels import compared, taught
from einthoven.suites._plausible import plausible
from einthoven.suites._suite import plain

_SLOW = ("counterfactual",)  # shuffled but twice, and not followed down
_FEW = 2
# What all methods are made of, beside their own files.
_SHARED = (_answers, _case, _gradients, _model, _sanity, _waves, _explain_judge)


def told(subject: Subject, runs: Path) -> dict[str, Any] | None:
    """Return what was found of one model; None where it is not here."""
    model = subject.open(runs)
    if model is None:
        return None
    file = runs / "explanations" / f"{subject.name.replace('/', '-')}.json"
    every = items(model, subject)
    sets = [Sets(model, item) for item in every]
    mark = _mark(every, sets)
    found = _read(file, mark) or {
        "mark": mark, "model": model.name, "task": model.task, "subject": asdict(subject),
        "items": [_item(model, item, s) for item, s in zip(every, sets, strict=True)],
        "methods": {},
    }  # fmt: skip
    methods: dict[str, Explain] = dict(CONTROLS)
    methods |= {n: EXPLAINERS[n].explain for n in served(model) if n not in subject.without}
    nets = None
    for name, explain in methods.items():
        if found["methods"].get(name, {}).get("code") == (code := _code(explain)):
            continue
        start = time.process_time()
        try:
            drawn = EXPLAINERS[name].drawn if name in EXPLAINERS.names() else DRAWN.get(name)
            few = name in _SLOW
            entry = _method(explain, drawn, model, subject, every, sets, few=few)
            if subject.labels and _maps(name, model):
                nets = nets or taught(runs / subject.name)
                found["taught"] = {"accuracy": dict(nets.accuracy), "windows": nets.windows}
                entry["labels"] = asdict(compared(explain, nets, _spread(every, subject.sane)))
        except EinthovenError as fault:
            entry = {"refused": str(fault)}
        entry["code"] = code
        entry["needs"] = EXPLAINERS[name].needs if name in EXPLAINERS.names() else "control"
        entry["processor_seconds"] = time.process_time() - start
        found["methods"][name] = entry
        _write(file, found)
    return _read(file, mark)


def _maps(name: str, model: Model) -> bool:
    """Return whether a method can explain another network of the same make."""
    return name in CONTROLS or (name in served(model) and model.module is not None)


def _method(
    explain: Explain, drawn: Drawn | None, model: Model, subject: Subject, every: Sequence[Item],
    sets: Sequence[Sets], *, few: bool,
) -> dict[str, Any]:  # fmt: skip
    some = _spread(every, subject.sane)
    rows = [
        judged(
            explain,
            model,
            item,
            s,
            plausible(model.task, item.label),
            steady=item in some,
            drawn=drawn,
        )
        for item, s in tqdm(
            list(zip(every, sets, strict=True)), model.name, disable=not sys.stderr.isatty()
        )
    ]
    pairs = [(item.case, item.target) for item in some]
    draws, steps = (_FEW, 0) if few else (subject.draws, subject.steps)
    found = sanity(explain, model, pairs, draws=draws, steps=steps)
    entry: dict[str, Any] = {"rows": rows, "sanity": None}
    if found is not None:
        entry["sanity"] = {
            **asdict(found), "passed": found.passed,
            "beyond": beyond(found.signed, found.chance),
        }  # fmt: skip
    return entry


def _spread(every: Sequence[Item], count: int) -> list[Item]:
    """Return so many items, from all classes alike."""
    at = np.unique(np.linspace(0, len(every) - 1, min(count, len(every))).round().astype(int))
    return [every[k] for k in at.tolist()]


def _item(model: Model, item: Item, sets: Sets) -> dict[str, Any]:
    deletion, insertion = by_chance(sets)
    return {
        "record": item.case.record, "what": item.case.what, "group": item.group,
        "label": item.label, "probability": float(sets.chance[-1]),
        "empty": float(sets.chance[0]), "deletion": deletion, "insertion": insertion,
        "leads": lead_shares(model, item),
    }  # fmt: skip


def _code(explain: Explain) -> str:
    """Return twelve hex digits that differ where a method, or what judges it, is written anew."""
    digest = hashlib.sha256()
    for module in (sys.modules[explain.__module__], *_SHARED):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:12]


def _mark(every: Sequence[Item], sets: Sequence[Sets]) -> str:
    """Return twelve hex digits that differ where the model answers otherwise, or other items."""
    digest = hashlib.sha256()
    for item, each in zip(every, sets, strict=True):
        digest.update(f"{item.case.record} {item.case.what} {item.label}\n".encode())
        digest.update(np.round(each.chance, 3).tobytes())
    return digest.hexdigest()[:12]


def _read(file: Path, mark: str) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found if found["mark"] == mark else None


def _write(file: Path, found: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(plain(found, 6)) + "\n")
