"""Cost of explanations: ``python benchmarks/explain.py``, milliseconds on one thread each.

One beat of the demo record by exact Shapley values over its waves through ONNX, without torch; one
beat by Grad-CAM; ten seconds of twelve leads by integrated gradients, whose way is longer through a
network that has learnt: where runs and PTB-XL are here, five records through each, of which the
slowest is told; else the largest network of the catalogue with weights drawn at random. Medians of
several runs, after the first, by the clock and of the processor: on a machine that does something
else, too, the second is what it takes. What a recording costs before anything is asked why is a
line of its own.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything counts the cores

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from einthoven.corpora import demo_record, open_corpus
from einthoven.explain._cases import cases
from einthoven.explain._explainer import chosen
from einthoven.explain._model import Model
from einthoven.explain._open import open_model
from einthoven.record import RecordSource, Source
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import STANDARD
from einthoven.signal.simulate import Episode, simulate

TIMES = 15
LARGEST = "xresnet1d101"
RUNS = tuple(Path(f"runs/twelve/{n}/fold-9/seed-0") for n in ("resnet1d-wang", LARGEST))
CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


def median(function: Callable[[], object], times: int = TIMES) -> tuple[float, float]:
    """Return milliseconds by the clock, and of the processor."""
    function()
    spent, worked = [], []
    for _ in range(times):
        began, busy = time.perf_counter(), time.process_time()
        function()
        spent.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - busy))
    return statistics.median(spent), statistics.median(worked)


def network() -> Model:
    """Return the largest network of the catalogue, with weights drawn at random."""
    import torch

    from einthoven.explain._torch_model import TorchModel, calibrated
    from einthoven.models import MODELS

    torch.manual_seed(0)
    net = MODELS[LARGEST].build(leads=12, time=1000, classes=len(CLASSES), side=0)
    spec = InputSpec(kind="strip", rate=100.0, window=(0.0, 10.0), leads=STANDARD)
    module = calibrated(net, len(CLASSES), side=False)
    return TorchModel(f"{LARGEST}, untrained", "diagnosis", CLASSES, spec, module)


def learnt() -> Iterator[tuple[Model, list[Source]]]:
    """Give trained networks that are here, with records that they have not learnt."""
    corpus = open_corpus("ptbxl")
    fold = getattr(corpus, "fold", None)
    some = [r for r in corpus.present if fold and fold(r) == 8][:5]
    for folder in RUNS:
        if (folder / "weights.safetensors").is_file() and some:
            yield open_model(str(folder)), [corpus.open(r) for r in some]


def main() -> None:
    """Print one line a method and a limit."""
    import torch

    torch.set_num_threads(1)
    beats = RecordSource(demo_record())
    seconds = beats.samples / beats.rate
    strip = simulate(
        rate=500.0, leads=STANDARD, seed=1, episodes=(Episode(rhythm="sinus", seconds=10.0),)
    ).record
    asked = (
        ("shapley", open_model("aami-review"), beats, 50.0),
        ("lime", open_model("aami-review"), beats, None),
        ("occlusion", open_model("aami-review"), beats, None),
        ("permutation", open_model("aami-review"), beats, None),
        ("shapley", open_model("arrhythminet-v2"), beats, 50.0),
        ("gradcam", open_model("arrhythminet-v2"), beats, 20.0),
        ("integrated-gradients", open_model("arrhythminet-v2"), beats, None),
        ("shapley", open_model("rhythm"), beats, None),
        ("shapley", open_model("twelve"), RecordSource(strip), None),
        ("integrated-gradients", network(), RecordSource(strip), 2000.0),
    )
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    print(f"{cores} cores; load before this began {load:.1f}\n")
    print("| method | model | of | ms | of the processor | at most |")
    print("|---|---|---|---|---|---|")
    for method, model, source, most in asked:
        every = cases(model, source, profile="review")
        case = every[min(5, len(every) - 1)]
        target = int(np.argmax(every.probabilities[min(5, len(every) - 1)]))
        explain = chosen(model, method).explain
        spent, worked = median(lambda: explain(model, case, target))  # noqa: B023
        limit = "" if most is None else f"{most:g}"
        size = " x ".join(str(n) for n in case.window.shape)
        print(
            f"| {method} | {model.name} | {every.word}, {size} | {spent:.1f} | {worked:.1f} | "
            f"{limit} |"
        )
    for model, records in learnt():
        explain, each = chosen(model, "integrated-gradients").explain, []
        for record in records:
            every = cases(model, record, profile="review")
            case, target = every[0], int(every.probabilities[0].argmax())
            each.append(median(lambda: explain(model, case, target), times=3))  # noqa: B023
        size = " x ".join(str(n) for n in case.window.shape)
        spent, worked = (max(row[k] for row in each) for k in range(2))
        print(
            f"| integrated-gradients | {model.name} | the slowest of {len(each)} stretches, {size} "
            f"| {spent:.1f} | {worked:.1f} | 2000 |"
        )
    model = open_model("aami-review")
    began = time.perf_counter()
    every = cases(model, beats)
    reading = time.perf_counter() - began
    one = median(lambda: every[5])[1]
    print(
        f"\nbefore that: {len(every)} beats of {seconds:.0f} s found and described in "
        f"{1000 * reading:.0f} ms by the clock, waves of one of them in {one:.0f} ms of the "
        "processor"
    )


if __name__ == "__main__":
    main()
