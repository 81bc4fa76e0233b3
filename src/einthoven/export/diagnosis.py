"""A run on whole records to a bundle: trees, a network or both as one ONNX, calibrated, and a card.

The ONNX eats ``window`` (item, lead, time) and ``side`` (item, number), whichever the model needs,
and gives ``logits`` (item, class) whose sigmoids are the probabilities: the calibration is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper

from einthoven._version import __version__
from einthoven.bundle import Bundle, Card, Stage
from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.evaluation.label_fit import calibrated, choose_thresholds
from einthoven.evaluation.label_scores import label_scores
from einthoven.export import _card
from einthoven.inputs.record import record_side_names
from einthoven.models._onnx import exported
from einthoven.record.errors import DataError
from einthoven.training import records
from einthoven.training._recipe import Recipe, load_recipe
from einthoven.training._record_data import Data, by_record
from einthoven.training._record_run import ANSWERS, TEACHER, identity
from einthoven.training._run import WEIGHTS
from einthoven.training.measurements import FILE as TREES
from einthoven.training.measurements import NET, mixture, net_recipe

Floats = npt.NDArray[np.float32]

FILE = "model.onnx"
TOLERANCE = 1e-4
_UNCERTAIN = 0.1  # share of the validation side's answers that are called uncertain
_LIMITS = (
    "Research software, not a medical device.",
    "An adult's resting twelve-lead record of 5 s or more; two limb leads and V1 to V6 at least.",
    "Amplitudes must be true: where each lead is scaled by itself (LUDB) no hypertrophy is found.",
    "The classes are PTB-XL's five groups: which infarction, block or hypertrophy is not said.",
    "What is learnt is what reports of one German institute said between 1984 and 2001.",
    "Probabilities are calibrated to that corpus, where half of the records are not normal.",
)
_JUDGED = {
    "out-of-fold": "folds 1 to 8, each answered by a run that saw none of it",
    "fold-9": "fold 9, the test side",
}
_BEAT = "Judged by the usual beat: rare ectopic beats and the rhythm are not seen."


def _named(graph: Any, prefix: str) -> Any:
    return onnx.compose.add_prefix_graph(graph, prefix)


def _network(net: torch.nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Return a network as ONNX graph; `shapes` are those of its inputs, without the first axis."""
    inputs = {name: torch.zeros(2, *shape) for name, shape in shapes.items()}
    return onnx.load_from_string(exported(net.cpu(), inputs)).graph


def joined(
    parts: Mapping[str, tuple[Any, Floats]],
    shapes: Mapping[str, tuple[int, ...]],
    offsets: np.ndarray[Any, Any],
    temperature: np.ndarray[Any, Any],
) -> bytes:
    """Return one ONNX of several graphs that each give ``logits``.

    Parameters
    ----------
    parts : prefix -> graph and (class,) its weight in the sum.
    shapes : input -> its shape without the first axis.
    offsets, temperature : (class,) the sum is calibrated by.
    """
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(value: Any) -> str:
        name = f"constant{len(constants)}"
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def add(kind: str, *inputs: str) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [f"node{len(nodes)}"]))
        return str(nodes[-1].output[0])

    used, last = set[str](), ""
    for prefix, (graph, weight) in parts.items():
        own = _named(graph, prefix)
        for given in graph.input:
            used.add(given.name)
            nodes.append(helper.make_node("Identity", [given.name], [prefix + given.name]))
        nodes += list(own.node)
        constants += list(own.initializer)
        said = add("Mul", f"{prefix}logits", constant(weight))
        last = add("Add", last, said) if last else said
    shifted = add("Add", last, constant(offsets))
    nodes.append(helper.make_node("Div", [shifted, constant(temperature)], ["logits"]))
    real = onnx.TensorProto.FLOAT
    whole = helper.make_model(
        helper.make_graph(
            nodes, "diagnosis",
            [helper.make_tensor_value_info(name, real, ["item", *shape])
             for name, shape in shapes.items() if name in used],
            [helper.make_tensor_value_info("logits", real, ["item", len(offsets)])], constants,
        ),
        producer_name="einthoven", ir_version=8,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
    )  # fmt: skip
    onnx.checker.check_model(whole)
    data: bytes = whole.SerializeToString()
    return data


def _graph(run: Path, recipe: Recipe, data: Data, answers: Answers) -> bytes:
    shapes: dict[str, tuple[int, ...]] = {"window": data.window.shape[1:]}
    if data.side.shape[1]:
        shapes["side"] = data.side.shape[1:]
    if not (run / TREES).is_file():
        net = _network(records.load(recipe, run), shapes)
        return joined(
            {"net_": (net, np.ones(len(answers.classes), np.float32))},
            shapes,
            answers.offsets,
            answers.temperature,
        )
    mixed, _ = mixture(recipe)
    share = np.full(len(answers.classes), mixed.net_share if mixed.net else 0.0, np.float32)
    parts: dict[str, tuple[Any, Floats]] = {
        "trees_": (onnx.load(str(run / TREES)).graph, 1 - share)
    }
    if mixed.net:
        theirs = net_recipe(recipe, mixed)
        own = {"window": shapes["window"]} | ({"side": shapes["side"]} if theirs.input.side else {})
        parts["net_"] = (_network(records.load(theirs, run / NET), own), share)
    return joined(parts, shapes, answers.offsets, answers.temperature)


def usual_record(recipe: Recipe, data: Data) -> dict[str, float]:
    """Return what the numbers of a normal record are, by name: medians over those trained on.

    Records of the first class; of kinds whose numbers are no measurements there are none.
    """
    if "measurements" not in recipe.input.side:
        return {}
    rows = data.split.training
    normal = rows[data.split.examples.label[rows][:, 0] == 1]
    return _card.usual(data.side[data.of(normal)], record_side_names(recipe.input))


def disagreement(bundle: Bundle, data: Data, answers: Answers) -> float:
    """Return the largest difference of a logit from the run's own on the test side.

    Of the answers alone, whatever the labels are; refitted trees have seen the validation side.

    Raises
    ------
    DataError : the run was trained on other records than are here.
    """
    rows = data.split.test
    windows = data.of(rows)
    given = {"window": np.asarray(data.window[windows]), "side": np.asarray(data.side[windows])}
    said = by_record(data.owner[windows], bundle.run(given))
    held = answers.of("test")
    names = data.split.examples.record[rows].tolist()
    if held.record.tolist() != names:
        raise DataError(bundle.path, "was trained on other records than are here", "Train it again")
    return float(np.abs(np.stack([said[r] for r in rows.tolist()]) - held.scaled).max())


def _figures(answers: Answers, run: Path) -> dict[str, Any]:
    """Return what the training side says of the model; the test side is for a suite."""

    def told(table: Answers) -> dict[str, Any]:
        thresholds = choose_thresholds(table.probabilities, table.label)
        scores = label_scores(table, thresholds, draws=1000)

        def pair(e: Any) -> dict[str, Any]:
            ends = [round(float(v), 4) for v in (e.low, e.high)]
            return {"value": round(float(e.value), 4), "interval_95_over_patients": ends}

        by_class = scores.by_class["auroc"]
        return {
            "records": scores.records, "patients": scores.people,
            "macro_auroc": pair(scores.macro["auroc"]), "macro_f1": pair(scores.macro["f1"]),
            "classes": {
                name: {"positives": int(scores.positives[c]), "auroc": pair(by_class[c])}
                for c, name in enumerate(table.classes)
            },
        }  # fmt: skip

    found: dict[str, Any] = {"validation side": told(answers.of("validation"))}
    if (run / TEACHER).is_file():
        teacher, _ = calibrated(Answers.load(run / TEACHER))
        found["training side out of fold, trees alone"] = told(teacher)
    found["note"] = (
        "Calibration and thresholds were chosen on the validation side, whose F1 is therefore "
        "optimistic. What the test side says is in results/twelve.json."
    )
    return found


def export(run: Path, out: Path) -> Path:
    """Write the bundle of a finished run; return its folder.

    Raises
    ------
    DataError : the run is not finished, or ONNX and run differ by more than 1e-4 on real records.
    """
    if not (run / ANSWERS).is_file() or not ((run / TREES).is_file() or (run / WEIGHTS).is_file()):
        raise DataError(run, "is no finished run", "Train it first, or go on with --resume")
    recipe = load_recipe(str(run / "recipe.toml"))
    answers = Answers.load(run / ANSWERS)
    data = records.prepare(recipe, recipe.seeds[0])
    split, metrics = data.split, json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    corpora = [open_corpus(n) for n in (recipe.corpus.name, *recipe.corpus.others)]
    sure = np.maximum(answers.of("validation").probabilities, 0.0)
    learnt = {name: len(rows) for name, rows in split.sides.items() if name != "test"}
    positive = split.examples.positives(split.training).tolist()
    counts = ", ".join(
        f"{n} {name}" for n, name in zip(positive, answers.classes, strict=True)
    )  # fmt: skip
    few = (
        f"Learnt from {learnt['training']} records ({counts}) and calibrated on "
        f"{learnt['validation']}: few, so other hospitals' records may be judged worse than these."
    )
    limits = (
        few, *_LIMITS, *((_BEAT,) if recipe.input.kind == "median-beat" else ()),
    )  # fmt: skip
    card = Card(
        name=recipe.name, version=__version__, task="diagnosis", title=recipe.title,
        stages=(Stage(file=FILE, sha256="", input=recipe.input),), classes=answers.classes,
        profiles=("review", "live"), default=(run / TREES).is_file(),
        threshold=float(np.quantile(np.maximum(sure, 1 - sure), _UNCERTAIN)),
        thresholds=metrics["thresholds"], protocol=split.title, figures=_figures(answers, run),
        data={
            "corpus": "; ".join(c.title for c in corpora),
            "licence": "; ".join(dict.fromkeys(c.licence for c in corpora)),
            "url": "; ".join(c.url for c in corpora), "records": learnt,
            "positives": dict(zip(answers.classes, positive, strict=True)),
        },
        recipe=recipe.name, run=identity(run), paper=recipe.paper, limits=limits,
        usual=usual_record(recipe, data),
    )  # fmt: skip
    _card.write(out, _graph(run, recipe, data, answers), card)
    worst = disagreement(Bundle(out), data, answers)
    if not worst <= TOLERANCE:
        _card.withdraw(out, card, run, worst)
    return out


def fill(bundle: Path, results: Path) -> Path:
    """Put what ``results/twelve.json`` says of the system on the card; see `_card.fill`."""

    def told(figures: Mapping[str, Any]) -> dict[str, Any]:
        return {
            f"macro AUROC, {words}": {
                "value": round(one["value"], 4), "runs": len(one["seeds"]),
                "interval_95_over_patients": [round(one[end], 4) for end in ("low", "high")],
            }
            for trial, words in _JUDGED.items()
            if (one := figures["twelve"].get(trial))
        }  # fmt: skip

    return _card.fill(bundle, results, "twelve", told)
