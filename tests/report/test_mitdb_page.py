"""What the page of beat classifiers says before its figures, and its ROC curves."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree

from einthoven.bundle import load_model
from einthoven.report import _beats, _mitdb
from einthoven.report._mitdb_charts import roc_svg, size_svg


def _system(name: str, macro: float, f: float) -> dict[str, Any]:
    figures = {"macro_f1": {"mean": macro}, "classes": {"F": {"f1": {"mean": f}}}}
    return {"name": name, "kind": "network", "variant": "", "figures": figures}


def test_what_was_seen_of_ds2_is_told_with_the_words_of_the_card() -> None:
    looks = [{"system": "aami-review", "side": "mitdb DS2"}] * 86
    looks += [{"system": "cnn", "side": "mitdb DS2"}, {"system": "aami-review", "side": "other"}]
    note = str(load_model("aami-review").card.figures["note"])
    systems = [_system("cnn", 0.8, 0.4), _system("a", 0.6, 0.5), _system("aami-review", 0.7, 0.03)]
    results = {
        "default": {"name": "aami-review", "note": note},
        "tables": {"aami inter-patient": {"systems": systems}},
    }
    told = _mitdb._seen(results, looks)
    assert "**DS2 is not blind for the default model**" in told
    assert "scored there 86 times" in told
    assert "(results.md#looks-at-public-test-sides)" in told
    assert f"> {note}\n" in told
    assert "results/aami-review-first.json, is the blind one" in told
    assert "leave-records-out in DS1" in told
    assert "Its macro F1 on DS2, 0.7000, is lower than 0.8000 of `cnn`" in told
    assert "F1 of F is 0.0300 (theirs: 0.4000)" in told
    assert "0.6000" not in told


def test_whether_patient_data_leak_is_told() -> None:
    one = {
        "side": "validation", "times": 20, "told": 0.5, "withheld": 0.45, "chance": 0.3,
        "exchanged": {"mean": 0.48, "least": 0.4, "most": 0.6}, "leaks": False,
    }  # fmt: skip
    text = _mitdb._patient_leaks({"recognition": one})
    assert "0.5000 with each patient's own, 0.4800 (0.4000 to 0.6000) with another's" in text
    assert "0.4500 with none" in text
    assert "is not shown to rest on who the patient is" in text
    assert "**rests on who the patient is**" in _mitdb._patient_leaks({"x": one | {"leaks": True}})


def test_the_key_of_roc_curves_is_of_the_seed_that_is_drawn() -> None:
    curve = {"auc": 0.222, "seeds": [0.111, 0.333], "false": [0, 1], "true": [0, 1]}
    system = {"name": "net", "roc": {"classes": {"N": curve, "S": curve}}}
    assert "net: area N 0.111, S 0.111" in roc_svg([system], "NS", "ROC of the first seed")


def test_each_system_is_named_once_a_panel_and_no_name_lies_on_another() -> None:
    """Fifteen names round as many dots lay upon each other."""
    systems: list[dict[str, Any]] = [
        {
            "name": f"a-network-{i}", "cost": {"bytes": 100_000 + 20_000 * (i % 5)},
            "figures": {
                f: {"mean": m + 0.003 * i, "over_patients": [m - 0.1, m + 0.06]}
                for f, m in (("accuracy", 0.92), ("macro_f1", 0.5))
            },
        }
        for i in range(15)
    ]  # fmt: skip
    words = {"accuracy": "accuracy", "macro_f1": "macro F1"}
    drawn = ElementTree.fromstring(size_svg(systems, words, "Against bytes"))
    texts = list(drawn.iter("{http://www.w3.org/2000/svg}text"))
    told = [t.text for t in texts]
    assert {"accuracy", "macro F1", "100 kB"} <= set(told)
    for system in systems:
        assert told.count(system["name"]) == 2
    places = [
        [float(t.attrib[key]) for key in ("x", "y", "textLength")]
        for t in texts if "textLength" in t.attrib
    ]  # fmt: skip
    for (x, y, wide), (x2, y2, wide2) in combinations(places, 2):
        assert abs(y - y2) >= 11 or x + wide <= x2 or x2 + wide2 <= x


def test_a_condition_is_told_with_its_interval_where_one_was_kept() -> None:
    new = {"f1": {"S": 0.5, "V": None}, "macro_f1": 0.4}
    new |= {"over_patients": {"S": [0.1, 0.9], "V": [None, None], "macro_f1": [0.3, 0.5]}}
    old = {"f1": {"S": 0.25, "V": 0.75}, "macro_f1": 0.5}
    systems = {"new": {"gain x2": new}, "old": {"gain x2": old}, "none": {}}
    found = {"records": 22, "names": ["gain x2"], "systems": systems}
    told = _beats.conditions(found)
    assert "| gain x2 | 0.5000 [0.100 to 0.900] | 0.2500 | - |" in told
    assert "| gain x2 | - | 0.7500 | - |" in told
    assert "| gain x2 | 0.4000 [0.300 to 0.500] | 0.5000 | - |" in told
