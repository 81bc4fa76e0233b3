"""What more networks, other ones and more leads would add to aami-review: results/larger.json.

    python benchmarks/larger.py

Leave-records-out in DS1, one seed. Each part is trained once a fold and kept in ``runs/larger``, so
that a killed run goes on; a row is a mixture of parts. DS2 is not touched: a row that gained
something here would be a recipe, and only then be asked.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from ablation import OUT as ABLATION
from ablation import WHOLE, all_rows

from einthoven.corpora import open_corpus
from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.classification import confusion, f1
from einthoven.models import boosting
from einthoven.models.beat_sequence import moderated
from einthoven.record.files import beside, write_text
from einthoven.training import _learners, _waveform, load_recipe
from einthoven.training._premature import describe
from einthoven.training._recipe import to_toml
from einthoven.training.boosting import Keys, choose_offsets

ROOT = Path(__file__).resolve().parent.parent
OUT, PARTS = ROOT / "results" / "larger.json", ROOT / "runs" / "larger"
LARGEST = "209"  # of DS1, with most S: what 232 is of DS2

FORESTS = ("trees 0", "trees 100")
SEQUENCES = ("sequence 0", "sequence 100", "sequence 200")
WAVES = ("arrhythminet-v2 0", "arrhythminet-v2 100", "arrhythminet-v2 200")
CNN = ("cnn 0",)
BOTH_LEADS = ("arrhythminet-v2 0 two", "arrhythminet-v2 100 two")
# Name: forests, sequences, waves, share of the waves, share in which these tell S from N, too.
ROWS = {
    "aami-review": (FORESTS[:1], SEQUENCES, WAVES[:1], 0.5, 0.0),
    "one network over the sequence": (FORESTS[:1], SEQUENCES[:1], WAVES[:1], 0.5, 0.0),
    "two forests": (FORESTS, SEQUENCES, WAVES[:1], 0.5, 0.0),
    "a CNN over the wave": (FORESTS[:1], SEQUENCES, CNN, 0.5, 0.0),
    "two networks over the wave": (FORESTS[:1], SEQUENCES, WAVES[:2], 0.5, 0.0),
    "two networks over the wave, of both leads": (FORESTS[:1], SEQUENCES, BOTH_LEADS, 0.5, 0.0),
    "two over the wave of one lead, two of both": (
        FORESTS[:1], SEQUENCES, WAVES[:2] + BOTH_LEADS, 0.5, 0.0,
    ),
    "three networks over the wave": (FORESTS[:1], SEQUENCES, WAVES, 0.5, 0.0),
    "three over the wave, their share 0.6": (FORESTS[:1], SEQUENCES, WAVES, 0.6, 0.0),
    "three over the wave, their share 0.7": (FORESTS[:1], SEQUENCES, WAVES, 0.7, 0.0),
    "three over the wave and a CNN": (FORESTS[:1], SEQUENCES, WAVES + CNN, 0.5, 0.0),
    "three over the wave and a CNN, their share 0.6": (
        FORESTS[:1], SEQUENCES, WAVES + CNN, 0.6, 0.0,
    ),
    "two forests, three over the wave, their share 0.6": (FORESTS, SEQUENCES, WAVES, 0.6, 0.0),
    "three over the wave and a CNN tell S from N, too, by 0.1": (
        FORESTS[:1], SEQUENCES, WAVES + CNN, 0.5, 0.1,
    ),
    "three over the wave and a CNN tell S from N, too, by 0.2": (
        FORESTS[:1], SEQUENCES, WAVES + CNN, 0.5, 0.2,
    ),
    "three over the wave and a CNN tell S from N, too, by 0.3": (
        FORESTS[:1], SEQUENCES, WAVES + CNN, 0.5, 0.3,
    ),
}  # fmt: skip


@functools.lru_cache(maxsize=1)
def table():
    """Return recipe, keys, all rows of DS1, and the real ones with the windows of both leads."""
    recipe = load_recipe("aami-review", ["seeds=[0]"])
    keys, spec = Keys.of(recipe), replace(recipe.input, neighbours=(0, 0))
    every = all_rows(spec, keys.making, recipe.corpus.labels, recipe.corpus.classes)
    real, corpus, both = every.where(every.kind == "real"), open_corpus("mitdb"), []
    bare = replace(spec, leads=("one", "other"), side=())
    for record in dict.fromkeys(real.record.tolist()):
        source = corpus.open(record)
        samples, signal = real.sample[real.record == record], source.read(0, source.samples)
        both.append(describe(bare, signal, source.rate, source.leads, samples)[1])
    two = replace(real, window=np.concatenate(both))
    return recipe, keys, every, real, two


def answers(part, fold):
    """Return (beat of the fold, class) logits of a part that learnt from the other folds."""
    recipe, keys, every, real, two = table()
    kind, seed, *leads = part.split()
    seed, classes, weighing = int(seed), recipe.corpus.classes, keys.weighing
    given = two if leads else real
    asked, out = given.where(np.isin(given.record, fold)), ~np.isin(every.record, fold)
    if kind == "trees":
        learnt = every.where(out)
        pick, weight = _learners.draw(learnt, classes, weighing, np.random.default_rng(seed))
        grown = boosting.build(seed, keys.trees).fit(
            learnt.side[pick], learnt.label[pick], sample_weight=weight[pick]
        )
        return boosting.logits(grown, asked.side, len(classes))
    if kind == "sequence":
        net = _learners._train(every.where(out), classes, weighing, seed)
        return _learners._answers(net, asked)
    learnt = given.where(~np.isin(given.record, fold))
    waveform = replace(weighing.waveform, name=kind)
    net = _waveform.train(learnt.window, learnt.side, learnt.label, len(classes), waveform, seed)
    return _waveform.answers(net, asked.window, asked.side)


@functools.lru_cache(maxsize=32)
def said(part):
    """Return (beat, class) log probabilities out of fold, of the real beats that have a class."""
    _, keys, _, real, _ = table()
    # Parts of another recipe, or of other inputs, are not taken for these.
    made_by = hashlib.sha256(to_toml(table()[0]).encode()).hexdigest()[:8]
    file = PARTS / f"{part.replace(' ', '-')}-{made_by}.npy"
    if not file.is_file():
        found = np.zeros((len(real), 4), np.float32)
        for fold in keys.weighing.folds:
            found[np.isin(real.record, fold)] = answers(part, fold)
        PARTS.mkdir(parents=True, exist_ok=True)
        with beside(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, found)
    logits = np.load(file, allow_pickle=False)[real.label >= 0]
    return np.log(softmax(logits.astype(np.float64)) + 1e-12)


def measured(forests, sequences, waves, share, full):
    """Return offsets, and F1 of S, of S without the record of most S, and of V."""
    recipe, keys, _, real, _ = table()
    classes, mixed = recipe.corpus.classes, keys.weighing.share
    trees, rhythm, wave = (
        np.mean([said(part) for part in parts], axis=0) for parts in (forests, sequences, waves)
    )
    logits = moderated((1 - mixed) * trees + mixed * rhythm, wave, share, classes)
    logits = ((1 - full) * logits + full * wave).astype(np.float32)
    judged = real.label >= 0
    label, record = real.label[judged], real.record[judged]
    offsets = choose_offsets(logits, label, record, classes)
    choice = (logits + np.array(offsets)).argmax(axis=1)
    other = record != LARGEST
    whole, less = (
        f1(confusion(label[rows], choice[rows], len(classes)))
        for rows in (np.ones(len(label), bool), other)
    )
    s, v = classes.index("S"), classes.index("V")
    figures = {"S": whole[s], f"S without {LARGEST}": less[s], "V": whole[v]}
    return {"offsets": list(offsets)} | {k: round(float(x), 4) for k, x in figures.items()}


def page(found):
    names = ["S", f"S without {LARGEST}", "V"]
    rows = [[n, *(f"{found[n][f]:.4f}" for f in names), str(found[n]["offsets"])] for n in found]
    own, gains = found["aami-review"], []
    for figure in names:
        best = max(found, key=lambda name: found[name][figure])
        gain = found[best][figure] - own[figure]
        gains.append(f"{figure} {gain:+.4f} ({best})")
    return {
        "title": "AAMI models: what more would add",
        "command": "python benchmarks/larger.py",
        "note": (
            "Leave-records-out in DS1 (five folds, 22 records, reference beats), one seed, without "
            "a limit of size; offsets (of N, S, V, F) are chosen on the same answers, in steps of "
            f"0.5, and decide as much as the mixture does. F1; {LARGEST} is the record of DS1 with "
            "most S. What `aami-review` misses on DS2 was looked for here. The most that any of "
            f"the other {len(found) - 1} mixtures gains on it, by figure: {'; '.join(gains)}. None "
            "became a recipe, and none was asked about DS2."
        ),
        "tables": [{
            "title": "", "note": "",
            "columns": ["mixture", *(f"F1 of {n}" for n in names), "offsets"], "rows": rows,
        }],
        "variants": found,
    }  # fmt: skip


def main():
    found = {}
    for name, mixture in ROWS.items():
        found[name] = measured(*mixture)
        print(name, found[name], flush=True)
    whole = json.loads(ABLATION.read_text(encoding="utf-8"))["variants"][WHOLE]
    if any(found["aami-review"][label] != whole[label]["f1"] for label in "SV"):
        raise AssertionError(f"{WHOLE!r} of {ABLATION.name} is another aami-review")
    write_text(OUT, json.dumps(page(found), indent=1) + "\n")


if __name__ == "__main__":
    main()
