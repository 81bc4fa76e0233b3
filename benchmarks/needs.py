"""What the recipes of twelve leads need for the whole of PTB-XL: ``python benchmarks/needs.py``.

Prints of each recipe the comment that stands at its head. Of the 21,799 records of PTB-XL 21,388
have a superclass, 17,084 of them in folds 1 to 8. They are not here, so all of it is estimated.

- Time of one core: a step on a batch of random windows (forward, backward, weights; processor
  seconds in float32) times all steps of all epochs; of trees the fit of one class on as many random
  rows times all fits; and the cutting of a simulated record times all records.
- Memory: all windows and side numbers in float32, what a step keeps for its backward pass, and
  weights with gradients and two moments. What Python and its libraries take comes on top.
- A GPU: six operations for each multiply-accumulate of a forward pass (two there, four on the way
  back) at a tenth of the 67 TFLOP/s that an H200 has in float32 (NVIDIA's data sheet). That share
  is an assumption and nothing was measured there. Steps of small networks wait for their launches,
  which is not counted: hence "or more", and of those much more.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace

import numpy as np
import torch

from einthoven.inputs import cut, record_side_names
from einthoven.inputs.record import time_of
from einthoven.models import label_trees
from einthoven.record.diagnosis import LABELS
from einthoven.record.leads import STANDARD
from einthoven.signal.peaks import find_peaks
from einthoven.signal.simulate import Episode, simulate
from einthoven.suites._cost import macs
from einthoven.training import load_recipe
from einthoven.training._objective import binary
from einthoven.training.measurements import mixture
from einthoven.training.records import build, crop_of

TRAIN, CHOOSE, ALL = 17_084, 2_146, 21_388  # records with a superclass: folds 1-8, 9, 1-10
PEAK, SHARE = 67e12, 0.1  # operations a second of an H200 in float32, and what of it is reached
RECIPES = (
    "heartbeatai", "heartbeatai-full", "resnet1d-wang", "xresnet1d101", "inception1d", "s4",
    "imle-net", "ecg-imn", "cnn-attention-bilstm", "optimised-features", "twelve-median-beat",
    "twelve-measurements", "twelve",
)  # fmt: skip


def cutting(recipe):
    """Return processor seconds a record."""
    made = simulate(
        rate=100.0, leads=STANDARD, seed=0, episodes=(Episode(rhythm="sinus", seconds=10),)
    ).record
    spent = []
    for _ in range(10):
        begun = time.process_time()
        peaks = np.zeros(0, np.int64)
        if recipe.input.kind == "median-beat":
            peaks = find_peaks(made.signal, made.rate, made.leads).samples
        cut(made.signal, made.rate, made.leads, peaks, recipe.input, "simulated")
        spent.append(time.process_time() - begun)
    return float(np.median(spent))


def network(recipe):
    """Return core seconds, bytes and operations of teaching a network."""
    torch.manual_seed(0)
    net, o = build(recipe), recipe.optimiser
    window = torch.randn(o.batch, len(recipe.input.leads), crop_of(recipe))
    side = torch.zeros(o.batch, len(record_side_names(recipe.input)))
    target = torch.randint(2, (o.batch, len(recipe.corpus.classes))).float()
    one = (window[:1], side[:1]) if side.shape[1] else (window[:1],)
    products = macs(net, one)
    learner = torch.optim.AdamW(net.parameters())
    net.train()
    kept, spent = {}, []

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    for _ in range(3):
        begun = time.process_time()
        net.tell(torch.zeros(o.batch, dtype=torch.int64))
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = binary(net(window, side), target, smoothing=0.0) + net.penalty()
        loss.backward()
        learner.step()
        learner.zero_grad()
        spent.append(time.process_time() - begun)
    steps = o.epochs * math.ceil(TRAIN / o.batch)
    print(f"{recipe.name}: {min(spent):.2f} s a step, {steps} steps, "
          f"{products / 1e6:.1f} M multiply-accumulates")  # fmt: skip
    own = 16 * sum(p.numel() for p in net.parameters())
    return min(spent) * steps, sum(kept.values()) + own, 6 * products * o.batch * steps


def trees(recipe):
    """Return core seconds of growing all trees."""
    mixed, arguments = mixture(recipe)
    rng, numbers = np.random.default_rng(0), len(record_side_names(recipe.input))
    begun = time.process_time()
    label_trees.fit(
        rng.normal(size=(TRAIN, numbers)).astype(np.float32),
        rng.integers(0, 2, (TRAIN, 1)).astype(np.float32), np.zeros((TRAIN, 0), np.float32),
        np.zeros(0, np.int64), share=0.0, seed=0, arguments={**arguments, "draws": 1},
    )  # fmt: skip
    one = time.process_time() - begun
    # At most: a part that is too rare, or a whole class, has no trees.
    classes, parts = len(recipe.corpus.classes), len(LABELS[mixed.parts])
    whole = classes * arguments["draws"] + parts * arguments["part_draws"]
    fits = whole * (1 + (TRAIN + CHOOSE) / TRAIN) + 3 * (classes + parts)
    print(f"{recipe.name}: {one:.1f} s a fit, {fits:.0f} fits at most")
    return one * fits


def span(seconds):
    """Return a time with two digits."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def needs(name):
    """Return the comment of a recipe; what was measured is printed first."""
    recipe = load_recipe(name)
    recipe = replace(recipe, optimiser=replace(recipe.optimiser, device="cpu"))
    spec = recipe.input
    numbers = len(spec.leads) * time_of(spec) + len(record_side_names(spec))
    seconds, memory, work = cutting(recipe) * ALL, 4 * numbers * ALL, 0
    net = recipe
    if recipe.model.name == "measurements":
        seconds += trees(recipe)
        net = load_recipe(mixture(recipe)[0].net) if mixture(recipe)[0].net else None
    if net:
        more = network(net)
        seconds, memory, work = seconds + more[0], memory + more[1], more[2]
    told = f"# All of PTB-XL, estimated (benchmarks/needs.py): {span(seconds)} of one core, "
    told += f"{memory / 1e9:.1f} GB"
    return f"{told}; an H200 {span(work / PEAK / SHARE)} or more." if work else f"{told}."


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or RECIPES:
        print(f"{needs(name)}\n", flush=True)
