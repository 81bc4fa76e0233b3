"""Lead attention put to a test: the permutation test, Holm, the controls, and the whole suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from einthoven.corpora.ptbxl import Ptbxl
from einthoven.record import DataError
from einthoven.record.leads import STANDARD
from einthoven.suites import lead_attention
from einthoven.suites._looks import read as looks
from einthoven.suites.lead_attention import (
    HYPOTHESES,
    RUNS,
    SUPER,
    UNTRAINED,
    by_person,
    compared,
    look,
    shares,
    untrained,
    verdict,
)
from einthoven.training import records as nets
from einthoven.training._recipe import Recipe, load_recipe, to_toml

SMALL = ["model.channels=2", "model.width=8", "model.waves=2"]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("beat-net", SMALL)


def test_records_of_one_person_count_once() -> None:
    values = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    found = by_person(values, np.array(["a", "b", "a"]))
    assert found.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert by_person(np.array([1.0, 0.0, 0.0]), np.array(["a", "b", "a"])).tolist() == [0.5, 0.0]


def test_shares_are_of_the_classes_that_are_asked_about() -> None:
    loss = np.zeros((1, 2, 3))
    loss[0, 0, 1], loss[0, 1, 2] = 3.0, 1.0
    assert shares(loss, [1]).tolist() == [[1.0, 0.0]]
    assert shares(loss, []).tolist() == [[0.75, 0.25]]
    assert shares(loss, [0]).tolist() == [[0.0, 0.0]]  # nothing is lost, nothing is divided


def test_attention_is_shared_out_over_leads_and_a_lead_never_seen_loses_nothing(
    recipe: Recipe,
) -> None:
    rng = np.random.default_rng(0)
    window = rng.normal(0, 0.3, (3, 12, 1000)).astype(np.float32)
    window[:, 4] = 0
    numbers = np.zeros((3, 50, 7), np.float32)
    for k, r in enumerate(range(100, 900, 100)):
        numbers[:2, k] = (r, r - 50, r + 50, 1, 1, 1, 1)
    torch.manual_seed(0)
    net = nets.build(recipe)
    seen = look(net, window, numbers.reshape(3, -1), occlude=True)
    assert seen.attention[:2].sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert seen.attention[2].tolist() == [0.0] * 12  # a record without a beat
    assert seen.attention[0, 4] == 0
    assert seen.loss.shape == (3, 12, 5)
    assert (seen.loss[:, 4] == 0).all()
    assert (seen.loss[0, [0, 1, 2, 3]] > 0).any()
    assert look(net, window, numbers.reshape(3, -1), occlude=False).loss.shape == (3, 12, 0)


def test_an_untrained_network_has_the_scale_of_the_trained_and_other_weights(
    recipe: Recipe,
) -> None:
    torch.manual_seed(0)
    net = nets.build(recipe)
    torch.as_tensor(net.scale).fill_(7.0)
    one, again, two = (untrained(recipe, net, seed) for seed in (1, 1, 2))
    assert (torch.as_tensor(one.scale) == 7).all()
    a, b, c = (torch.cat([p.flatten() for p in n.parameters()]) for n in (one, again, two))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_planted_preference_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(3)
    people = 200
    has = {name: rng.random(people) < 0.2 for name in HYPOTHESES}
    flat = rng.dirichlet(np.full(12, 50.0), people)
    planted = flat.copy()
    planted[has["left bundle branch block"], STANDARD.index("V1")] += 0.05
    planted /= planted.sum(axis=1, keepdims=True)
    found = compared(
        {"attention": dict.fromkeys(has, planted), "occlusion": dict.fromkeys(has, planted)}
        | {f"untrained {k}": dict.fromkeys(has, flat) for k in range(UNTRAINED)},
        has, draws=2000,
    )  # fmt: skip
    told = found["left bundle branch block"]
    assert told["attention"]["most_raised"] == "V1"
    assert told["attention"]["in"] > told["attention"]["rest"] + 0.03
    assert verdict(told) == "yes"
    others = [verdict(t) for name, t in found.items() if name != "left bundle branch block"]
    assert others.count("no") == len(others)
    # Where an untrained network does as much, or occlusion does not, it is not confirmed.
    assert verdict(told | {"untrained 0": {"difference": 0.5}}) == "no more than untrained"
    assert verdict(told | {"occlusion": {"holm": 0.2}}) == "attention only"


def test_the_whole_suite_on_generated_records(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_attention, "DRAWS", 100)
    monkeypatch.setattr(lead_attention, "_FEWEST", 1)
    monkeypatch.setenv("EINTHOVEN_STORE", str(tmp_path / "store"))
    root = Ptbxl(tmp_path).miniature(tmp_path, 5, records=80)
    with pytest.raises(DataError, match="no BEAT-Net"):
        lead_attention.run(tmp_path / "out", runs=tmp_path / "runs", root=root, train=False)
    run = tmp_path / "runs" / RUNS[SUPER]
    run.mkdir(parents=True)
    torch.manual_seed(0)
    weights = {k: v.contiguous() for k, v in nets.build(recipe).state_dict().items()}
    save_file(weights, run / "weights.safetensors")
    (run / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    (run / "answers.npz").write_bytes(b"")
    (run / "split.json").write_text(json.dumps({"sides": {}}), encoding="utf-8")
    found: dict[str, Any] = lead_attention.run(
        tmp_path / "out", runs=tmp_path / "runs", root=root, train=False
    )
    assert found == json.loads((tmp_path / "out" / "lead_attention.json").read_text())
    assert found["missing"] == [RUNS[lead_attention.TAUGHT], RUNS[lead_attention.ASKED]]
    assert not (tmp_path / "out" / "looks.json").exists()
    (table,) = found["tables"]
    assert table["rows"]
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    told = found["networks"][f"{SUPER}, fold 8"]
    assert sum(told["overall"].values()) == pytest.approx(1, abs=1e-3)
    assert set(told["with"]) | set(told["too_few"]) == set(HYPOTHESES)
    both = lead_attention.run(
        tmp_path / "out", runs=tmp_path / "runs", root=root, train=False, test=True
    )
    assert list(both["networks"]) == [f"{SUPER}, fold 8", f"{SUPER}, fold 9"]
    assert both["networks"][f"{SUPER}, fold 8"] == told
    (seen,) = looks(tmp_path / "out")
    assert (seen["side"], seen["why"]) == ("ptbxl fold 9", "lead attention")
    with pytest.raises(DataError, match="data get ptbxl"):
        lead_attention.run(tmp_path / "out", runs=tmp_path / "runs", root=tmp_path / "no")
