"""What must stand beside the rows of ``mitdb.json``, told of those judged long ago, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from einthoven.bundle import load_model, zoo_names
from einthoven.evaluation.ensemble import weights_of
from einthoven.inputs import side_names
from einthoven.suites import _looks, _plan, beats
from einthoven.suites._plan import Item
from einthoven.training._recipe import Recipe, load_recipe, names

Row = Mapping[str, Any]

WORDS = {
    "": "", "plain": "plain augmentation", "gan": "generated beats",
    "focal": "focal loss", _plan.METHOD: "generated beats and focal loss",
    _plan.LEADS: beats.TWO_LEADS, "strict": beats.WITHOUT_201, "exchanged": beats.EXCHANGED,
}  # fmt: skip


def eaten(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return what each system of AAMI classes between patients eats beside its window.

    Parameters
    ----------
    items : of the plan; the shipped models of these classes are added.

    Returns
    -------
    One entry a system and variant: how many ``numbers`` beside the window, how many seconds they
    look ``ahead``, whether the ``window`` itself is eaten, and whether it learns from made
    recordings in which premature beats are the majority (``dominant``).
    """
    recipes: dict[tuple[str, str], Recipe] = {}
    for item in items:
        if (item.labels, item.side) == ("aami", "inter") and item.system != _plan.GENERATOR:
            recipes.setdefault((item.system, WORDS[item.variant]), item.recipe)
    for name in zoo_names():
        card, known = load_model(name).card, names()
        if card.task == "beat" and card.recipe in known and (name, "") not in recipes:
            recipe = load_recipe(card.recipe)
            if recipe.corpus.labels == "aami":
                recipes[name, ""] = recipe
    return [
        {
            "system": system, "variant": variant, "numbers": len(side_names(recipe.input)),
            "ahead": recipe.input.ahead, "window": recipe.input.waveform,
            "dominant": _dominant(recipe),
        }
        for (system, variant), recipe in recipes.items()
    ]  # fmt: skip


def _dominant(recipe: Recipe) -> bool:
    how = recipe.augment
    return bool(how.get("premature")) or "dominant" in how.get("kinds", ())


def f1(row: Row | None, label: str, without: str = "") -> Row | None:
    """Return F1 of a class, of all records or without one; ``None`` where it was not judged."""
    if row is None:
        return None
    figures = row.get("without", {}).get(without) if without else row["figures"]
    entry = figures["classes"].get(label) if figures else None
    return entry["f1"] if entry else None


def figure_of(row: Row, name: str) -> float | None:
    """Return a figure of a row that systems are held to, ``None`` where it was not judged.

    Parameters
    ----------
    name : ``macro_f1`` or the like, or F1 by its class: ``S``, ``S without 232``.
    """
    entry = _entry(row, name)
    return float(entry["mean"]) if entry and entry.get("mean") is not None else None


def _entry(row: Row, name: str) -> Row | None:
    if name == "macro_sensitivity":
        found: Row | None = row.get(name)
    elif name in row["figures"]:
        found = row["figures"][name]
    else:
        label, _, without = name.partition(" without ")
        found = f1(row, label, without)
    return found


def difference(row: Row, other: Row, name: str) -> float | None:
    """Return how much larger a figure of a row is than another's, mean of the seeds both have.

    One seed less the mean of others would be the seeds' difference, too. ``None`` where no seed is
    common or one of the two was not judged.
    """
    values = []
    for one in (row, other):
        entry = _entry(one, name) or {}
        seeds = (r["seed"] for r in one["runs"])
        values.append(dict(zip(seeds, entry.get("seeds", ()), strict=False)))
    both = [(value, values[1].get(seed)) for seed, value in values[0].items()]
    apart = [a - b for a, b in both if a is not None and b is not None]
    return sum(apart) / len(apart) if apart else None


def without_control(found: Mapping[str, Any]) -> list[str]:
    """Return a note on the tables of networks that lack boosting on a network's own windows."""
    lacking = [
        key for key, table in found.items()
        if any(r["kind"] == "network" for r in table["systems"])
        and not any(r["name"] == _looks.CONTROL for r in table["systems"])
    ]  # fmt: skip
    if not lacking:
        return []
    where = ", ".join(lacking)
    return [f"{_looks.CONTROL}, the control: fitted where a network's run lies, not yet in {where}"]


def weights(row: Row, table: Row) -> list[dict[str, float]]:
    """Return the weights of an ensemble's members, a seed each; empty where they are not known.

    Of a row that was judged before weights were kept, and is of one seed, they are known by the
    validation macro F1 that stands beside each member.
    """
    if "weights" in row:
        return [dict(each) for each in row["weights"]]
    plain = {s["name"]: s for s in table["systems"] if s["kind"] == "network" and not s["variant"]}
    members = [plain[name] for name in row["members"] if name in plain]
    if len(members) < len(row["members"]) or any(len(m["runs"]) > 1 for m in (*members, row)):
        return []
    score = {m["name"]: m["validation_macro_f1"] for m in members}
    return [weights_of(score, row["name"].removeprefix("ensemble "))]
