"""Training of the R-peak detector, small: a run folder, a bundle, and answers that agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from einthoven.bundle import Bundle
from einthoven.corpora import open_corpus
from einthoven.evaluation.ec57 import compare
from einthoven.export import peaks
from einthoven.export.onnx import export
from einthoven.export.peaks import LIMITS, fill
from einthoven.record import DataError
from einthoven.signal._peaks_join import NAMES
from einthoven.signal._peaks_net import PeakNet
from einthoven.signal.peaks import find_peaks
from einthoven.suites.peaks import summary
from einthoven.training import load_recipe
from einthoven.training.peaks import CrossFit, TrainedPeaks, fit, load

SMALL = [
    "optimiser.epochs=2", "augment.copies=0", "augment.cold=2", "augment.no_beats=1",
    'protocol.train=["100", "101"]',
]  # fmt: skip


@pytest.fixture(scope="module")
def run(data_root, mitdb, tmp_path_factory):
    if not (data_root / "nstdb" / "em.dat").is_file():
        pytest.skip("no nstdb")
    folder = tmp_path_factory.mktemp("runs") / "rpeaks"
    fit(load_recipe("rpeaks", SMALL), folder)
    return folder


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory):
    return export(str(run), "onnx", tmp_path_factory.mktemp("zoo") / "rpeaks")


def test_a_run_holds_what_made_it(run):
    assert json.loads((run / "split.json").read_text())["train"] == ["100", "101"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["candidates"] > metrics["beats"] > 4000
    thresholds = json.loads((run / "thresholds.json").read_text())
    assert set(thresholds) == {"logit", "join.bias", *(f"join.{n}" for n in NAMES)}
    log = (run / "log.csv").read_text().split()
    assert len(log) == 3
    assert float(log[2].split(",")[1]) < float(log[1].split(",")[1])


def test_the_same_recipe_makes_the_same_weights(run, tmp_path):
    fit(load_recipe("rpeaks", SMALL), tmp_path)
    for name in ("weights.safetensors", "thresholds.json"):
        assert (tmp_path / name).read_bytes() == (run / name).read_bytes()


def test_a_finished_run_is_left_alone(run):
    before = (run / "weights.safetensors").stat().st_mtime_ns
    fit(load_recipe("rpeaks", SMALL), run, resume=True)
    assert (run / "weights.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("leads", [1, 2])
def test_the_bundle_answers_as_the_run_does(run, bundle, leads):
    record = open_corpus("mitdb").open("103").record()
    shipped = PeakNet(Bundle(bundle))
    trained = TrainedPeaks(load(run), shipped.threshold, dict(shipped.join))
    args = record.signal[:leads], record.rate, record.leads[:leads]
    found, wanted = (find_peaks(*args, net) for net in (shipped, trained))
    np.testing.assert_array_equal(found.samples, wanted.samples)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-4)
    assert compare(record.annotations, found.samples, record.rate).figures()["q_f1"] > 0.98


def test_a_card_gets_the_figures_measured_of_it_alone(bundle, tmp_path):
    record = open_corpus("mitdb").open("103").record()
    one = compare(record.annotations, np.arange(0, record.samples, 300), record.rate)
    part = summary({"103": (one, one)}, 0)
    results = {
        "weights": {"name": "rpeaks", "seen": ["100", "101"]}, "scoring": "EC57",
        "interval": "95 %", "one lead": {"all": part}, "two leads": {"all": part},
    }  # fmt: skip
    path = tmp_path / "peaks.json"
    path.write_text(json.dumps(results))
    card = Bundle(fill(bundle, path)).card
    assert card.figures["all, one lead"]["se"]["value"] == part["se"]
    assert card.limits == LIMITS
    assert "not blind" in card.protocol.lower()
    PeakNet(Bundle(bundle))
    path.write_text(json.dumps(results | {"weights": {"name": "rpeaks", "seen": ["200"]}}))
    with pytest.raises(DataError, match="is not of rpeaks"):
        fill(bundle, path)


def test_an_unfinished_run_is_refused(tmp_path):
    (tmp_path / "recipe.toml").write_text('name = "x"\ntask = "peaks"\n')
    with pytest.raises(DataError, match="is no finished run"):
        peaks.export(tmp_path, tmp_path / "out")


def test_folds_share_what_they_learn_from_and_differ_in_what_they_learnt(run):
    fit_again = CrossFit(0, SMALL)
    record = open_corpus("mitdb").open("103").record()
    first, second, again = (fit_again(names) for names in (["100", "101"], ["100", "115"],
                                                           ["100", "101"]))  # fmt: skip
    assert first.join == again.join
    assert first.join != second.join
    found = find_peaks(record.signal, record.rate, record.leads, second).samples
    assert compare(record.annotations, found, record.rate).figures()["q_f1"] > 0.97
