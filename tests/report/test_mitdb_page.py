"""What the page of beat classifiers says before its figures, and its ROC curves."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

from einthoven.bundle import load_model
from einthoven.export.boosting import limits, note
from einthoven.report import _beats, _mitdb, _mitdb_ensembles
from einthoven.report._mitdb_changes import augmented
from einthoven.report._mitdb_charts import roc_svg, size_svg
from einthoven.report._mitdb_held import held
from einthoven.report._mitdb_seen import eaten, lost, not_blind, seen
from einthoven.suites._mitdb_said import WORDS, difference

Row = dict[str, Any]


def _system(name: str, macro: float, f: float, s: float = 0.5, without: float = 0.2) -> Row:
    def told(value: float) -> Row:
        return {"f1": {"mean": value, "seeds": [value], "over_patients": [0.1, 0.9]}}

    figures = {
        "accuracy": told(0.9)["f1"], "macro_f1": told(macro)["f1"],
        "classes": {"S": told(s), "V": told(0.9), "F": told(f)}
    }  # fmt: skip
    return {
        "name": name, "kind": "network", "variant": "", "figures": figures, "runs": [{"seed": 0}],
        "by_record": {"S": {"232": [1376.4, 5.6, 1.0]}},
        "without": {"232": {"classes": {"S": told(without)}}},
    }  # fmt: skip


FIRST = {
    "systems": [
        _system("aami-review-first", 0.6, 0.3, 0.376, 0.271)
        | {"by_record": {"S": {"232": [379.0, 1003.0, 1.0]}}}
    ]
}
NOTE = str(load_model("aami-review").card.figures["note"])


INPUTS: list[Row] = [
    {
        "system": name, "variant": variant, "dominant": dominant, "window": name != "boosting",
        "numbers": 151 if name == "a" else 147, "ahead": 1.0 if name == "a" else 600.0,
    }
    for name, variant, dominant in (
        ("cnn", "", False), ("a", "", False), ("boosting", "", True), ("aami-review", "", True),
        ("cnn", "plain augmentation", True), ("resnet1d", "plain augmentation", True),
    )
]  # fmt: skip


@pytest.fixture
def results() -> Row:
    systems = [_system("cnn", 0.8, 0.4), _system("a", 0.6, 0.5), _system("boosting", 0.6, 0.5)]
    systems += [_system("cnn", 0.8, 0.4) | {"variant": "plain augmentation"}]
    systems += [_system("aami-review", 0.7, 0.03, 0.85, 0.332)]
    return {
        "default": {"name": "aami-review"},
        "tables": {"aami inter-patient": {"systems": systems}},
    }  # fmt: skip


def test_what_was_seen_of_ds2_is_told_with_the_words_of_the_card(results: Row) -> None:
    looks = [{"system": "aami-review", "side": "mitdb DS2"}] * 85
    # A look booked under the name of a run is the system's, too.
    looks += [{"system": "aami-review-aami-inter", "side": "mitdb DS2"}]
    looks += [{"system": "cnn", "side": "mitdb DS2"}, {"system": "aami-review", "side": "other"}]
    told = seen(results, looks, FIRST, INPUTS)
    assert "**DS2 is not blind for the default model**" in told
    assert "scored there 86 times" in told
    assert "(results.md#looks-at-public-test-sides)" in told
    assert f"> {NOTE}\n" in told
    assert "leave-records-out in DS1" in told
    assert "Its macro F1 on DS2, 0.7000, is lower than 0.8000 of `cnn`" in told
    assert "F1 of F is 0.0300 (theirs: 0.4000)" in told
    assert "0.6000" not in told


def test_the_first_score_stands_beside_todays_and_what_was_chosen_by_232_is_told(
    results: Row,
) -> None:
    """The blind figures stood in a file that no page printed."""
    told = seen(results, [], FIRST, INPUTS)
    ends = "[0.100 to 0.900]"
    blind = f"| 1 | 0.9000 {ends} | 0.3760 {ends} | 379 of 1,382 | 0.2710 {ends} |"
    assert f"| first score, boosting alone {blind}" in told
    assert f"| today | 1 | 0.9000 {ends} | 0.8500 {ends} | 1,376 of 1,382 | 0.3320" in told
    assert "as in record 232" in told
    assert "was known when recordings of that kind were first made" in told
    # Each that learns from such beats and was judged, by name.
    assert "made premature beats: `boosting`, `cnn` (plain augmentation).\n" in told


def test_the_card_says_that_232_was_known() -> None:
    for name, live in (("aami-review", False), ("aami-live", True)):
        assert load_model(name).card.figures["note"] == note(live=live)
        assert load_model(name).card.limits == limits(22, live=live)
    assert "one subject" not in note(live=False, strict=True)
    assert "21 half-hours of 21 adults" in limits(21, live=False)[1]
    assert "the majority in 232 was known from the start" in NOTE
    assert "figures on DS1 flatter" in NOTE


def test_what_is_held_to_on_ds2_is_marked_and_has_the_first_score_beside(results: Row) -> None:
    row = {"system": "x", "figure": "S", "least": 0.78, "ours": 0.85, "seeds": 5, "reached": True}
    rows = [
        row | {"table": "aami intra-patient", "figure": "macro_f1"},
        row | {"table": "aami inter-patient"},
        row | {"table": "aami inter-patient", "figure": "S without 232", "reached": False},
        row | {"table": "aami inter-patient, own R peaks"},
    ]
    told = held(rows, FIRST, results["tables"])
    assert "| macro F1 | 0.7800 | - | 0.8500 | 5 | yes | - | - |" in told
    largest = "0.8500 (aami-review)"
    assert f"| F1 of S | 0.7800 | 0.3760 | 0.8500 | 5 | yes, not blind | - | {largest} |" in told
    largest = "0.3320 (aami-review)"
    assert f"record 232 | 0.7800 | 0.2710 | 0.8500 | 5 | no, not blind | - | {largest} |" in told
    assert "| F1 of S | 0.7800 | - | 0.8500 | 5 | yes, not blind | - | - |" in told
    assert "Of 5 rows none reach all of F1 of S, F1 of S without record 232 at once." in told
    strict = _system("aami-review", 0.5, 0.5, s=0.84) | {"variant": WORDS["strict"], "title": "x"}
    results["tables"]["aami inter-patient"]["systems"].append(strict)
    told = held(rows, FIRST, results["tables"])
    assert "| 0.8500 | 5 | yes, not blind | 0.8400 (seeds: 1) | 0.8500 (aami-review) |" in told
    results["tables"]["aami inter-patient"]["systems"].remove(strict)
    rows[2]["least"] = 0.3
    assert "Of 5 rows 1 reach all of" in held(rows, FIRST, results["tables"])


def test_how_near_another_pool_of_ensembles_came_is_told(results: Row) -> None:
    row = {"system": "x", "figure": "S", "least": 0.78, "ours": 0.85, "seeds": 5, "reached": True}
    rows = [row | {"table": "aami intra-patient", "figure": "macro_f1"}]
    assert "How near" not in held(rows, FIRST, results["tables"])
    mixed = [
        _system(f"ensemble {kind}", test, 0.5)
        | {"kind": "ensemble", "variant": pool, "validation_macro_f1": validation}
        for kind, pool, validation, test in (
            ("mean", "four", 0.96, 0.7),
            ("dynamic", "four", 0.97, 0.6),
            ("mean", "two", 0.98, 0.5),
        )
    ]
    table = {"systems": mixed}
    told = held(rows, FIRST, results["tables"] | {"aami intra-patient": table})
    assert "then on the test side: two 0.9800, 0.5000; four 0.9700, 0.6000.\n" in told


def test_where_s_is_lost_is_told_of_both_kinds_of_training() -> None:
    one = _system("cnn", 0.5, 0.1) | {"by_record": {"S": {"222": [108.2, 100.8, 238.0]}}}
    two = _system("a", 0.5, 0.1) | {"by_record": {"S": {"222": [12.0, 197.0, 41.0]}}}
    made = _system("boosting", 0.5, 0.1) | {"by_record": {"S": {"222": [0.0, 209.0, 1.0]}}}
    told = lost([one, two, made], not_blind(INPUTS))
    assert (
        "Found in 222, 209 S: those that learn from made premature beats 0 to 0 (false: 1 to 1); "
        "the others 12 to 108 (false: 41 to 238). In 232"
    ) in told
    assert lost([one, two], not_blind(INPUTS)) == ""


def test_rows_that_are_not_blind_are_marked_where_they_stand_beside_others(results: Row) -> None:
    (told,) = augmented(results["tables"], not_blind(INPUTS))
    assert "| cnn | plain augmentation (not blind) |" in told
    assert "| cnn | as the recipe is |" in told


def test_rows_of_one_system_stand_together_whenever_they_were_judged(results: Row) -> None:
    rows = results["tables"]["aami inter-patient"]["systems"]
    rows.append(_system("a", 0.5, 0.5) | {"variant": "plain augmentation"})
    (told,) = augmented(results["tables"], [])
    # cnn gains nothing and a loses .1 of macro F1.
    assert "| plain augmentation | 2 | -0.050 (0 of 2) | +0.000 (0 of 2) |" in told
    names = [line.split(" | ")[0].strip("| ") for line in told.splitlines() if "[" in line]
    assert names == ["cnn", "cnn", "a", "a"]


def test_what_is_eaten_beside_the_wave_is_told_above_the_table() -> None:
    told = eaten(INPUTS)
    assert "eats 147 (`a` 151) numbers beside the wave, which look 10 min (`a` 1 s) ahead" in told
    assert "Numbers without the wave: `boosting`." in told
    assert eaten([]) == ""


def test_an_ensemble_names_who_weighs_how_much() -> None:
    two = {"cnn": 0.0, "cnn-lstm": 0.4, "resnet1d": 0.6}
    assert _mitdb_ensembles._weights([two]) == "0.6000 resnet1d, 0.4000 cnn-lstm"
    three = {"a": 0.2, "b": 0.3, "c": 0.5}
    assert _mitdb_ensembles._weights([three]) == "0.2000 (a) to 0.5000 (c)"
    assert _mitdb_ensembles._weights([dict.fromkeys("abc", 1 / 3)] * 2) == "alike"
    assert _mitdb_ensembles._weights([]) == ""


def test_whether_patient_data_leak_is_told() -> None:
    one = {
        "side": "validation", "times": 20, "told": 0.5, "withheld": 0.45, "chance": 0.3,
        "exchanged": {"mean": 0.48, "least": 0.4, "most": 0.6}, "leaks": False,
    }  # fmt: skip
    text = _mitdb._patient_leaks({"recognition": one})
    assert "0.5000 with each patient's own, 0.4800 (0.4000 to 0.6000) with another's" in text
    assert "0.4500 with none" in text
    assert "cannot be told of so few people" in text, "its people were not kept"
    of_22 = one | {"people": 22}
    text = _mitdb._patient_leaks({"x": of_22})
    assert "is not shown to rest on who the patient is" in text
    assert "**rests** on who the patient is" in _mitdb._patient_leaks(
        {"x": of_22 | {"leaks": True}}
    )
    unknown = one | {"people": 4, "leaks": None}
    assert "cannot be told of 4 people" in _mitdb._patient_leaks({"x": unknown})


def test_what_was_learnt_with_another_persons_data_is_told() -> None:
    one = {
        "side": "validation", "times": 6, "told": 0.5, "withheld": 0.45, "chance": 0.3,
        "exchanged": {"mean": 0.48, "least": 0.4, "most": 0.6}, "leaks": None, "people": 4,
    }  # fmt: skip
    own = _system("x", 0.5, 0.5) | {"runs": [{"seed": k} for k in range(3)]}
    own["figures"] = {"macro_f1": {"mean": 0.43, "seeds": [0.4, 0.43, 0.46]}}
    other = _system("x", 0.41, 0.5) | {"variant": WORDS["exchanged"]}
    text = _mitdb._patient_leaks({"x": one}, {"systems": [own, other]})
    # Of the seed that both have: the mean of three is no match for one.
    assert "less that of networks that learnt with each patient's own: +0.0100 (seeds: 1;" in text
    assert "Macro F1 on DS2" not in _mitdb._patient_leaks({"x": one}, {"systems": [own]})


def test_a_difference_is_of_the_seeds_that_both_have() -> None:
    three = _system("a", 0.5, 0.5) | {"runs": [{"seed": k} for k in range(3)]}
    three["figures"] = {"accuracy": {"mean": 0.6, "seeds": [0.5, 0.6, 0.7]}, "classes": {}}
    one = _system("a", 0.5, 0.5) | {"runs": [{"seed": 2}]}
    one["figures"] = {"accuracy": {"mean": 0.65, "seeds": [0.65]}, "classes": {}}
    assert difference(one, three, "accuracy") == pytest.approx(-0.05)
    assert difference(one, three, "S") is None
    assert difference(one | {"runs": [{"seed": 4}]}, three, "accuracy") is None


def test_what_the_shared_person_is_worth_is_shown_where_it_can_show(results: Row) -> None:
    rows = results["tables"]["aami inter-patient"]["systems"]
    found = {"by_record": {"S": {"202": [20.0, 35.0, 118.0]}}}
    kept = {"by_record": {"S": {"202": [1.0, 54.0, 2.0]}}}
    rows += [_system("b", 0.5, 0.5) | found]
    rows += [_system("b", 0.5, 0.5) | kept | {"variant": WORDS["strict"]}]
    (told,) = augmented(results["tables"], [])
    assert "| b | 20 of 55, 118 false | 1 of 55, 2 false |" in told
    assert "Strict: nothing is learnt from 201" in told
    assert "Another's age and sex:" not in told, "there is no such row"
    assert _mitdb._strict_rows({"systems": rows}).startswith(" Those rows stand [below]")
    assert _mitdb._strict_rows({"systems": rows[:-1]}) == ""


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


def test_the_area_of_a_class_has_its_interval_where_the_row_has_one() -> None:
    f1 = {"mean": 0.5, "over_beats": [0.4, 0.6], "over_patients": [0.3, 0.7]}
    entry = {"support": 10, "f1": f1, "sensitivity": f1, "predictivity": f1}
    areas = {
        "new": {"auc": 0.9802, "over_beats": [0.97, 0.985], "over_patients": [0.95, 0.99]},
        "kept": {"auc": 0.75, "over_patients": [0.7, 0.8]},
        "never alone": {"auc": 0.5, "over_patients": [None, None]}, "without": None,
    }  # fmt: skip
    systems = [
        {
            "name": name, "variant": "", "kind": "network", "figures": {"classes": {"S": entry}},
            "roc": {"classes": {"S": area} if area else {}}, "runs": [{}, {}],
        }
        for name, area in areas.items()
    ]  # fmt: skip
    content = {"labels": "aami", "protocol": "inter-patient", "leaky": False, "systems": systems}
    (text,) = _mitdb._per_class({"aami inter-patient": content})
    rows = [line.removesuffix(" |").split(" | ") for line in text.splitlines()[-4:]]
    # Of several seeds, what was judged before beats were drawn for all at once has no interval.
    assert [row[-5] for row in rows] == ["0.400 to 0.600", "-", "-", "-"]
    assert [row[-3:] for row in rows] == [
        ["0.9802", "0.970 to 0.985", "0.950 to 0.990"], ["0.7500", "-", "0.700 to 0.800"],
        ["0.5000", "-", "-"], ["-", "-", "-"],
    ]  # fmt: skip


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
    assert "without record 232" not in told
    new["f1"]["S without 232"] = 0.125
    told = _beats.conditions(found)
    _, _, rest = told.partition("### F1 of S without record 232")
    assert "| gain x2 | 0.1250 | - | - |" in rest
