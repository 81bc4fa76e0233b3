"""Rhythm of one lead: out of fold on CinC 2017, and AF in mitdb against its rhythm annotations.

What is judged out of fold are the answers that the run of the shipped model left behind; mitdb is
judged by `analyze` with the shipped model. No record of mitdb taught it or chose anything.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from einthoven.bundle import Bundle, load_model
from einthoven.corpora import Corpus, open_corpus
from einthoven.engine import analyze
from einthoven.evaluation.bootstrap import draws_over_groups, percentiles
from einthoven.evaluation.calibration import ece, softmax
from einthoven.evaluation.classification import confusion, confusion_by_group, f1
from einthoven.evaluation.episodes import Episodes, Span, compare
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs.rhythm_span import SPAN, answer
from einthoven.record.annotation import Annotations
from einthoven.record.errors import DataError
from einthoven.signal.peaks import find_peaks
from einthoven.suites import _looks
from einthoven.suites._suite import write_results
from einthoven.suites._waves_judge import percent, table

COMMAND = "einthoven evaluate --suite rhythm"
MODEL = "rhythm"
TITLE = "Rhythm of one lead"
NOTE = (
    "CinC 2017: four folds of the 4,838 open records at hand, stratified by class. Each fold is "
    "answered by a network and by trees that saw nothing of it. The folds served to choose the "
    "recipe, so the figure is somewhat hopeful; whether two records are of one person is not "
    "known. Record length and number of beats are among no inputs. mitdb: the shipped model, "
    "learnt from CinC 2017 alone, another device and another lead."
)
ASKED = 0.85
# Clifford et al. 2017, 10.22489/CinC.2017.065-469: hidden test records, not these.
PUBLISHED = 0.83
JUDGED = 3
LENGTHS = ((0.0, 29.0, "under 29 s"), (29.0, 31.0, "30 s"), (31.0, 99.0, "over 31 s"))
_DRAWS = 1000
_SHARES = np.arange(0.0, 1.01, 0.1)

Floats = npt.NDArray[np.float64]


def run(out: Path, runs: Path = Path("runs")) -> Mapping[str, Any]:
    """Judge the run ``runs/rhythm`` and the shipped model; write ``out/rhythm.json``.

    Raises
    ------
    DataError : the run or mitdb is not here.
    """
    folder = runs / MODEL
    if not (folder / "metrics.json").is_file():
        raise DataError(folder, "is no finished run", "Run: einthoven train rhythm --run FOLDER")
    corpus = open_corpus("mitdb")
    corpus.at_hand()
    bundle = load_model(MODEL)
    said = Predictions.load(folder / "predictions.npz")
    parts = load_file(folder / "folds.safetensors")
    tables, figures = out_of_fold(said, parts)
    spans = {name: judged(corpus, name) for name in corpus.present}
    answers = repr([(n, s["A"]) for n, s in spans.items()])
    looks = _looks.count(
        out, system=MODEL, side="mitdb rhythm", why="suite of rhythm", command=COMMAND,
        answers=hashlib.sha256(answers.encode()).hexdigest()[:12],
    )  # fmt: skip
    counts = {name: fibrillation(corpus, name, one) for name, one in spans.items()}
    figures["mitdb, atrial fibrillation"] = sum(counts.values(), Episodes()).figures
    tables += [*elsewhere(counts, spans), speed(bundle, corpus)]
    return write_results(
        out / "rhythm.json",
        {
            "title": TITLE, "command": COMMAND, "note": NOTE,
            "model": {"name": MODEL, "sha256": bundle.sha256}, "looks": looks,
            "figures": figures, "tables": tables,
        },
    )  # fmt: skip


# --- CinC 2017 -------------------------------------------------------------------------------


def _mean(label: npt.NDArray[np.int64], choice: npt.NDArray[np.int64]) -> float:
    return float(f1(confusion(label, choice, 4))[:JUDGED].mean())


def _row(name: str, label: Any, logits: Any, fold: Any) -> tuple[list[Any], dict[str, Any]]:
    choice = logits.argmax(axis=1)
    each = confusion_by_group(label, choice, np.arange(len(label)), 4, len(label))
    classes = f1(each.sum(axis=0))
    drawn = f1(draws_over_groups(each, _DRAWS, 0))[:, :JUDGED].mean(axis=1)
    ends = percentiles(drawn)[0]
    folds = [_mean(label[fold == k], choice[fold == k]) for k in np.unique(fold)]
    mean = float(classes[:JUDGED].mean())
    row = [name, *(percent(float(v)) for v in classes), percent(mean),
           f"{percent(ends.low)} to {percent(ends.high)}", percent(float(classes.mean())),
           " ".join(f"{100 * v:.1f}" for v in folds)]  # fmt: skip
    return row, {"mean_f1": mean, "interval_95": [ends.low, ends.high],
                 "classes": classes.tolist(), "folds": folds}  # fmt: skip


def mixed(network: Floats, trees: Floats, share: float) -> Floats:
    """Return the weighted mean of two logs of probabilities (record, class)."""
    return np.asarray(share * network + (1 - share) * np.log(softmax(trees)))


def crossed(label: Any, network: Floats, trees: Floats, fold: Any) -> tuple[Floats, list[float]]:
    """Return logits with the share of the network chosen anew for each fold on the other three."""
    out, chosen = np.zeros_like(network), []
    for k in np.unique(fold):
        rest = fold != k
        scores = [_mean(label[rest], mixed(network[rest], trees[rest], s).argmax(axis=1))
                  for s in _SHARES]  # fmt: skip
        share = float(_SHARES[int(np.argmax(scores))])
        chosen.append(round(share, 1))
        out[~rest] = mixed(network[~rest], trees[~rest], share)
    return out, chosen


def out_of_fold(
    said: Predictions, parts: Mapping[str, npt.NDArray[Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return tables and figures of the records that were learnt from, each out of its fold.

    Parameters
    ----------
    said : answers of the whole model.
    parts : ``network``, ``trees`` (record, class) logits, ``fold`` and ``seconds`` (record,).
    """
    fold, classes = parts["fold"], said.classes
    network, trees = (parts[n].astype(np.float64) for n in ("network", "trees"))
    chosen, shares = crossed(said.label, network, trees, fold)
    words = " ".join(str(s) for s in shares)
    systems = {
        "network and trees, in equal parts (shipped)": said.logits, "network alone": network,
        "trees alone": trees, f"parts chosen on the other folds ({words})": chosen,
    }  # fmt: skip
    made = {name: _row(name, said.label, z, fold) for name, z in systems.items()}
    first = made["network and trees, in equal parts (shipped)"][1]
    columns = "system; " + "; ".join(f"F1 {c}" for c in classes)
    columns += "; mean of N, A, O; 95 %; mean of four; each fold"
    summary = table(
        f"CinC 2017, out of fold, {len(said.label)} records",
        f"Percent; intervals by bootstrap over records. Asked for: {100 * ASKED:g}. The best "
        f"entries of the challenge had {PUBLISHED} on hidden records, which is another test. With "
        "437 records of A, differences under 1 say little.",
        columns, [row for row, _ in made.values()],
    )  # fmt: skip
    matrix = confusion(said.label, said.choice, len(classes))
    errors = table(
        "Which is called which", "Records, out of fold.",
        "reference; " + "; ".join(f"called {c}" for c in classes),
        [[c, *map(int, matrix[i])] for i, c in enumerate(classes)],
    )  # fmt: skip
    p = softmax(said.scaled)
    top, right = p.max(axis=1), said.choice == said.label
    rows = []
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.97), (0.97, 1.01)):
        some = (top >= low) & (top < high)
        if not some.any():
            continue
        means = [percent(float(v[some].mean())) for v in (top, right)]
        rows.append([f"{low:g} to {min(high, 1):g}", int(some.sum()), *means])
    error = float(ece(top, right))
    sure = table(
        "What the probability is worth",
        f"The temperature was fitted on these answers. Expected calibration error {error:.3f}.",
        "probability; records; mean probability; right", rows,
    )  # fmt: skip
    figures = {
        "out of fold": first | {"asked": ASKED, "met": first["mean_f1"] >= ASKED},
        "parts chosen on the other folds": made[f"parts chosen on the other folds ({words})"][1],
        "calibration_error": error,
    }
    return [summary, lengths(said, parts["seconds"]), errors, sure], figures


def lengths(said: Predictions, seconds: Floats) -> dict[str, Any]:
    """Return the table of records by their length, seconds."""
    rows = []
    for low, high, words in LENGTHS:
        some = (seconds >= low) & (seconds < high)
        if not some.any():
            continue
        label, choice = said.label[some], said.choice[some]
        counts = np.bincount(label, minlength=4).tolist()
        classes = f1(confusion(label, choice, 4))
        rows.append([words, *counts, *(percent(float(v)) for v in classes),
                     percent(float(classes[:JUDGED].mean()))])  # fmt: skip
    note = (
        "Where all records are of one length, length can tell nothing: the figure does not rest on "
        "it. Records that are shorter are harder, and more of them are noise."
    )
    names = said.classes
    columns = ["length", *(f"records of {c}" for c in names), *(f"F1 {c}" for c in names)]
    return table(
        "By the length of the record", note, "; ".join([*columns, "mean of N, A, O"]), rows
    )


# --- mitdb -----------------------------------------------------------------------------------


def judged(corpus: Corpus, name: str) -> dict[str, list[Span]]:
    """Return the spans of each rhythm that `analyze` gives a record."""
    out: dict[str, list[Span]] = {c: [] for c in ("N", "A", "O", "~")}
    for event in analyze(corpus.open(name)).rhythm or ():
        out[event.label].append((event.start, event.end))
    return out


def annotated(marks: Annotations, length: int) -> dict[str, list[Span]]:
    """Return the spans of each rhythm of the reference, by the text of its annotations."""
    at = np.flatnonzero(marks.symbols == "+")
    starts = [*marks.samples[at].tolist(), length]
    out: dict[str, list[Span]] = {}
    for k, index in enumerate(at.tolist()):
        text = str(marks.texts[index]).strip("\x00 ")
        out.setdefault(text, []).append((starts[k], starts[k + 1]))
    return out


def fibrillation(corpus: Corpus, name: str, said: Mapping[str, Sequence[Span]]) -> Episodes:
    """Return the counts of AF in a record; atrial flutter is neither right nor wrong."""
    source = corpus.open(name)
    marks = source.annotations()
    assert marks is not None, "mitdb is annotated"
    truth = annotated(marks, source.samples)
    return compare(
        truth.get("(AFIB", []), said["A"], source.samples, aside=truth.get("(AFL", []),
        rate=source.rate,
    )  # fmt: skip


def elsewhere(
    counts: Mapping[str, Episodes], spans: Mapping[str, Mapping[str, Sequence[Span]]]
) -> list[dict[str, Any]]:
    """Return the table of AF in mitdb: the records that have it or are said to, and all."""
    rows = [
        _episodes(name, one) for name, one in counts.items() if one.reference_time or one.test_time
    ]
    rows.append(_episodes("all", sum(counts.values(), Episodes())))
    free = [n for n, c in counts.items() if not c.reference_time]
    said = sum(counts[n].test_time for n in free) / 60
    never = sum(not counts[n].test_time for n in free)
    note = (
        "Episodes and minutes of atrial fibrillation as `analyze` tells them in spans of "
        f"{SPAN:g} s, against mitdb's annotations (AFIB; flutter, AFL, is neither right nor "
        "wrong), counted as EC57 does: an episode is found if any of it is. Many episodes are "
        f"shorter than a span. Of the {len(free)} records without AF {never} are never said to "
        f"have it; in the others {said:.1f} minutes are."
    )
    columns = (
        "record; episodes; found, %; said; right, %; minutes; sensitivity of time, %; "
        "minutes said; predictivity of time, %"
    )
    total = {
        c: sum(b - a for one in spans.values() for a, b in one[c]) for c in ("N", "A", "O", "~")
    }
    whole = max(1, sum(total.values()))
    shares = table(
        "What mitdb's records are said to be", "Share of all time, percent.",
        "rhythm; time", [[c, percent(v / whole)] for c, v in total.items()],
    )  # fmt: skip
    return [table("Atrial fibrillation in mitdb, all 48 records", note, columns, rows), shares]


def _episodes(name: str, one: Episodes) -> list[Any]:
    f = {k: percent(v) for k, v in one.figures.items()}
    return [name, one.reference, f["episode_sensitivity"], one.test, f["episode_predictivity"],
            f"{one.reference_time / 60:.1f}", f["duration_sensitivity"],
            f"{one.test_time / 60:.1f}", f["duration_predictivity"]]  # fmt: skip


def speed(bundle: Bundle, corpus: Corpus) -> dict[str, Any]:
    """Return the time that the spans of a half hour take, R peaks given."""
    source = corpus.open(corpus.present[0])
    record, rate = source.record(), source.rate
    peaks = find_peaks(record.signal[:1], rate, record.leads[:1]).samples
    size = round(SPAN * rate)
    starts = range(0, record.signal.shape[1] - size + 1, size)
    begin, used = time.perf_counter(), time.process_time()
    for a in starts:
        inside = peaks[(peaks >= a) & (peaks < a + size)] - a
        answer(bundle, record.signal[0, a : a + size], rate, inside)
    wall, spent = time.perf_counter() - begin, time.process_time() - used
    return table(
        "Time", "Of one processor, R peaks given; seconds of the clock on a shared machine.",
        "what; spans; seconds of the processor; of the clock",
        [["half an hour, one lead", len(starts), f"{spent:.2f}", f"{wall:.2f}"]],
    )  # fmt: skip
