"""Share of a training step that waits for data, of networks of whole records.

    python benchmarks/loader.py [RECIPE ...] [--set KEY=VALUE ...]

A step is what lies between two batches that are asked for: loading, crops, augmentation, forward,
backward, weights. Waiting is the time in which the next batch is fetched. On a GPU the work that is
queued is waited for before the clock is read.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from einthoven.training import load_recipe
from einthoven.training._objective import make_loss
from einthoven.training._record_data import prepare
from einthoven.training.records import RecordLesson, RecordSides, build

RECIPES = ("heartbeatai", "resnet1d-wang", "cnn-attention-bilstm")
WARM, STEPS = 5, 60


def measured(name, assignments):
    import lightning as L

    recipe = load_recipe(name, ["seeds=[0]", *assignments])
    torch.set_num_threads(recipe.optimiser.threads)
    data = prepare(recipe, 0)
    net = build(recipe)
    windows = data.of(data.split.training)
    net.fit(data.window[windows], data.side[windows])
    loss = make_loss(recipe.objective, np.zeros(0, np.int64), ())
    lesson, sides = RecordLesson(net, recipe, 0, loss), RecordSides(data, recipe, 0)
    gpu = recipe.optimiser.device == "cuda"

    class Clock(L.Callback):
        waits, steps, last = [], [], None

        def _now(self):
            if gpu:
                torch.cuda.synchronize()
            return time.perf_counter()

        def on_train_batch_start(self, *_):
            now = self._now()
            if self.last is not None:
                self.waits.append(now - self.last)
            self.begun = now

        def on_train_batch_end(self, *_):
            self.last = self._now()
            self.steps.append(self.last - self.begun)

        def on_train_epoch_end(self, *_):
            self.last = None  # between epochs other things are done

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        L.Trainer(
            accelerator="gpu" if gpu else "cpu", devices=1, max_steps=WARM + STEPS, logger=False,
            precision="bf16-mixed" if recipe.optimiser.precision == "bfloat16" else "32-true",
            limit_val_batches=0, callbacks=[clock], enable_progress_bar=False,
            enable_model_summary=False, enable_checkpointing=False, default_root_dir=Path(folder),
            gradient_clip_val=recipe.optimiser.clip or None, use_distributed_sampler=False,
        ).fit(lesson, datamodule=sides)  # fmt: skip
    waits, steps = sum(clock.waits[WARM:]), sum(clock.steps[WARM:])
    count, batch = len(clock.steps[WARM:]), recipe.optimiser.batch
    return {
        "recipe": name, "records": len(data.split.training), "batch": batch,
        "ms a step": round(1000 * (waits + steps) / count, 2),
        "waiting": f"{100 * waits / (waits + steps):.2f} %",
        "records a second": round(batch * count / (waits + steps)),
    }  # fmt: skip


def main():
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--set", action="append", default=[], dest="assignments")
    args = parser.parse_args()
    for name in args.recipes or RECIPES:
        print(measured(name, args.assignments), flush=True)


if __name__ == "__main__":
    main()
