"""``einthoven recipes`` and ``einthoven train``: what they print and refuse."""

import json
import tomllib

import pytest

from einthoven.cli import main
from einthoven.models import MODELS


def test_the_list_names_each_recipe_and_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"demo", "arrhythminet-v1-nlrav-intra", "arrhythminet-v2-nlrav-inter"} <= {
        row["name"] for row in rows
    }
    assert main(["recipes", "list"]) == 0
    assert "intra-patient" in capsys.readouterr().out


def test_the_list_names_every_architecture_whatever_trains_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["recipes", "list"]) == 0
    told = {line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert told >= {*MODELS.names(), "boosting", "beat-sequence", "sequence-and-boosting"}
    assert main(["models", "list"]) == 0
    assert "einthoven recipes list" in capsys.readouterr().out


def test_a_recipe_is_shown_as_toml_with_every_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "demo"]) == 0
    values = tomllib.loads(capsys.readouterr().out)
    assert values["optimiser"]["schedule"] == "one-cycle"
    assert main(["recipes", "show", "demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == values


def test_a_wrong_recipe_or_key_is_one_sentence_and_exit_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "demmo"]) == 2
    assert "Did you mean demo" in capsys.readouterr().err
    assert main(["train", "demo", "--set", "optimiser.epoch=1"]) == 2
    assert "Did you mean epochs" in capsys.readouterr().err
