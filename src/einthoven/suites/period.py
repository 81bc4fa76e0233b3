"""Period-aware pretraining: fibrillation from few labels, against the same net from scratch.

Trains what is missing (about six minutes of one processor a draw) and judges the answers
to the held fold of CinC 2017. The trees that every system has to beat learn from the same records.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers
from einthoven.evaluation.label_scores import common, weights
from einthoven.record.errors import DataError
from einthoven.suites._suite import write_results
from einthoven.suites._waves_judge import percent, table
from einthoven.training import load_recipe, train
from einthoven.training._train import runs as runs_of
from einthoven.training.pretrain import PRETRAINED, SCRATCH, SYSTEMS, TREES, Keys, file_of

COMMAND = "einthoven evaluate --suite period"
MODEL = "period-aware"
TITLE = "Atrial fibrillation from few labels: period-aware pretraining"
NOTE = (
    "CinC 2017, one lead, A against N and O; records called too noisy (~) have no label here. The "
    "first of the four folds of the rhythm model was chosen beforehand to be the test side: no "
    "stage learns from it, labels or none. The stage without labels sees all other records, those "
    "called ~ too, and DS1 of mitdb. Network with and without that stage learn for as many steps "
    "at every share of the labels; shares hold as much of each class and nest within a draw; the "
    "last step is kept, so that nothing is chosen on the test side. How long to learn is what the "
    "time allowed, tried once on another fold without the test side. Whether two records are of "
    "one person is not known; six that look like one source are all learnt from. The paper's own "
    "figures (AUC .953 for paroxysmal fibrillation seen in sinus rhythm, .996 for persistent) are "
    "of private recordings and, the first, of another question. mitdb is no test of its own here: "
    "its one half teaches, the other is kept for other questions."
)
NAMES = {
    PRETRAINED: "network, pretrained", SCRATCH: "the same from scratch",
    TREES: "trees on the numbers of rhythm",
}  # fmt: skip
FIGURES = {"auroc": multilabel.auroc, "auprc": multilabel.auprc}
_WORDS = {"auroc": "AUROC", "auprc": "AUPRC"}
_DRAWS = 1000

Floats = npt.NDArray[np.float64]
# (system, percent) -> the answers of each draw.
Said = Mapping[tuple[str, float], Sequence[Answers]]


def run(out: Path, runs: Path = Path("runs"), train: bool = True) -> Mapping[str, Any]:
    """Train ``runs/period-aware`` as far as it is missing, judge it, write ``out/period.json``.

    Parameters
    ----------
    train : whether to train; else what is there is judged.

    Raises
    ------
    DataError : no draw is finished, or there is nothing to learn from.
    """
    recipe, folder = load_recipe(MODEL), runs / MODEL
    draws = runs_of(recipe, folder)
    if train and not all(_finished(one) for one in draws):
        _train(folder)
    done = [one for one in draws if _finished(one)]
    if not done:
        raise DataError(folder, "holds no finished run", f"Train first: {COMMAND}")
    percents = Keys.of(recipe).percents
    said = {
        (system, p): [Answers.load(one / file_of(system, p)) for one in done]
        for system in SYSTEMS for p in percents
    }  # fmt: skip
    costs = [json.loads((one / "metrics.json").read_text(encoding="utf-8")) for one in done]
    tables, figures = judged(said, costs[0]["records"])
    return write_results(
        out / "period.json",
        {
            "title": TITLE, "command": COMMAND, "note": NOTE, "draws": len(done),
            "missing": [one.name for one in draws if one not in done], "figures": figures,
            "tables": [*tables, pretext(done), cost(costs)],
        },
    )  # fmt: skip


def _train(folder: Path) -> None:
    train(load_recipe(MODEL), folder, resume=True)


def _finished(run: Path) -> bool:
    return (run / "metrics.json").is_file()


def figure_of(answers: Sequence[Answers], figure: str, times: Floats) -> Floats:
    """Return (draw,) a figure, mean over the tables of several trainings of the same records.

    Parameters
    ----------
    times : (draw, record) how often each record counts.
    """
    first = answers[0]
    values = []
    for other in answers:
        same = common(first, other)[1]
        values.append(FIGURES[figure](same.probabilities, same.label, times)[:, 0])
    return np.asarray(np.mean(values, axis=0), np.float64)


def _times(answers: Sequence[Answers]) -> Floats:
    """Return weights (1 + draw, record): each record once, then the draws."""
    same = common(answers[0], answers[0])[0]
    return np.concatenate([multilabel.once(len(same)), weights(same.person, _DRAWS, 0)])


def _estimate(values: Floats) -> dict[str, float]:
    low, high = np.nanquantile(values[1:], (0.025, 0.975))
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def judged(
    said: Said, records: Mapping[str, Sequence[int]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the tables of scores and of differences, and the figures of both.

    Parameters
    ----------
    records : share of the labels -> how many records that is, and how many of them have A.
    """
    times = _times(next(iter(said.values())))
    values = {(k, f): figure_of(of, f, times) for k, of in said.items() for f in FIGURES}
    percents = sorted({p for _, p in said})
    rows, gaps, figures = [], [], dict[str, Any]()
    for p in percents:
        count, positive = records[f"{p:g}"]
        for system in SYSTEMS:
            told = {f: _estimate(values[(system, p), f]) for f in FIGURES}
            figures[f"{p:g} %, {NAMES[system]}"] = told
            each = [figure_of([one], "auroc", times[:1])[0] for one in said[system, p]]
            rows.append(
                [p, count, positive, NAMES[system],
                 *(cell for f in FIGURES for cell in _cells(told[f])),
                 " ".join(percent(v) for v in each)]
            )  # fmt: skip
        for other, figure in ((o, f) for o in (SCRATCH, TREES) for f in FIGURES):
            gap = _estimate(values[(PRETRAINED, p), figure] - values[(other, p), figure])
            figures[f"{p:g} %, pretrained less {NAMES[other]}, {_WORDS[figure]}"] = gap
            verdict = "better" if gap["low"] > 0 else "worse" if gap["high"] < 0 else "tie"
            ends = f"{100 * gap['low']:+.2f} to {100 * gap['high']:+.2f}"
            gaps.append([p, NAMES[other], _WORDS[figure], f"{100 * gap['value']:+.2f}", ends,
                         verdict])  # fmt: skip
    test = said[PRETRAINED, percents[0]][0]
    note = (
        f"{len(test):,} records of the held fold, {int(test.label.sum())} with A. Percent, mean "
        "over the draws; 95 % by bootstrap over records. A draw is another choice of labels, "
        "another beginning and another stage without labels; the interval is of these draws and "
        "does not hold their own chance, which is large where few labels are learnt from."
    )
    return [
        table(
            "Fibrillation by share of the labels", note,
            "% of labels; records; with A; system; AUROC; 95 %; AUPRC; 95 %; AUROC of each draw",
            rows,
        ),
        table(
            "The pretrained network less the others",
            "Points; one set of draws for both; `tie` where the interval contains 0.",
            "% of labels; less; figure; points; 95 %; is", gaps,
        ),
    ], figures  # fmt: skip


def _cells(one: Mapping[str, float]) -> list[str]:
    return [percent(one["value"]), f"{percent(one['low'])} to {percent(one['high'])}"]


def pretext(done: Sequence[Path]) -> dict[str, Any]:
    """Return the table of what was learnt without labels, in the first and the last epoch."""
    rows = []
    for one in done:
        with (one / "pretext" / "log.csv").open(encoding="utf-8", newline="") as file:
            log = list(csv.DictReader(file))
        for row in (log[0], log[-1]):
            epoch = int(float(row["epoch"])) + 1
            tasks = (f"{float(row[k]):.3f}" for k in ("alike", "p_wave", "next", "order"))
            rows.append([one.name, epoch, *tasks])
    return table(
        "What is learnt without labels",
        "Loss on what is learnt from, mean over an epoch. Same record or another, among 64: "
        "guessing costs 4.16 nats. The P wave that was taken out: mean square, where 1 is the 97th "
        "percentile of the record. The next interval among 16 that are equally common: 2.77 "
        "nats. Beats in their own order or not: 0.69 nats.",
        "draw; epoch; same record; P wave; next interval; order", rows,
    )  # fmt: skip


def cost(costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the table of numbers and seconds of each draw."""
    rows = []
    for one in costs:
        took = dict(one["processor_seconds"])
        took.pop("records")  # cut by the first draw for all
        alone = took.pop("pretext")
        nets = [v for k, v in took.items() if not k.startswith(TREES)]
        trees = [v for k, v in took.items() if k.startswith(TREES)]
        numbers = (one["parameters"], one["heads"] - one["parameters"], one["numbers"])
        rows.append([one["seed"], *numbers, alone, max(nets), max(trees)])
    return table(
        "Cost",
        "Seconds of one processor, the records being cut: the stage without labels, the longest "
        "of the trainings from labels with its answers, and of the trees.",
        "draw; numbers in the network; in the tasks' layers; seen by trees; without labels; "
        "from labels; trees", rows,
    )  # fmt: skip
