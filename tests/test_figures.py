"""Figures in the prose of pages are those of `results/`: what is told of a result is held to it.

A sentence stands here as on the page, with # for each figure. What is left of a page's decimals and
percentages is listed below: a figure that is new is either held or named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
Told = Iterator[tuple[Any, ...]]  # a sentence and its figures

# Sections about the way to a result: what they tell was printed once, and no file keeps it.
ON_THE_WAY = {"rpeaks.md": ("Where the misses lay", "What was changed")}
# Sizes, settings, other people's figures, examples, and what was tried on the way.
LEFT = {
    "tokens.md": "0.75 0.75 0.40 0.56 2.5 0.25 0.4 0.4 0.16 100",
    "explanations.md": "0.98 0.11 0.98 2 5 98 0.1",
    "rpeaks.md": (
        "0.9993 0.9994 0.69 0.85 0.75 0.87 0.83 0.84 0.64 0.63 0.12 0.27 0.82 0.67 0.91 0.95"
    ),
}


@cache
def result(name: str) -> Any:
    return json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))


def numbers(cell: Any) -> list[float]:
    """Return the figures of a cell of a table, e.g. of a value with its interval."""
    return [float(n) for n in re.findall(r"[-+]?\d+(?:\.\d+)?", str(cell))]


def row(name: str, title: str, *keys: object) -> dict[str, list[float]]:
    """Return by column the figures of the row of a table that begins with `keys`."""
    (table,) = (t for t in result(name)["tables"] if t["title"] == title)
    (found,) = (r for r in table["rows"] if tuple(r[: len(keys)]) == keys)
    return dict(zip(table["columns"], map(numbers, found), strict=True))


def page(name: str) -> str:
    """Return a page's prose on one line: no code, no numbers of papers."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for title in ON_THE_WAY.get(name, ()):
        before, _, rest = text.partition(f"## {title}\n")
        text = before + "## " + rest.partition("\n## ")[2]
    text = re.sub(r"```.*?```|arXiv:\S+", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", text.replace("**", "").replace("\u2212", "-"))


def lead_attention() -> Told:
    nets, sides = result("lead_attention")["networks"], ("superclasses", "the statements")
    plain, asked = (nets[f"asked for {side}, fold 8"] for side in sides)

    def shares(net: Any, what: str, which: str = "attention") -> tuple[float, float]:
        test = net["tests"][what][which]
        return 100 * test["in"], 100 * test["rest"]

    left, right = "left bundle branch block", "right bundle branch block"
    front, low = "anterior infarction", "inferior infarction"
    rhythm = "atrial fibrillation"
    yield "asks of fold 8 (# records of # people)", plain["records"], plain["people"]
    mine, lost = shares(asked, rhythm), shares(asked, rhythm, "occlusion")
    yield "with # % of its attention over all people", 100 * asked["overall"]["II"]
    yield "in fibrillation, too (# %), but those without fibrillation have more there (# %)", *mine
    yield "# % of all that is lost, yet no more than chance allows (# % in the rest)", *lost
    (a, b), (c, d) = shares(asked, left), shares(plain, left)
    yield "(# and # % of the attention on V1 and V6 against # and # %)", a, c, b, d
    yield "superclass network (# against # %, eight people)", *shares(plain, right)
    yield "statements are asked for (# against # % on V2 to V4)", *shares(asked, front)
    yield "without these leads (# against # %)", *shares(plain, front, "occlusion")
    yield "does not show (# against # %, superclasses)", *shares(plain, low, "occlusion")
    blank = [
        100 * test[f"untrained {k}"]["difference"]
        for net in (plain, asked) for test in net["tests"].values() for k in range(5)
    ]  # fmt: skip
    yield "with differences of # points at most", max(blank)
    for net, said in result("lead_attention")["confirmed"].items():
        assert {v for k, v in said.items() if "block" not in k and k != front} == {"no"}
        if "fold 9" in net:
            assert {said[left], said[right], said[front]} == {"yes"}


def few_labels() -> Told:
    curves = {
        system: {cell["percent"]: cell for cell in cells}
        for system, cells in result("fractions")["curves"]["fold 8"].items()
    }

    def area(system: str, percent: int) -> float:
        return float(curves[system][percent]["macro_auroc"]["value"])

    def kept(system: str) -> float:
        return 100 * float(curves[system][35]["kept"])

    ours, plain, cnn, trees = "beat-net-taught", "beat-net", "resnet1d-wang", "twelve-measurements"
    yield (
        "with all labels # (plain #, ResNet1d-Wang #)",
        *(area(s, 100) for s in (ours, plain, cnn)),
    )
    yield (
        "with 35 % of them # (plain #, the CNN #, the trees themselves #)",
        *(area(s, 35) for s in (ours, plain, cnn, trees)),
    )
    yield (
        "it keeps # % there, in noise (below) # %, plain # %, the CNN # %",
        *(kept(s) for s in (ours, f"{ours}-noise", plain, cnn)),
    )


def in_noise() -> Told:
    told = result("robustness")

    def area(side: str, system: str, rung: str = "em 0 dB") -> float:
        return float(told["records"][side]["cells"][system][rung]["macro_auroc"]["value"])

    def ahead(side: str, rung: str, rival: str) -> tuple[float, ...]:
        title = f"beat-net-taught-noise less other networks, {side}"
        return tuple(row("robustness", title, rung)[f"less {rival}"])

    eight, nine, cnn = "fold 8", "fold 9", "resnet1d-wang"
    ours, alike = "beat-net-taught-noise", f"{cnn}-taught-noise"
    yield "than others: # at 0 dB of electrode motion on fold 8", area(eight, "beat-net")
    yield "the best convolutional network, ResNet1d-Wang, #", area(eight, cnn)
    yield (
        "in noise, it has #, # [#, #] more than ResNet1d-Wang", area(eight, ours),
        *ahead(eight, "em 0 dB", cnn),
    )  # fmt: skip
    yield (
        "in the same noise it has # there, and BEAT-Net is # [#, #] ahead", area(eight, alike),
        *ahead(eight, "em 0 dB", alike),
    )  # fmt: skip
    yield (
        "the test side, BEAT-Net has #, # [#, #] more than ResNet1d-Wang (#)", area(nine, ours),
        *ahead(nine, "em 0 dB", cnn), area(nine, cnn),
    )  # fmt: skip
    yield (
        "the CNN taught alike #: no difference (# [#, #])", area(nine, alike),
        *ahead(nine, "em 0 dB", alike),
    )  # fmt: skip
    yield (
        "ahead of it on both folds (# [#, #] and # [#, #])",
        *(v for side in (eight, nine) for v in ahead(side, "ma 0 dB", alike)),
    )
    budget = "All systems at one budget"
    yield (
        "out of fold in folds 1 to 8 # in place of # (ResNet1d-Wang #)",
        *(row("twelve", budget, s)["macro AUROC 1-8"][0] for s in (ours, "beat-net-taught", cnn)),
    )


def tokens() -> Told:
    yield from lead_attention()
    yield from few_labels()
    yield from in_noise()


def explanations() -> Told:
    v2, inter = "arrhythminet-v2", "arrhythminet-v2-aami-inter"
    gain = "gain over random order (95 %)"
    energy, tables = "QRS energy", result("explanations")["tables"]

    def of(model: str, method: str) -> dict[str, list[float]]:
        return row("explanations", f"`{model}`", method)

    nonsense = "A class that does not exist"
    for side, first in (("seen", "the same patients"), ("not seen", "patients it has not seen")):
        found = row("explanations", nonsense, side)
        yield (
            f"| {first} | # % (# to #) | # % | # (# to #) |", *found["accuracy %"], *found["95 %"],
            *found["most important is QRS %"], *found[gain],
        )  # fmt: skip
    block = "Bundle branch block: the same explanation, of patients seen and not seen"

    def recall(by: str, patient: str, answer: str) -> float:
        seen = "yes" if by == "beats" else "no"
        return row("explanations", block, by, patient, seen, answer)["recall %"][0]

    yield "finds # % of the right bundle branch block of patient 124", recall("beats", "124", "R")
    yield (
        "left (# % before) or right (# % before)", recall("beats", "207", "L"),
        recall("beats", "207", "R"),
    )  # fmt: skip
    for patient, answer in (("124", "R"), ("207", "L"), ("207", "R")):
        assert recall("patients", patient, answer) == 0  # "finds none of it"
    yield "leaves it as it was (rank correlation #)", of(v2, energy)["shuffled, signed"][0]
    yield (
        "right wave in # % of the beats, exact Shapley values in # %",
        *of(v2, energy)["pointing %"], *of(v2, "shapley")["pointing %"],
    )  # fmt: skip
    yield (
        "answer by # more than a random order does, in the order of the energy by #",
        of(v2, "shapley")[gain][0], of(v2, energy)[gain][0],
    )  # fmt: skip
    each = row("explanations", "Each class", "aami-review", "V", energy)
    assert row("explanations", "Each class", "aami-review", "S", energy)["pointing %"] == [0]
    yield "points right for V in # % and for S never", *each["pointing %"]
    yield (
        "over a random order is # (# to #): none. Shapley's is # (# to #).",
        *of("aami-review", energy)[gain], *of("aami-review", "shapley")[gain],
    )  # fmt: skip
    yield (
        "it gains # (# to #), nearly as much as Shapley's values (#)", *of("twelve", energy)[gain],
        of("twelve", "shapley")[gain][0],
    )  # fmt: skip
    for model, answer, words, *waves in (
        ("aami-review", "S", "(# % of all contributions) and the P wave (# %)", "RR", "P"),
        ("aami-review", "V", "by the QRS (# %) and the intervals (# %)", "QRS", "RR"),
        ("aami-live", "V", "by the intervals (# %) as much as by the QRS (# %)", "RR", "QRS"),
        ("rhythm", "A", "intervals (# %), the QRS (# %) and the P wave (# %)", "RR", "QRS", "P"),
        ("twelve", "STTC", "by T (# %)", "T"),
        ("twelve", "HYP", "`HYP` by the QRS (# %)", "QRS"),
        (v2, "V", "T wave for `V` (# %), more than on the QRS (# %)", "T", "QRS"),
    ):
        found = row("explanations", "What a class rests on", model, answer)
        yield words, *(found[wave][0] for wave in waves)

    def idea(model: str, answer: str, which: str) -> list[float]:
        return row("explanations", "Ideas", model, answer, 150, which)["size"]

    yield "beats, mean cosine #)", *idea(v2, "V", "ventricular beat")
    yield "*aberrated atrial beat* (all, #)", *idea(v2, "V", "aberrated atrial beat")
    yield (
        "raises `S` (all, #) and lowers `V` (none, #)", *idea(inter, "S", "aberrated atrial beat"),
        *idea(inter, "V", "aberrated atrial beat"),
    )  # fmt: skip
    (near,) = (t["rows"] for t in tables if t["title"] == "Counterfactuals")
    moved = sorted(float(r[5]) for r in near)
    yield (
        "Of # right answers of two networks each has one, # of them plausible",
        sum(r[2] for r in near), sum(r[2] * float(r[4]) / 100 for r in near),
    )  # fmt: skip
    yield "They are # to # standard deviations away", moved[0], moved[-1]
    yield (
        "no better than a random one (#, # to #), where exact Shapley values gain #",
        *of("heartbeatai", "gradcam")[gain], of("heartbeatai", "shapley")[gain][0],
    )  # fmt: skip
    attentive = "cnn-lstm-attention-aami-inter"
    alike = [of(model, "gradcam-pp") for model in ("ecg-imn", attentive, "resnet1d-wang")]
    signed, chance = (sorted(a[c][0] for a in alike) for c in ("shuffled, signed", "by chance"))
    yield (
        "when the weights are shuffled (rank correlation # to #, by chance # to #)",
        signed[0], signed[-1], chance[0], chance[-1],
    )  # fmt: skip
    imn = of("ecg-imn", "shapley")
    imn_alike = (*imn["shuffled, signed"], *imn["by chance"])
    yield "Shapley's values of ECG-IMN (#, by chance #)", *imn_alike
    yield (
        "follow its answer (# over a random order), as DeepLIFT's do (#)",
        of("ecg-imn", "contributions")[gain][0], of("ecg-imn", "deeplift")[gain][0],
    )  # fmt: skip
    for method, words in (
        ("shapley", "(# with those of the true one, where two that learnt the truth have #)"),
        ("gradcam-pp", "is more alike (#, where two that learnt the truth have #)"),
    ):
        found = row("explanations", "Labels at random", inter, method)
        yield words, *found["permuted labels"], *found["other first weights"]

    def again(method: str) -> list[float]:
        return sorted(
            numbers(r[t["columns"].index("again")])[0] for t in tables
            if "again" in t["columns"] for r in t["rows"] if r[0] == method
        )  # fmt: skip

    smooth, shap = again("smoothgrad"), again("gradient-shap")
    yield (
        "rank correlation # to # for SmoothGrad, # to # for gradient SHAP, # and more for LIME",
        smooth[0], smooth[-1], shap[0], shap[-1], again("lime")[0],
    )  # fmt: skip
    yield (
        "no better than a random one (#, # to #); Shapley's values of the same beats gain #",
        *of(attentive, "attention")[gain], of(attentive, "shapley")[gain][0],
    )  # fmt: skip


def rpeaks() -> Told:
    told = result("peaks")
    folds, one, two = told["12-fold by record"]["two leads"], told["one lead"], told["two leads"]
    away, both = two["DS2 and paced (unseen)"], two["all 48"]
    yield (
        "outside DS1 # and # instead of 34 and 31 (Se #, +P #;", away["missed"], away["extra"],
        away["se"], away["ppv"],
    )  # fmt: skip
    yield "on all 48 records # and # instead of", both["missed"], both["extra"]
    yield "F1 at 50 ms 0.9984 before, # now", one["all 48"]["f1_50ms"]
    (stress,) = (v for k, v in told.items() if k.startswith("noise stress"))
    noise = [stress[f"em {db} dB"] for db in (0, -6)]
    yield (
        "noisy minutes) F1 is # and #, that of the better of sleepecg and xqrs # and #",
        *(n["einthoven"]["f1"] for n in noise),
        *(max(n[peer]["f1"] for peer in ("sleepecg", "xqrs")) for n in noise),
    )
    for peer in ("sleepecg", "xqrs"):
        yield "They mark # % of the beats at 0 dB", 100 * noise[0][peer]["se"]
    _, missed, extra = folds["per_record"]["105"]
    yield "are left (# missed, # extra)", missed, extra
    assert (missed + extra) / (folds["missed"] + folds["extra"]) == pytest.approx(1 / 3, abs=0.05)


PAGES = {"tokens.md": tokens, "explanations.md": explanations, "rpeaks.md": rpeaks}


@pytest.mark.parametrize("name", PAGES)
def test_figures_of_a_page_stand_in_the_results(name: str) -> None:
    text = rest = page(name)
    wrong = []
    for sentence, *values in PAGES[name]():
        pattern = re.escape(sentence).replace(r"\#", r"([-+]?(?:\d*\.\d+|\d+))")
        found = re.search(pattern, text)
        if found is None:
            wrong.append(f"is not on the page: {sentence}")
            continue
        rest = rest.replace(found[0], " ")
        for printed, value in zip(found.groups(), values, strict=True):
            unit = 10.0 ** -len(printed.partition(".")[2])
            if abs(float(printed) - value) > 0.51 * unit:
                wrong.append(f"{printed}, not {value:g}, in: {found[0]}")
    assert not wrong
    assert re.findall(r"\d*\.\d+|\d+(?= %)", rest) == LEFT[name].split()


def test_the_last_row_of_what_was_changed_in_the_detector_is_what_it_does() -> None:
    text = (ROOT / "docs" / "rpeaks.md").read_text(encoding="utf-8")
    (last,) = (line for line in text.splitlines() if "have the threshold of one" in line)
    two = result("peaks")["12-fold by record"]["two leads"]
    said = [float(cell) for cell in last.split("|")[2:-1]]
    told = [two[k] for k in ("missed", "extra", "se", "ppv", "f1_50ms")]
    assert said == pytest.approx(told, abs=5.1e-5)
