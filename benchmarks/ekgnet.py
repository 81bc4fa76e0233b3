"""What noise in training is worth to EKGNet once its weights are off: results/ekgnet.json.

    python benchmarks/ekgnet.py

The networks of the recipe (those of the suite, in runs/) beside the same ones trained without noise
on weights and sums, three seeds each. Both are asked with every weight off by Gaussian noise, many
times over, on the validation side alone: DS2 is not touched. What lacks is trained, a minute each.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from einthoven.evaluation.classification import confusion, f1
from einthoven.models.ekgnet import shaken
from einthoven.record.files import write_text
from einthoven.suites import _plan, _planned
from einthoven.training import _nets, load_recipe, train

ROOT = Path(__file__).resolve().parent.parent
OUT, RUNS = ROOT / "results" / "ekgnet.json", ROOT / "runs"
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)
DRAWS = 50
QUIET = ("model.weight_noise=0.0", "model.noise=0.0")
SIDES = {"inter": "inter-patient, four records of DS1", "intra": "intra-patient (leaky)"}
TRAINED = {"with": "with noise (the recipe)", "without": "without noise"}


def planned(side):
    """Return the suite's runs of EKGNet on one side, AAMI classes, finished."""
    items, _ = _plan.plan(RUNS, systems=("ekgnet",))
    name = f"ekgnet-aami-{side}"
    chosen = [item for item in items if item.recipe.name == name]
    for item in chosen:
        if not item.finished:
            _planned.train(item)
    return [(item.recipe, item.folder) for item in chosen]


def quiet(folder):
    """Return the same run without noise in training, trained where it is not yet."""
    run = folder.parent.with_name(f"{folder.parent.name}-quiet") / folder.name
    other = load_recipe(str(folder / "recipe.toml"), [*QUIET, f"name={run.parent.name}"])
    if not (run / "weights.safetensors").is_file():
        train(other, run, resume=(run / "recipe.toml").is_file())
    return other, run


def asked(recipe, folder):
    """Return (share, draw) macro F1 over all classes of the recipe, on the validation side."""
    data = _nets.prepare(recipe, recipe.seeds[0])
    windows = data.windows(data.split.validation.rows)
    net, label = _nets.load(recipe, folder), windows.label.numpy()
    found = []
    for share in SHARES:
        each = []
        for draw in range(DRAWS if share else 1):
            said = _nets.logits(shaken(net, share, draw), windows).argmax(axis=1)
            each.append(float(np.nanmean(f1(confusion(label, said, len(recipe.corpus.classes))))))
        found.append(each)
    return found


def row(words, trained, seeds):
    """Return a table's row: of each share the mean over seeds, and the worst tenth of all draws."""
    cells = [words, TRAINED[trained], len(seeds)]
    for at in range(len(SHARES)):
        mean = np.mean([np.mean(seed[at]) for seed in seeds])
        low = np.quantile(np.concatenate([seed[at] for seed in seeds]), 0.1)
        cells.append(f"{mean:.3f} ({low:.3f})" if SHARES[at] else f"{mean:.3f}")
    return cells


def main():
    rows, figures = [], {}
    for side, words in SIDES.items():
        pairs = {"with": planned(side)}
        pairs["without"] = [quiet(folder) for _, folder in pairs["with"]]
        for trained, runs in pairs.items():
            seeds = [asked(*one) for one in runs]
            figures[f"{side} {trained}"] = [
                [round(float(np.mean(each)), 4) for each in seed] for seed in seeds
            ]
            rows.append(row(words, trained, seeds))
            print(*rows[-1], sep=" | ", flush=True)
    off = [f"off by {share:.0%}" if share else "as learnt" for share in SHARES]
    content = {
        "title": "EKGNet: what noise in training is worth",
        "command": "python benchmarks/ekgnet.py",
        "note": (
            "Macro F1 of the validation side with every weight off by Gaussian noise, of an SD "
            "that is a share of the layer's largest weight: mean over seeds and "
            f"{DRAWS} draws of the noise, the worst tenth of the draws in brackets. The recipe's "
            "noise was chosen on the same four records of DS1. No test side is touched."
        ),
        "tables": [
            {"title": "", "note": "", "columns": ["side", "trained", "seeds", *off], "rows": rows}
        ],
        "macro_f1": figures,
    }
    write_text(OUT, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
