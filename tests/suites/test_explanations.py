"""The suite of explanations on a toy whose reasons are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from einthoven.evaluation.bootstrap import Interval
from einthoven.explain import _tested, shapley
from einthoven.explain._case import Case, Part
from einthoven.record.attribution import Attribution
from einthoven.report import _explanations
from einthoven.suites import _explain_corpus, _explain_runs, suite_names
from einthoven.suites import _explain_judge as judge
from einthoven.suites import _explain_tables as tables
from einthoven.suites._explain_items import SUBJECTS, Subject
from einthoven.suites._plausible import PLAUSIBLE, plausible

WAVES = ("P", "PR", "QRS", "ST", "T", "TP")


class Toy:
    """Says V by the height of the QRS alone."""

    name, task, classes, spec, usual, module = "toy", "beat", ("N", "V"), None, {}, None

    def logits(self, inputs):
        height = inputs["window"][:, 0, 20:30].max(axis=1) - 0.5
        return np.stack([np.zeros_like(height), 8 * height], axis=1).astype(float)


def a_case(record: str, seed: int) -> Case:
    window = np.random.default_rng(seed).normal(0, 0.02, (1, 60)).astype(np.float32)
    window[0, 22:28] += 1
    window[0, 40:50] += 2  # a T wave that swings more than the QRS
    parts = []
    for k, name in enumerate(WAVES):
        where = np.zeros((1, 60), bool)
        where[0, 10 * k : 10 * k + 10] = True
        parts.append(Part(name=name, where=where, numbers=np.zeros(0, bool)))
    parts.append(Part(name="RR", where=np.zeros((1, 60), bool), numbers=np.zeros(0, bool)))
    return Case(
        record=record, what=f"beat {seed}", window=window, side=np.zeros((1, 0), np.float32), row=0,
        names=(), reference=np.zeros(0, np.float32), start=0.0, rate=100.0, leads=("I",),
        r_peaks=np.array([0.25]), parts={"waves": tuple(parts)},
    )  # fmt: skip


# The order of the waves is P PR QRS ST T TP: the QRS is samples 20 to 30, T 40 to 50.
ITEMS = [
    judge.Item(case=a_case(r, k), target=1, label="V", group=r)
    for r in ("100", "101", "103") for k in range(4)
]  # fmt: skip


def constant(model, case, target):
    return Attribution(
        method="constant", model="toy", target="V", record=case.record, what=case.what,
        probability=1.0, numbers={p.name: float(p.name == "T") for p in case.by("waves")},
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """What the suite keeps of a model, made of the toy."""
    model, methods = Toy(), {**judge.CONTROLS, "shapley": shapley.explain, "constant": constant}
    sets = [judge.Sets(model, item) for item in ITEMS]
    kept = {}
    for name, explain in methods.items():
        rows = [
            judge.judged(explain, model, item, s, plausible("beat", item.label))
            for item, s in zip(ITEMS, sets, strict=True)
        ]
        sane = {
            "signed": 0.9 if name == "constant" else 0.1,
            "rectified": 0.1,
            "chance": 0.36,
            "passed": True,
        }
        kept[name] = {"rows": rows, "sanity": sane, "needs": "answers", "processor_seconds": 0.0}
    kept["constant"]["sanity"]["passed"] = False
    return {
        "model": "toy", "task": "beat", "subject": {"name": "toy", "corpus": "c", "learnt": True},
        "items": [_explain_runs._item(model, i, s) for i, s in zip(ITEMS, sets, strict=True)],
        "methods": kept,
    }  # fmt: skip


def test_sets_are_what_the_model_says_without_them() -> None:
    sets = judge.Sets(Toy(), ITEMS[0])
    # RR stands nowhere and owns no number: there is nothing of it.
    assert [p.name for p in sets.parts] == list(WAVES)
    keep = np.ones((2, 6), bool)
    keep[1, 2] = False
    full, without = sets.probability(keep)
    assert full > 0.97
    assert without < 0.1


def test_what_is_true_gains_and_what_swings_most_does_not(found) -> None:
    true = tables.figures(found, "shapley")
    assert true["gain"].value > 0.3
    assert true["gain"].interval.low > 0
    assert true["pointed"].value == 1
    drawn = tables.figures(found, "QRS energy")
    assert drawn["gain"].value < true["gain"].value
    assert tables.over(found, "shapley", "QRS energy").value > 0
    assert tables.over(found, "shapley", "shapley").value == 0


def test_verdicts(found) -> None:
    told = tables.verdicts(found)
    assert told["default"] == "shapley"
    assert told["methods"]["shapley"]["doubt"] == ""
    assert "Insensitive" in told["methods"]["constant"]["doubt"]
    assert set(told["methods"]) == {"shapley", "constant"}


def test_no_default_where_nothing_passed(found) -> None:
    some = {n: e for n, e in found["methods"].items() if n != "shapley"}
    assert "default" not in tables.verdicts({**found, "methods": some})


def test_the_tables_are_made_and_the_product_can_read_them(found, monkeypatch) -> None:
    rows = {row[0]: row for row in tables.of_model(found)["rows"]}
    assert rows["shapley"][-1] == "passed"
    assert rows["constant"][-1] == "Insensitive"
    assert rows["random map"][-1] == "a control"
    waves = _explain_corpus.tables([found])[0]["rows"]
    assert waves[0][:4] == ["toy", "V", "shapley", 12]
    shares = [int(share) for share in waves[0][4 : 4 + len(_explain_corpus.WAVES)]]
    assert shares[2] == max(shares) > 40  # the QRS, in percent
    table = json.loads(_explanations.tested({"tested": {"toy": tables.verdicts(found)}}))
    monkeypatch.setattr(_tested, "_table", lambda: table)
    assert _tested.default("toy") == "shapley"
    assert _tested.doubt("constant", "toy").startswith("Insensitive")


def test_intervals_are_wider_for_fewer_records() -> None:
    values = np.random.default_rng(0).normal(size=40).tolist()
    many = tables.mean(values, [str(k) for k in range(40)])
    assert many.items == 40
    assert many.interval.low < many.value < many.interval.high
    # Two records that differ: what is left is their difference.
    two = tables.mean([0.0] * 20 + [1.0] * 20, ["a"] * 20 + ["b"] * 20)
    assert two.interval.low == 0
    assert two.interval.high == 1
    assert tables.mean([None], ["a"]).items == 0


def test_every_class_with_a_place_has_a_source() -> None:
    assert "explanations" in suite_names()
    for waves, why, source in PLAUSIBLE.values():
        assert set(waves) <= set(_explain_corpus.WAVES)
        assert why
        assert "10." in source
    assert plausible("beat", "N") == ()


def test_a_run_that_is_not_here_is_passed_over(tmp_path) -> None:
    assert _explain_runs.told(Subject(name="nets/none", corpus="mitdb"), tmp_path) is None
    assert len({s.name for s in SUBJECTS}) == len(SUBJECTS)


def test_who_is_no_better_than_a_drawing_is_in_doubt() -> None:
    """QRS energy beats a random order, too: beating one proves little (found by a critic)."""

    def figure(low: float, high: float) -> tables.Figure:
        return tables.Figure((low + high) / 2, Interval(low, high, 0, 0), 9)

    entry = {"sanity": None}
    assert tables.doubt(entry, figure(0.2, 0.4), figure(0.1, 0.2)) == ""
    assert "knows no model" in tables.doubt(entry, figure(0.2, 0.4), figure(-0.1, 0.1))
    assert "no better than a random" in tables.doubt(entry, figure(-0.1, 0.1), figure(0.1, 0.2))
