"""Explainer: one entry in the catalogue of ways to ask a model why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from einthoven.explain._case import Case
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution
from einthoven.record.errors import UsageError, nearest
from einthoven.record.registry import Registry

# What a method needs of a model: any that answers, or a network with gradients and, of it, maps
# before the head, attention, or contributions that are exact by construction; or trees.
_CORE = ("answers", "trees")  # need no torch
NEEDS = ("answers", "gradients", "maps", "attention", "contributions", "trees")


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """A way to explain one answer.

    Attributes
    ----------
    title, paper : what it is and where it comes from.
    needs : of `NEEDS`.
    explain : called with a model, a case and the index of the class to be explained.
    serves : called with a model; whether it has what is needed.
    drawn : of a method that draws at random, always alike: called with a seed, too, it draws
        otherwise; None where nothing is left to chance.
    """

    title: str
    paper: str
    needs: str
    explain: Callable[[Model, Case, int], Attribution]
    serves: Callable[[Model], bool] = lambda _: True
    drawn: Callable[[Model, Case, int, int], Attribution] | None = None


EXPLAINERS = Registry[Explainer]("explainer", "einthoven.explain")


def served(model: Model) -> tuple[str, ...]:
    """Return the names of the methods that can explain a model."""
    return tuple(name for name in EXPLAINERS.names() if EXPLAINERS[name].serves(model))


def chosen(model: Model, name: str) -> Explainer:
    """Return a method by name.

    Raises
    ------
    UsageError : it is not known, or cannot serve this model; those that can are named.
    """
    if name not in EXPLAINERS.names():
        raise UsageError("method", f"{name!r} is not known", nearest(name, EXPLAINERS.names()))
    entry = EXPLAINERS[name]
    if entry.needs not in _CORE and find_spec("torch") is None:
        mend = f"pip install 'einthoven[explain]', or use {', '.join(served(model))}"
        raise UsageError("method", f"{name!r} needs torch, which is not installed", mend)
    if not entry.serves(model):
        fault = f"{name!r} needs {entry.needs}, which {model.name!r} has not"
        raise UsageError("method", fault, f"Use {', '.join(served(model))}")
    return entry


def target_of(model: Model, name: str) -> int:
    """Return the index of a class by name.

    Raises
    ------
    UsageError : the model has no such class; those it has are listed.
    """
    if name not in model.classes:
        fault = f"{name!r} is no class of {model.name!r}"
        raise UsageError("target", fault, f"Its classes are {', '.join(model.classes)}")
    return model.classes.index(name)
