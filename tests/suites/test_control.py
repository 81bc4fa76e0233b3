"""The control is fitted on what the network trained on, once."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.corpora import Corpus, open_corpus
from einthoven.evaluation.predictions import Predictions
from einthoven.protocols import PROTOCOLS, Beats
from einthoven.record import InputSpec
from einthoven.record.errors import DataError
from einthoven.store import open_store
from einthoven.suites import _control, beats
from einthoven.suites._runs import Run, read_run

AAMI = ("N", "S", "V")
SPEC = InputSpec(kind="beat", rate=180.0, window=(0.2, 0.4), normalise="zscore")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A generated corpus in mitdb's layout."""
    root = tmp_path_factory.mktemp("data")
    return open_corpus("mitdb", open_corpus("mitdb", root).miniature(root, 1))


@pytest.fixture
def network(corpus: Corpus, tmp_path: Path) -> Run:
    """The run of a network that answered nothing but N, with a true split."""
    store = open_store(corpus, SPEC, root=tmp_path / "stores")
    label = store.labels("aami", AAMI)
    split = PROTOCOLS["intra-patient"].split(
        Beats(record=store.record, subject=store.subject, sample=store.sample, label=label), seed=0
    )
    folder = tmp_path / "runs" / "net-0"
    folder.mkdir(parents=True)
    (folder / "split.json").write_text(json.dumps(split.to_dict()))
    spec = "\n".join(f"{k} = {json.dumps(v)}" for k, v in SPEC.to_dict().items())
    (folder / "recipe.toml").write_text(
        'name = "net"\nseeds = [0]\n[corpus]\nname = "mitdb"\nlabels = "aami"\n'
        f'classes = ["N", "S", "V"]\n[model]\nname = "net"\n[protocol]\nname = "intra-patient"\n'
        f"[input]\n{spec}\n"
    )
    rows = np.concatenate([split.validation.rows, split.test.rows])
    part = ["validation"] * len(split.validation) + ["test"] * len(split.test)
    Predictions(
        classes=AAMI, part=np.array(part), record=store.record[rows], sample=store.sample[rows],
        label=label[rows], logits=np.tile(np.float32([1, 0, 0]), (len(rows), 1)),
    ).save(folder / "predictions.npz")  # fmt: skip
    return read_run(folder)


def fit(network: Run, corpus: Corpus, folder: Path) -> Run:
    return _control.fit_control(network, corpus, folder, stores=network.path.parents[1] / "stores")


def test_the_control_answers_the_networks_beats_and_beats_it(
    network: Run, corpus: Corpus, tmp_path: Path
) -> None:
    control = fit(network, corpus, tmp_path / "runs" / "control")
    for name in ("part", "record", "sample", "label"):
        np.testing.assert_array_equal(
            getattr(control.predictions, name), getattr(network.predictions, name)
        )
    learnt = json.loads((network.path / "split.json").read_text())["beats"]["training"]
    assert control.metrics["beats"] == learnt
    assert control.trees
    ours, theirs = (beats.judge_runs([r], corpus)["figures"] for r in (control, network))
    assert ours["macro_f1"]["mean"] > theirs["macro_f1"]["mean"]
    assert beats.judge_runs([control], corpus)["command"] == "einthoven evaluate --suite beats"


def test_the_control_of_a_network_of_two_leads_sees_both(
    network: Run, corpus: Corpus, tmp_path: Path
) -> None:
    """It saw the first alone, and said the same as that of one lead."""
    one = fit(network, corpus, tmp_path / "runs" / "one")
    recipe = network.path / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('leads = ["one"]', 'leads = ["one", "other"]'))
    two = read_run(network.path)
    both = fit(two, corpus, tmp_path / "runs" / "both")
    assert not np.array_equal(both.predictions.logits, one.predictions.logits)
    assert (beats.variant(network), beats.variant(two)) == ("", "two leads")


def test_it_is_fitted_once(network: Run, corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "control"
    first = fit(network, corpus, folder)
    (network.path / "split.json").unlink()
    np.testing.assert_array_equal(
        fit(network, corpus, folder).predictions.logits, first.predictions.logits
    )


def test_only_a_table_of_networks_alone_gets_one(
    network: Run, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def fake(run: Run, *rest: Any) -> Run:
        made.append(run.name)
        return run

    monkeypatch.setattr(_control, "fit_control", fake)
    corpora = {"mitdb": corpus}
    beats.add_controls([network, network], corpora, tmp_path)
    assert made == ["net"]
    model = {"name": "boosting", "library": "sklearn"}
    trees = replace(network, recipe={**network.recipe, "model": model})
    beats.add_controls([network, trees], corpora, tmp_path)
    assert made == ["net"]


def test_a_run_without_a_split_by_beats_is_told(network: Run, corpus: Corpus) -> None:
    (network.path / "split.json").write_text('{"train": ["101"]}')
    with pytest.raises(DataError, match="keeps no split by beats"):
        fit(network, corpus, network.path.parent / "control")
