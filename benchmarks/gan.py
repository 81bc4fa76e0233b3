"""Puts what trained generators of beats are worth into results/gan.json and docs/generated.md.

    einthoven train wgan --run runs/wgan
    python benchmarks/gan.py [RUN ...]

Without RUN: runs/wgan. The first run's picture goes to docs/assets/gan.svg. A run that was made
for several seeds is given by its seed's folder.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from einthoven.training import load_recipe

ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = ROOT / "docs" / "generated.md", ROOT / "docs" / "assets" / "gan.svg"
BEGIN, END = "<!-- gan:begin -->\n", "<!-- gan:end -->"
HEAD = (
    "| protocol, seed | class | learnt from | F1 real | F1 synthetic | F1 both | real to real | "
    "synthetic to real | held-out to real | synthetic to synthetic | copies |\n"
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n"
)


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def score(value):
    return "-" if value is None else f"{value['mean']:.2f} ± {value['sd']:.2f}"


def rows(found):
    kinds = ("real_to_real", "synthetic_to_real", "held_out_to_real", "synthetic_to_synthetic")
    for name, beats in found["learnt"].items():
        scores = [score(found["f1"][k].get(name)) for k in ("real", "synthetic", "both")]
        near = found["nearest"][name]
        distances = [number(near.get(k, {}).get("median")) for k in kinds]
        cells = [
            f"{found['protocol']}, {found['seed']}", name, f"{beats:,}", *scores, *distances,
            f"{100 * near['copies']:.1f} %",
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |\n"


def main(runs):
    absent = [run for run in runs if not (run / "weights.safetensors").is_file()]
    if absent:
        print(f"{absent[0]}: no trained generator; einthoven train wgan --run {absent[0]}")
        return
    found = [json.loads((run / "metrics.json").read_text(encoding="utf-8")) for run in runs]
    whole = load_recipe("wgan").optimiser.epochs
    kept = {"made by": "python benchmarks/gan.py", "recipe_epochs": whole, "generators": found}
    text = json.dumps(kept, indent=1)
    (ROOT / "results" / "gan.json").write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(runs[0] / "grid.svg", PICTURE)
    each = dict.fromkeys(f"{f['epochs']} epochs of {f['beats_an_epoch']:,} beats" for f in found)
    cost = ", ".join(each)
    table = HEAD + "".join(row for one in found for row in rows(one))
    note = f"\nDistances are medians. Trained for {cost}; {found[0]['parameters']:,} parameters.\n"
    if any(one["epochs"] != whole for one in found):
        note += f"The recipe trains for {whole}: the figures are not of the recipe as it stands.\n"
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n" + table + note + "\n" + END + after, encoding="utf-8")
    print(table + note, end="")


if __name__ == "__main__":
    main([Path(run) for run in sys.argv[1:]] or [ROOT / "runs" / "wgan"])
