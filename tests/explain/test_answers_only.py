"""Methods that only ask: worked examples, sums, and a core install that has nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.explain import permutation, shapley
from einthoven.explain._answers import everything_once
from einthoven.explain._case import Case, Part
from einthoven.explain._explainer import EXPLAINERS
from einthoven.explain._model import log_odds
from einthoven.record import UsageError
from einthoven.record.inputspec import InputSpec

TIME, NUMBERS = 40, 4
METHODS = ("shapley", "lime", "occlusion", "permutation")


class Sums:
    """A model whose logits are sums over the window and the numbers, times a bend."""

    name, task, classes = "sums", "beat", ("N", "V")
    spec = InputSpec(kind="beat", rate=100.0, waveform=False)
    usual: dict[str, float] = {}  # noqa: RUF012
    module = None

    def __init__(self, weight: np.ndarray, numbers: np.ndarray, bend: float = 0.0) -> None:
        self.weight, self.numbers, self.bend = weight, numbers, bend

    def logits(self, inputs):
        said = inputs["window"][:, 0] @ self.weight + inputs["side"][:, 0] @ self.numbers
        said = said + self.bend * said**2
        return np.stack([np.zeros(len(said)), said], axis=1)


def a_case(seed: int = 0, *, others: bool = True, measured: bool = True) -> Case:
    rng = np.random.default_rng(seed)
    nothing, none = np.zeros((1, TIME), bool), np.zeros(NUMBERS, bool)
    parts, at = [], (0, 8, 14, 22, 40)
    for k, name in enumerate(("P", "QRS", "T", "TP")):
        where, numbers = nothing.copy(), none.copy()
        where[0, at[k] : at[k + 1]] = True
        numbers[k] = measured and name != "TP"
        parts.append(Part(name=name, where=where, numbers=numbers))
    rr = none.copy()
    rr[3] = True
    parts.append(Part(name="RR", where=nothing, numbers=rr))
    slices = []
    for k in range(4):
        where = nothing.copy()
        where[0, 10 * k : 10 * k + 10] = True
        slices.append(Part(name=f"{k}", where=where, numbers=none))
    return Case(
        record="r", what="beat 0", window=rng.normal(size=(1, TIME)).astype(np.float32),
        side=rng.normal(size=(1, NUMBERS)).astype(np.float32), row=0,
        names=("a", "b", "c", "d"), reference=np.zeros(NUMBERS, np.float32), start=0.0, rate=100.0,
        leads=("II",), r_peaks=np.array([0.1]),
        parts={"waves": tuple(parts), "slices": tuple(slices)},
        others=rng.normal(size=(5, 1, TIME)).astype(np.float32) if others else None,
        others_side=rng.normal(size=(5, NUMBERS)).astype(np.float32) if others else None,
    )  # fmt: skip


def numbers_alone() -> Sums:
    return Sums(np.zeros(TIME), np.array([1.0, -2.0, 0.5, 3.0]))


def test_the_worked_example() -> None:
    np.testing.assert_allclose(shapley.shapley_values([0, 2, 1, 6]), [3.5, 2.5])
    with pytest.raises(UsageError, match="power of two"):
        shapley.shapley_values([0, 1, 2])


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(0, 2**31))
def test_values_share_out_everything_fairly(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=1 << count)
    found = shapley.shapley_values(worth)
    assert found.sum() == pytest.approx(worth[-1] - worth[0], abs=1e-9)
    sets, inside = np.arange(1 << count), everything_once(count)
    # A player who adds nothing gets nothing; two who add the same get the same.
    idle = worth.copy()
    idle[inside[:, 0]] = idle[sets[inside[:, 0]] ^ 1]
    assert shapley.shapley_values(idle)[0] == pytest.approx(0, abs=1e-9)
    by_size = rng.normal(size=count + 1)[inside.sum(axis=1)]
    np.testing.assert_allclose(shapley.shapley_values(by_size), by_size[[-1, 0]] @ [1, -1] / count)


def test_values_are_averages_over_all_orders() -> None:
    from itertools import permutations

    worth = np.random.default_rng(1).normal(size=16)
    total = np.zeros(4)
    for order in permutations(range(4)):
        here = 0
        for player in order:
            total[player] += worth[here | 1 << player] - worth[here]
            here |= 1 << player
    np.testing.assert_allclose(shapley.shapley_values(worth), total / 24)


@pytest.mark.parametrize("bend", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_contributions_sum_to_what_the_answer_loses(seed: int, bend: float) -> None:
    rng = np.random.default_rng(seed)
    model, case = Sums(rng.normal(size=TIME), rng.normal(size=NUMBERS), bend), a_case(seed)
    found = EXPLAINERS["shapley"].explain(model, case, 1)
    nothing = case.masked(case.by("waves"), np.zeros((1, 5), bool))
    before, after = (float(log_odds(model, model.logits(x))[0, 1]) for x in (case.whole(), nothing))
    assert sum(found.numbers.values()) == pytest.approx(before - after, abs=1e-4)
    assert found.probability == pytest.approx(1 / (1 + np.exp(-before)), abs=1e-6)
    assert found.without == pytest.approx(1 / (1 + np.exp(-after)), abs=1e-6)
    against = EXPLAINERS["shapley"].explain(model, case, 0)
    for name, value in found.numbers.items():
        assert against.numbers[name] == pytest.approx(-value, abs=1e-6)


@pytest.mark.parametrize("method", ["shapley", "lime", "occlusion"])
def test_of_a_sum_each_part_gets_its_own_term(method: str) -> None:
    model, case = numbers_alone(), a_case()
    wanted = {"P": 1, "QRS": -2, "T": 0.5, "TP": 0, "RR": 3}
    terms = dict(zip(("P", "QRS", "T", "RR"), case.side[0] * model.numbers, strict=True))
    found = EXPLAINERS[method].explain(model, case, 1).numbers
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name] == pytest.approx(terms.get(name, 0), abs=2e-3)


def test_permutation_compares_with_the_other_beats_and_fits_a_wave_in_without_a_step() -> None:
    model, case = numbers_alone(), a_case()
    assert case.others_side is not None
    found = EXPLAINERS["permutation"].explain(model, case, 1).numbers
    change = (case.side[0] - case.others_side.mean(axis=0)) * model.numbers
    np.testing.assert_allclose([found[n] for n in ("P", "QRS", "T", "RR")], change, atol=1e-5)
    part = case.by("waves")[1]
    made = permutation.exchanged(case, part)["window"]
    kept = ~part.where
    np.testing.assert_array_equal(made[:, kept], np.repeat(case.window[kept][None], 5, axis=0))
    same = a_case()
    object.__setattr__(same, "others", case.window[None])
    object.__setattr__(same, "others_side", case.side)
    np.testing.assert_allclose(
        permutation.exchanged(same, part)["window"][0], case.window, atol=1e-6
    )


def test_permutation_without_other_beats_says_so() -> None:
    with pytest.raises(UsageError, match="only one of record r"):
        EXPLAINERS["permutation"].explain(numbers_alone(), a_case(others=False), 1)


def test_occlusion_finds_the_slice_that_speaks_and_its_sign() -> None:
    case, weight = a_case(measured=False), np.zeros(TIME)
    weight[20:30] = -1.0
    object.__setattr__(case, "window", np.zeros((1, TIME), np.float32))
    case.window[0, 25] = 5.0
    found = EXPLAINERS["occlusion"].explain(Sums(weight, np.zeros(NUMBERS)), case, 1)
    assert found.values is not None
    assert found.values.shape == case.window.shape
    mass = found.values.sum(axis=0).reshape(4, 10).sum(axis=1)
    assert mass[2] == pytest.approx(-5, abs=1e-4)
    np.testing.assert_allclose(mass[[0, 1, 3]], 0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_question_has_the_same_answer(method: str) -> None:
    rng = np.random.default_rng(5)
    model, case = Sums(rng.normal(size=TIME), rng.normal(size=NUMBERS), 0.1), a_case(5)
    first, second = (EXPLAINERS[method].explain(model, case, 1) for _ in range(2))
    assert first.numbers == second.numbers
    assert first.unit == "logit"
    assert first.method == method


def test_more_parts_than_can_be_asked_about_are_refused() -> None:
    case = a_case()
    parts = case.by("waves") * 3
    with pytest.raises(UsageError, match="15 parts"):
        shapley.of_parts(numbers_alone(), case, 1, parts)


@settings(max_examples=40)
@given(st.integers(2, 5), st.integers(0, 2**31))
def test_log_odds_are_those_of_the_probability(count: int, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, (4, count))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(log_odds(numbers_alone(), logits), np.log(p / (1 - p)), rtol=1e-6)


def test_they_run_on_onnx_where_nothing_else_is_installed() -> None:
    script = f"""
import sys
for name in ("torch", "onnx", "sklearn", "captum", "shap", "pandas", "matplotlib", "lightning"):
    sys.modules[name] = None
from einthoven.corpora import demo_record
from einthoven.explain._cases import case_of
from einthoven.explain._explainer import EXPLAINERS
from einthoven.explain._open import open_model
from einthoven.record import RecordSource
model = open_model("aami-review")
case = case_of(model, RecordSource(demo_record()))
for name in {METHODS!r}:
    found = EXPLAINERS[name].explain(model, case, 0)
    print(name, len(found.numbers))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(METHODS)


def test_occlusion_draws_no_map_where_waves_have_measurements() -> None:
    """Slices take no measurement away: the map said QRS, the numbers T (found by a critic)."""
    found = EXPLAINERS["occlusion"].explain(numbers_alone(), a_case(), 1)
    assert found.values is None
    assert abs(found.numbers["T"]) > 0


@pytest.mark.parametrize("method", ["lime", "permutation"])
def test_methods_that_draw_can_draw_otherwise(method: str) -> None:
    entry, case = EXPLAINERS[method], a_case()
    assert entry.drawn is not None
    model = Sums(np.random.default_rng(0).normal(size=TIME) ** 2, np.ones(NUMBERS))
    first, again, other = (entry.drawn(model, case, 1, seed).numbers for seed in (1, 1, 2))
    assert first == again != other
    # The order of the parts by which it is shown is about the same.
    usual = entry.explain(model, case, 1).numbers
    assert max(first, key=first.__getitem__) == max(usual, key=usual.__getitem__)
