"""Sentences: what they name, and that the model is really asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from einthoven.explain._case import Case, Part
from einthoven.explain._item import contributions
from einthoven.explain._words import sentence, spoken
from einthoven.record.attribution import Attribution
from einthoven.record.inputspec import InputSpec


class Toy:
    """Says V by the size of the window's middle, in one lead, and by its one number."""

    name, classes = "toy", ("N", "V")
    spec = InputSpec(kind="beat", rate=100, waveform=False)
    module = None

    def __init__(self, task: str = "beat", row: int = 0) -> None:
        self.task, self.row, self.asked = task, row, 0

    def logits(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        self.asked += len(inputs["window"])
        z = inputs["window"][:, self.row, 40:60].mean(axis=1) + inputs["side"][:, 0, 0] - 2.0
        return np.stack([np.zeros_like(z), z], axis=1).astype(np.float64)


def case(leads: tuple[str, ...] = ("II",)) -> Case:
    window = np.zeros((len(leads), 100), np.float32)
    window[:, 40:60] = 5
    parts = []
    for name, a, b in (("P", 10, 30), ("QRS", 35, 65), ("T", 70, 95)):
        where = np.zeros(window.shape, bool)
        where[:, a:b] = True
        parts.append(Part(name=name, where=where, numbers=np.array([False])))
    rr = Part(name="RR", where=np.zeros(window.shape, bool), numbers=np.array([True]))
    return Case(
        record="r", what="beat 1", window=window, side=np.array([[1.0]], np.float32), row=0,
        names=("rr_before",), reference=np.array([0.0], np.float32), start=0.0, rate=100.0,
        leads=leads, r_peaks=np.array([0.5]), parts={"waves": (*parts, rr)},
    )  # fmt: skip


def found(**numbers: float) -> Attribution:
    return Attribution(
        method="shapley", model="toy", target="V", record="r", what="beat 1", probability=0.98,
        numbers=numbers,
    )  # fmt: skip


def test_the_sentence_of_the_issue() -> None:
    """The largest part is named with its lead; what is left without it is asked of the model."""
    model = Toy()
    said = sentence(found(QRS=5.0, RR=1.0, P=-0.2), case(), model)
    # 1 / (1 + exp(-(5 + 1 - 2))) and without the QRS 1 / (1 + exp(1)).
    assert (
        said == "mostly QRS of lead II; removing it lowers V from 0.98 to 0.27, and the answer is N"
    )
    assert model.asked


def test_numbers_have_no_lead() -> None:
    said = sentence(found(QRS=1.0, RR=5.0), case(), Toy())
    assert said == "mostly RR; removing it lowers V from 0.98 to 0.95"


def test_a_wrong_explanation_is_found_out() -> None:
    """A method may say P; the model, asked again, does not miss it."""
    said = sentence(found(P=3.0), case(), Toy())
    assert said == "mostly P of lead II; yet removing it leaves V at 0.98"


def test_two_where_none_is_most() -> None:
    said = sentence(found(QRS=4.0, RR=3.0, P=3.0), case(), Toy())
    assert said.startswith(
        "most of all QRS of lead II (40 %) and RR (30 % of what speaks for it); removing both "
        "lowers"
    )


def test_the_lead_that_counts_is_found_by_asking() -> None:
    said = sentence(found(QRS=1.0), case(("I", "II", "V1")), Toy(row=2))
    assert said.startswith("mostly QRS of lead V1; removing it lowers V from 0.98 to 0.27")


def test_a_map_is_added_up_in_the_waves() -> None:
    values = np.zeros((1, 100), np.float32)
    values[0, 40:60], values[0, 70:95] = 1.0, -0.2
    map_ = Attribution(
        method="saliency", model="toy", target="V", record="r", what="beat 1", probability=0.98,
        rate=100.0, leads=("II",), values=values,
    )  # fmt: skip
    assert sentence(map_, case(), Toy()).startswith("mostly QRS of lead II; removing it lowers")


def test_side_numbers_by_their_own_names() -> None:
    assert sentence(found(rr_before=1.0), case(), Toy()).startswith("mostly rr_before; removing")


def test_many_measurements_are_told_by_their_wave() -> None:
    names = tuple(f"rr_{k}" for k in range(12))
    many = replace(
        case(), names=names, side=np.ones((1, 12), np.float32), reference=np.zeros(12, np.float32)
    )
    parts = [replace(p, numbers=np.full(12, p.name == "RR")) for p in many.parts["waves"]]
    many = replace(many, parts={"waves": tuple(parts)})
    said = sentence(found(**dict.fromkeys(names, 0.1)), many, Toy())
    assert said == "mostly RR; removing it lowers V from 0.98 to 0.95"


def test_a_map_and_the_measurements_beside_it_are_added_up() -> None:
    values = np.zeros((1, 100), np.float32)
    values[0, 40:60] = 0.1
    both = Attribution(
        method="saliency", model="toy", target="V", record="r", what="beat 1", probability=0.98,
        rate=100.0, leads=("II",), values=values, numbers={"rr_before": 2.5},
    )  # fmt: skip
    told = contributions(both, case())
    assert told["QRS"][1] == pytest.approx(2.0)
    assert told["RR"][1] == pytest.approx(2.5)
    assert sentence(both, case(), Toy()).startswith("mostly RR; removing it lowers V")


def test_what_the_case_does_not_know_is_named_only() -> None:
    assert sentence(found(width_ms=1.0), case(), Toy()) == "mostly width_ms"


def test_nothing_speaks_for_it() -> None:
    for numbers in ({}, {"P": -1.0}, {"P": 0.0}):
        assert sentence(found(**numbers), case(), Toy()).startswith("nothing of what the model")


@pytest.mark.parametrize("task", ["beat", "diagnosis"])
def test_doubt_is_said_and_cause_is_not(task: str) -> None:
    doubted = Attribution(
        method="shapley", model="toy", target="V", record="r", what="beat 1", probability=0.98,
        numbers={"QRS": 1.0}, doubt="The map is the same for shuffled weights.",
    )  # fmt: skip
    said = sentence(doubted, case(), Toy(task))
    assert said.endswith(". Doubtful: the map is the same for shuffled weights")
    assert "because" not in said


def test_what_is_left_without_everything_is_said_where_nothing_is_missed() -> None:
    usual = Attribution(
        method="shapley", model="toy", target="V", record="r", what="beat 1", probability=0.98,
        without=0.97, numbers={"P": 1.0},
    )  # fmt: skip
    said = sentence(usual, case(), Toy())
    assert said.endswith("leaves V at 0.98; without everything it is still 0.97")


@pytest.mark.parametrize(("p", "words"), [(0.981, "0.98"), (1.0, "1.00"), (0.00031, "0.0003")])
def test_probabilities_near_nothing_keep_a_digit(p: float, words: str) -> None:
    assert spoken(p) == words


def test_of_what_is_improbable_it_is_said_what_speaks_against_it() -> None:
    """V is at 0.27 here: an item without its middle, of which a negative number is held against."""
    plain = case()
    low = replace(plain, side=np.array([[-3.0]], np.float32), window=plain.window * 0.6)
    low_found = replace(found(RR=-3.0, QRS=3.0, P=-0.5), probability=0.12)
    said = sentence(low_found, low, Toy())
    assert (
        said == "against it, mostly RR; removing it raises V from 0.12 to 0.73, and the answer is V"
    )


def test_what_speaks_against_a_likely_answer_is_not_passed_over() -> None:
    """Small contributions were named and large ones were not (found by a critic)."""
    least = replace(found(QRS=0.2, P=-3.0, RR=-1.0), without=0.99)
    said = sentence(least, case(), Toy())
    assert said.startswith("more speaks against it than for it, mostly P of lead II; yet removing")
    assert said.endswith("; without everything it is still 0.99")


def test_what_is_left_is_said_where_little_is_missed() -> None:
    said = sentence(replace(found(RR=1.0), without=0.96), case(), Toy())
    assert said.endswith("lowers V from 0.98 to 0.95; without everything it is still 0.96")


def test_a_fall_to_less_than_half_is_a_fall_however_small() -> None:
    """0.01 to 0.004 was told as "leaves" (found by a critic)."""
    low = replace(case(), side=np.array([[-7.6]], np.float32))
    small = replace(found(P=1.0, QRS=0.5), probability=0.0099)
    near = replace(low, parts={"waves": (replace(low.parts["waves"][0], name="P",
                   where=low.parts["waves"][1].where),)})  # fmt: skip
    assert "lowers V from 0.01 to 7e-05" in sentence(small, near, Toy())


def test_what_goes_the_other_way_is_said_with_yet() -> None:
    """An explanation may name what, taken away alone, makes the answer surer."""
    less = replace(case(), side=np.array([[-1.0]], np.float32))
    said = sentence(replace(found(RR=2.0), probability=0.88), less, Toy())
    assert said == "mostly RR; yet removing it raises V from 0.88 to 0.95"
