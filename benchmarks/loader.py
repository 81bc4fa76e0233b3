"""Training at speed: what waits for data, and where half precision and ``torch.compile`` pay.

    python benchmarks/loader.py [RECIPE ...] [--set KEY=VALUE ...]

Each network of whole records learns for some steps with its own recipe: in float32, with
``optimiser.precision = "bfloat16"``, and two of them with ``optimiser.compile = true`` in float32.
A step is what lies between two batches that are asked for: crops, augmentation, forward, backward,
weights. Waiting is the time in which the next batch is fetched, a share of step and waiting
together. The first steps, in which things are made once or compiled (what an earlier run compiled
is found on disk), are told by themselves. Steps are medians, by the clock; on a GPU
(``--set optimiser.device=cuda``) the work that is queued is waited for.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
import warnings
from pathlib import Path

import lightning as L
import numpy as np
import torch

from einthoven.training import load_recipe
from einthoven.training._objective import make_loss
from einthoven.training._record_data import prepare
from einthoven.training.records import RecordLesson, RecordSides, build

RECIPES = (
    "heartbeatai", "resnet1d-wang", "xresnet1d101", "inception1d", "cnn-attention-bilstm",
    "optimised-features", "ecg-imn", "beat-net", "imle-net", "s4",
)  # fmt: skip
VARIANTS = {
    "float32": ("optimiser.precision=float32", "optimiser.compile=false"),
    "bfloat16": ("optimiser.precision=bfloat16", "optimiser.compile=false"),
    "compiled": ("optimiser.precision=float32", "optimiser.compile=true"),
}
COMPILED = ("heartbeatai", "resnet1d-wang")  # compiling takes minutes of each
WARM, FEWEST, MOST, ENOUGH = 2, 4, 60, 3.0  # steps; steps; steps; seconds


class _Clock(L.Callback):
    """Notes how long steps and the waiting between them take, and ends when it knows enough."""

    def __init__(self, gpu: bool) -> None:
        self.gpu, self.last = gpu, None
        self.waits, self.steps = [], []

    def _now(self) -> float:
        if self.gpu:
            torch.cuda.synchronize()
        return time.perf_counter()

    def on_train_batch_start(self, *_):
        self.begun = self._now()
        if self.last is not None:
            self.waits.append(self.begun - self.last)

    def on_train_batch_end(self, trainer, *_):
        self.last = self._now()
        self.steps.append(self.last - self.begun)
        known = self.steps[WARM:]
        if len(known) >= FEWEST and sum(known) > ENOUGH:
            trainer.should_stop = True

    def on_train_epoch_end(self, *_):
        self.last = None  # between epochs other things are done


def measured(name: str, assignments: list[str]) -> tuple[float, float, float, int]:
    """Return seconds of a step, of waiting before it and of the first steps, and the batch."""
    recipe = load_recipe(name, ["seeds=[0]", *assignments])
    torch.manual_seed(0)
    torch.set_num_threads(recipe.optimiser.threads)
    data = prepare(recipe, 0)
    net = build(recipe)
    windows = data.of(data.split.training)
    net.fit(data.window[windows], data.side[windows])
    if recipe.optimiser.compile:
        net.net.compile()
    loss = make_loss(recipe.objective, np.zeros(0, np.int64), ())
    lesson, sides = RecordLesson(net, recipe, 0, loss), RecordSides(data, recipe, 0)
    gpu = recipe.optimiser.device == "cuda"
    clock = _Clock(gpu)
    with tempfile.TemporaryDirectory() as folder:
        L.Trainer(
            accelerator="gpu" if gpu else "cpu", devices=1, max_steps=WARM + MOST, logger=False,
            precision="bf16-mixed" if recipe.optimiser.precision == "bfloat16" else "32-true",
            limit_val_batches=0, callbacks=[clock], enable_progress_bar=False,
            enable_model_summary=False, enable_checkpointing=False, default_root_dir=Path(folder),
            gradient_clip_val=recipe.optimiser.clip or None, use_distributed_sampler=False,
        ).fit(lesson, datamodule=sides)  # fmt: skip
    torch.compiler.reset()
    step, wait = float(np.median(clock.steps[WARM:])), float(np.mean(clock.waits[WARM:]))
    return step, wait, sum(clock.steps[:WARM]), recipe.optimiser.batch


def main() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--set", action="append", default=[], dest="assignments")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load of the machine when begun: {load:.1f} of {os.cpu_count()} cores")
    print(f"seconds a step of one batch; waiting for data; seconds of the first {WARM} steps")
    for name in args.recipes:
        base = None
        for variant, keys in VARIANTS.items():
            if variant == "compiled" and name not in COMPILED:
                continue
            step, wait, first, batch = measured(name, [*keys, *args.assignments])
            base = base or step
            print(
                f"{name:<22} {variant:<9} {step:7.3f} s ({step / base:4.2f} of float32)  waiting "
                f"{100 * wait / (wait + step):5.2f} %  first {first:6.1f} s  "
                f"{batch / (wait + step):7.0f} records a second",
                flush=True,
            )


if __name__ == "__main__":
    main()
