"""Does BEAT-Net look at the leads that a cardiologist looks at? Its lead attention, put to a test.

The claim is that attention over leads prefers II for the rhythm. For each group of statements the
leads that textbooks name are taken as a hypothesis: people with the statement should have more of
the attention there than the others have. Fold 8 is asked, and fold 9, the test side, when asked for
(``--test-side``; each look is counted). A permutation test over people says how often
chance would give as much, Holm's correction is over the hypotheses. Beside it stand two controls:
networks of the same make that never learnt anything, for attention may follow the height of a QRS
alone; and what the answer loses when a lead is taken away, for attention need not be what counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from einthoven._version import __version__
from einthoven.corpora import Corpus, open_corpus
from einthoven.evaluation.permutation import difference, holm, permuted
from einthoven.record.diagnosis import diagnoses
from einthoven.record.errors import DataError
from einthoven.record.leads import STANDARD
from einthoven.store.records import open_records
from einthoven.suites import _looks
from einthoven.suites._robust_systems import finished
from einthoven.suites._suite import write_results
from einthoven.training import records as nets
from einthoven.training._recipe import Recipe, load_recipe
from einthoven.training._record_net import RecordNet

Floats = npt.NDArray[np.float64]

NAME = "lead_attention.json"
COMMAND = "einthoven evaluate --suite lead_attention"
FOLDS = {"fold 8": 8, "fold 9": 9}
# Statements and the leads that textbooks look at for them.
HYPOTHESES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "atrial fibrillation": (("AFIB",), ("II",)),
    "sinus arrhythmia": (("SARRH",), ("II",)),
    "sinus tachycardia": (("STACH",), ("II",)),
    "sinus bradycardia": (("SBRAD",), ("II",)),
    "atrial premature beats": (("PAC",), ("II",)),
    "ventricular premature beats": (("PVC",), ("II",)),
    "any of these rhythms": (("AFIB", "SARRH", "STACH", "SBRAD", "PAC", "PVC"), ("II",)),
    "left bundle branch block": (("CLBBB",), ("V1", "V6")),
    "right bundle branch block": (("CRBBB",), ("V1", "V6")),
    "incomplete right block": (("IRBBB",), ("V1", "V6")),
    "anterior infarction": (("AMI", "ASMI", "ALMI"), ("V2", "V3", "V4")),
    "inferior infarction": (("IMI", "ILMI", "IPMI", "IPLMI"), ("II", "III", "aVF")),
}
SUPER, ASKED = "asked for superclasses", "asked for the statements"
TAUGHT = "taught by trees and in noise, asked for superclasses"
_STATEMENTS = (
    "NORM", "AFIB", "SARRH", "SBRAD", "STACH", "PVC", "PAC", "CLBBB", "CRBBB", "IRBBB", "IMI",
    "ILMI", "ASMI", "AMI", "LVH", "LAFB",
)  # fmt: skip
_SETS = (
    'corpus.labels="ptbxl-all"', "seeds=[0]", 'name="beat-net-statements"',
    "corpus.classes=[" + ", ".join(f'"{c}"' for c in _STATEMENTS) + "]",
)  # fmt: skip
# The superclass networks are those of the suite `fractions`, with all labels.
RUNS = {
    SUPER: "fractions/beat-net/100/seed-0", TAUGHT: "fractions/beat-net-taught-noise/100/seed-0",
    ASKED: "lead-attention/statements/seed-0",
}  # fmt: skip
UNTRAINED = 5  # networks that never learnt
DRAWS = 10_000  # permutations
LEVEL = 0.05
_FEWEST = 5  # people with the statement
_BATCH = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """What stands for the leads in the eyes of one network.

    Attributes
    ----------
    attention : (record, lead), the mean over beats and heads, 1 in all.
    loss : (record, lead, class), by how much each logit changes when the lead is taken away.
    """

    attention: Floats
    loss: Floats


def look(net: RecordNet, window: npt.NDArray[np.float32], side: npt.NDArray[np.float32],
         *, occlude: bool) -> Sight:  # fmt: skip
    """Ask a network of records what it looks at, and what it cannot do without.

    Parameters
    ----------
    net : a BEAT-Net with its scale.
    window, side : (record, lead, time) and (record, number).
    occlude : whether leads are taken away.
    """
    attention, loss = [], []
    net.eval()
    with torch.no_grad():
        for start in range(0, len(window), _BATCH):
            rows = slice(start, start + _BATCH)
            strip, numbers = (torch.from_numpy(np.array(c[rows])) for c in (window, side))
            # The network's own coordinates are not scaled; see `RecordNet`.
            found: torch.Tensor = net.net.attention(strip / net.scale, numbers)["lead"]  # type: ignore[operator]
            each = found.mean(dim=3).double()  # (record, beat, lead)
            beats = (each.sum(dim=2) > 0).sum(dim=1).clamp(min=1)
            attention.append((each.sum(dim=1) / beats[:, None]).numpy())
            if occlude:
                whole, lost = net(strip, numbers), []
                for lead in range(strip.shape[1]):
                    without = strip.clone()
                    without[:, lead] = 0
                    lost.append((whole - net(without, numbers)).abs())
                loss.append(torch.stack(lost, dim=1).double().numpy())
    empty = np.zeros((len(window), window.shape[1], 0))
    return Sight(
        attention=np.concatenate(attention), loss=np.concatenate(loss) if occlude else empty
    )


def untrained(recipe: Recipe, like: RecordNet, seed: int) -> RecordNet:
    """Return a network as it is before it learns, with the scale of one that has learnt."""
    torch.manual_seed(seed)
    net = nets.build(recipe)
    for name in ("scale", "centre", "spread"):
        getattr(net, name).copy_(getattr(like, name))
    return net.eval()


def shares(loss: Floats, columns: Sequence[int]) -> Floats:
    """Return (record, lead), 1 in all: of the mean loss over some classes, or over all if none."""
    mean = loss[:, :, list(columns)].mean(axis=2) if columns else loss.mean(axis=2)
    return np.asarray(mean / np.maximum(mean.sum(axis=1, keepdims=True), 1e-12), np.float64)


def by_person(values: Floats, person: npt.NDArray[np.str_]) -> Floats:
    """Return (person, ...) the mean over the records of each."""
    _, place, count = np.unique(person, return_inverse=True, return_counts=True)
    total = np.zeros((len(count), *values.shape[1:]))
    np.add.at(total, place.reshape(-1), values)
    return np.asarray(total / count.reshape(-1, *[1] * (values.ndim - 1)), np.float64)


def _columns(recipe: Recipe, codes: Sequence[str]) -> list[int]:
    """Return the outputs of a network that some statements speak for; none for a rhythm."""
    said = {diagnoses()["SCP", c].asserts(recipe.corpus.labels) for c in codes} - {""}
    return [k for k, name in enumerate(recipe.corpus.classes) if name in said]


def compared(
    readings: Mapping[str, Mapping[str, Floats]], has: Mapping[str, npt.NDArray[np.bool_]],
    draws: int,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Return hypothesis -> reading -> share where it has the statement, in the rest, and chance.

    Parameters
    ----------
    readings : reading -> hypothesis -> (person, lead), 1 in all.
    has : hypothesis -> (person,) who has the statement.
    """
    people = len(next(iter(has.values())))
    orders, found = permuted(people, draws, 0), {name: dict[str, Any]() for name in has}
    for reading, by in readings.items():
        for name, mine in has.items():
            leads = [STANDARD.index(lead) for lead in HYPOTHESES[name][1]]
            share = by[name][:, leads].sum(axis=1)
            gap, p = difference(share, mine, orders)
            inside = by[name][mine].mean(axis=0)
            raised = inside - by[name][~mine].mean(axis=0)
            order = np.argsort(-inside).tolist()
            found[name][reading] = {
                "in": float(share[mine].mean()), "rest": float(share[~mine].mean()),
                "difference": gap, "p": p, "first": STANDARD[order[0]],
                "rank": 1 + min(order.index(k) for k in leads),
                "most_raised": STANDARD[int(raised.argmax())],
            }  # fmt: skip
            if not reading.startswith("untrained"):
                by_lead = dict(zip(STANDARD, inside.tolist(), strict=True))
                found[name][reading]["by_lead"] = by_lead
        corrected = holm([found[name][reading]["p"] for name in has])
        for name, value in zip(has, corrected, strict=True):
            found[name][reading]["holm"] = value
    return found


def _network(runs: Path, place: str, corpus: Corpus, side: str) -> dict[str, Any]:
    """Return what is told of one network on one fold."""
    run = runs / place
    recipe = load_recipe(str(run / "recipe.toml"))
    store = open_records(corpus, recipe.input)
    rows = np.flatnonzero([corpus.fold(r) == FOLDS[side] for r in store.record.tolist()])  # type: ignore[attr-defined]
    names = store.record[rows].tolist()
    person = np.array([corpus.subject(r) for r in names], np.str_)
    codes = [{s.code for s in corpus.statements(r)} for r in names]
    has, few = {}, {}
    for name, (wanted, _) in HYPOTHESES.items():
        mine = by_person(np.array([bool(c & set(wanted)) for c in codes], float), person) > 0
        if mine.sum() >= _FEWEST:
            has[name] = mine
        else:
            few[name] = int(mine.sum())
    if not has:
        raise DataError(corpus.folder, f"has too few statements in {side}", "Load more of it")
    window, numbers = np.asarray(store.window[rows]), np.asarray(store.side[rows])
    net = nets.load(recipe, run)
    seen = look(net, window, numbers, occlude=True)
    blank = [
        by_person(look(untrained(recipe, net, k), window, numbers, occlude=False).attention, person)
        for k in range(UNTRAINED)
    ]
    own = {
        name: by_person(shares(seen.loss, _columns(recipe, HYPOTHESES[name][0])), person)
        for name in has
    }
    readings = {
        "attention": dict.fromkeys(has, by_person(seen.attention, person)), "occlusion": own,
        **{f"untrained {k}": dict.fromkeys(has, b) for k, b in enumerate(blank)},
    }  # fmt: skip
    return {
        "run": place, "side": side, "records": len(rows), "people": len(np.unique(person)),
        "with": {name: int(mine.sum()) for name, mine in has.items()}, "too_few": few,
        "fingerprint": hashlib.sha256(seen.attention.round(6).tobytes()).hexdigest()[:12],
        "overall": dict(zip(STANDARD, seen.attention.mean(axis=0).tolist(), strict=True)),
        "tests": compared(readings, has, DRAWS),
    }  # fmt: skip


def verdict(test: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in words what the readings of one hypothesis say together.

    An untrained network looks almost everywhere alike, so the least trace of the signal's size is
    beyond chance; what learning must exceed is therefore the size of its difference.
    """
    most = max(test[f"untrained {k}"]["difference"] for k in range(UNTRAINED))
    if test["attention"]["holm"] >= LEVEL:
        return "no"
    if test["attention"]["difference"] <= most:
        return "no more than untrained"
    return "yes" if test["occlusion"]["holm"] < LEVEL else "attention only"


def _table(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    body = []
    for which, test in told["tests"].items():
        a, o = test["attention"], test["occlusion"]
        blank = [test[f"untrained {k}"] for k in range(UNTRAINED)]
        apart = [100 * b["difference"] for b in blank]
        body.append(
            [
                which, ", ".join(HYPOTHESES[which][1]), str(told["with"][which]),
                f"{100 * a['in']:.1f} / {100 * a['rest']:.1f}", f"{a['p']:.4f}",
                f"{a['holm']:.3f}", f"{a['first']}, {a['rank']}", a["most_raised"],
                f"{100 * o['in']:.1f} / {100 * o['rest']:.1f}", f"{o['holm']:.3f}",
                f"{min(apart):+.1f} to {max(apart):+.1f}",
                f"{sum(b['holm'] < LEVEL for b in blank)} of {UNTRAINED}", verdict(test),
            ]
        )  # fmt: skip
    few = ", ".join(f"{k} ({n})" for k, n in told["too_few"].items())
    note = (
        f"{told['records']} records of {told['people']} people. Percent of the attention that the "
        "leads get where the statement is / in the rest; first: the lead that gets most there, and "
        "the best rank of the leads asked about; occlusion: their percent of what the answer loses."
    ) + (f" Too few people: {few}." if few else "")
    columns = (
        "statement; leads; people; attention; p; Holm; first, rank; most raised; occlusion; Holm; "
        "untrained, points; untrained, Holm < .05; confirmed"
    )
    return {"title": f"BEAT-Net {name}", "note": note, "columns": columns.split("; "), "rows": body}


def run(
    out: Path, *, runs: Path = Path("runs"), root: Path | None = None, train: bool = True,
    test: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Test the attention of the networks that are there, and write ``lead_attention.json``.

    Parameters
    ----------
    out : the results folder.
    runs : where the run folders lie.
    root : the data root.
    train : whether to train the network that is asked for the statements, if it is not there.
    test : whether fold 9 is asked, too.

    Raises
    ------
    DataError : no network or no recordings.
    """
    corpus = open_corpus("ptbxl", root)
    corpus.at_hand()
    if train and not finished(runs / RUNS[ASKED]):
        from einthoven.training import train as fit

        folder = runs / RUNS[ASKED]
        there = (folder / "recipe.toml").is_file()
        fit(load_recipe("beat-net", list(_SETS)), folder, resume=there)
    here = {name: place for name, place in RUNS.items() if finished(runs / place)}
    if not here:
        raise DataError(runs, "holds no BEAT-Net", "Train: einthoven evaluate --suite fractions")
    told = {
        f"{name}, {side}": _network(runs, place, corpus, side)
        for side in (FOLDS if test else ("fold 8",)) for name, place in here.items()
    }  # fmt: skip
    for name, each in told.items():
        if each["side"] != "fold 8":
            _looks.count(
                out, system=name, side=f"ptbxl {each['side']}", answers=each["fingerprint"],
                why="lead attention", command=f"{COMMAND} --test-side",
            )  # fmt: skip
    confirmed = {
        name: {h: verdict(t) for h, t in each["tests"].items()} for name, each in told.items()
    }
    results = {
        "suite": "lead_attention", "title": "Lead attention of BEAT-Net, tested",
        "einthoven": __version__, "command": COMMAND + (" --test-side" if test else ""),
        "note": (
            f"Folds of PTB-XL that none of the networks learnt. {DRAWS:,} permutations of "
            "the people, one-sided; Holm over the statements of a table. Untrained: networks of "
            "the same make that never learnt, of which attention follows the signal's size alone. "
            "Confirmed: attention beyond chance and beyond every untrained network's difference, "
            "and occlusion agrees."
        ),
        "tables": [_table(name, each) for name, each in told.items()],
        "networks": told, "confirmed": confirmed,
        "missing": [place for name, place in RUNS.items() if name not in here],
    }  # fmt: skip
    return write_results(out / NAME, results)
