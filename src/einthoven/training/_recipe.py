"""Recipe: one experiment in one TOML file, read into frozen dataclasses."""

from __future__ import annotations

import inspect
import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from einthoven.record.diagnosis import LABELS
from einthoven.record.errors import UsageError, nearest
from einthoven.record.inputspec import InputSpec
from einthoven.training._guide import Guide
from einthoven.training._objective import Objective
from einthoven.training._sections import (
    NONE,
    Arguments,
    CorpusPart,
    Crops,
    ModelPart,
    Optimiser,
    ProtocolPart,
    check_keys,
    one_of,
)

__all__ = [
    "FOLDER",
    "Optimiser",
    "Recipe",
    "check_arguments",
    "check_keys",
    "load_recipe",
    "names",
    "set_value",
    "to_toml",
]

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
TASKS = ("beat", "peaks", "waves", "diagnosis", "rhythm", "rr")

# What every architecture is built with, beside its own arguments; see `models.Entry`.
_SHAPE = ("leads", "time", "classes", "side")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One experiment.

    Attributes
    ----------
    name, title, paper : what it is called and whose experiment it is.
    task : ``beat``, ``peaks``, ``waves``, ``rhythm`` (one class a span), ``rr`` (the same from
        intervals alone), or ``diagnosis`` of whole records, any number of classes a record.
    published : the paper's figures, ``{metric: value}``.
    corpus, input, model, objective, optimiser, protocol, crop : see there.
    augment : keys for the trainer, which checks them.
    guide : of networks of beats, what guides them while they learn; nothing if not given.
    seeds : one run each.
    """

    name: str
    title: str
    task: str
    corpus: CorpusPart
    input: InputSpec
    model: ModelPart
    protocol: ProtocolPart
    paper: str = ""
    published: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    objective: Objective = field(default_factory=Objective)
    augment: Arguments = field(default_factory=lambda: NONE)
    optimiser: Optimiser = field(default_factory=Optimiser)
    crop: Crops = field(default_factory=Crops)
    seeds: tuple[int, ...] = (0,)
    guide: Guide | None = None

    def __post_init__(self) -> None:
        one_of("task", self.task, TASKS)
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if not self.seeds or not all(isinstance(s, int) and s >= 0 for s in self.seeds):
            raise UsageError("seeds", f"are {list(self.seeds)}", "Give whole numbers, e.g. [0, 1]")
        if self.guide is not None:
            if (self.task, self.model.library) != ("beat", "torch") or self.model.name == "wgan":
                fault = "is for networks that classify beats"
                raise UsageError("guide", fault, "Take the section out")
            self.guide.check(self.augment)
        whole = self.task == "diagnosis"
        if (self.corpus.labels in LABELS) != (whole or self.task == "rhythm"):
            fault = f"{self.corpus.labels!r} is no set of labels for the task {self.task}"
            mend = "Give a map of beats, or task diagnosis"
            if self.corpus.labels not in LABELS:
                mend = "Give a set of diagnoses"
            raise UsageError("corpus.labels", fault, mend)
        if whole and self.model.library == "torch" and not self.objective.many:
            fault = f"{self.objective.name} knows one class a record, and a record may have several"
            raise UsageError("objective.name", fault, "Give binary-cross-entropy")
        if not whole:
            # What only whole records have would be passed over in silence.
            strange = {
                "objective.name": self.objective.many,
                "corpus.others": self.corpus.others and self.task != "rr",
                "crop.seconds": self.crop.seconds, "protocol.part": self.protocol.part,
            }  # fmt: skip
            for where in (name for name, given in strange.items() if given):
                raise UsageError(
                    where, "is for whole records", "Take it out, or give task diagnosis"
                )
            own = [f.name for f in fields(ProtocolPart) if f.name != "arguments"]
            check_keys("protocol", self.protocol.arguments, own)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as TOML can hold it; `from_dict` reads it back."""
        values = _plain(self)
        for name in (n for n in _PARTS if n in values):
            part = _plain(values[name])
            values[name] = part | part.pop("arguments", {})
        return json.loads(json.dumps(values))  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Build from tables as TOML gives them; an unknown key is refused by name.

        Raises
        ------
        UsageError : a key is unknown or missing, or a value impossible.
        """
        check_keys("recipe", values, (f.name for f in fields(cls)))
        known = dict(values)
        for name, part in _PARTS.items():
            if name in known:
                known[name] = _build(part, name, _table(name, known[name]))
        for name in ("augment", "published"):
            if name in known:
                known[name] = MappingProxyType(dict(_table(name, known[name])))
        return _build(cls, "recipe", known)


_PARTS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "corpus": CorpusPart, "input": InputSpec, "model": ModelPart, "objective": Objective,
        "optimiser": Optimiser, "protocol": ProtocolPart, "crop": Crops, "guide": Guide,
    }
)  # fmt: skip


def _plain(part: Any) -> dict[str, Any]:
    """Return the fields of a part; those that are None, for they are not used, are left out."""
    found = {f.name: getattr(part, f.name) for f in fields(part)}
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in found.items() if v is not None}


def _table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(where, f"is {value!r}", f"Give a table, [{where}]")
    return value


def _build(part: type[T], where: str, values: Mapping[str, Any]) -> T:
    known = list(fields(part))  # type: ignore[arg-type]
    names = [f.name for f in known]
    if "arguments" in names:
        names.remove("arguments")
        rest = {k: v for k, v in values.items() if k not in names}
        values = {k: v for k, v in values.items() if k in names}
        values["arguments"] = MappingProxyType(rest)
    else:
        check_keys(where, values, names)
    for f in known:
        kind = str(f.type).removesuffix(" | None")
        if f.name in values and _wrong(kind, values[f.name]):
            raise _of_kind(f"{where}.{f.name}", kind, values[f.name])
    try:
        return part(**values)
    except TypeError as fault:
        missing = str(fault).rpartition("argument")[2].lstrip("s: ")
        raise UsageError(where, f"lacks {missing or fault}", "Add the key") from fault


def _wrong(kind: str, value: Any) -> bool:
    """Return whether a TOML value cannot be of the annotated type."""
    if kind in ("str", "bool"):
        return type(value).__name__ != kind
    if kind == "int":
        return type(value) is not int
    if kind == "float":
        return type(value) not in (int, float)
    if kind.startswith(("tuple", "Sequence")):
        return not isinstance(value, (list, tuple))
    return False


def _of_kind(where: str, kind: str, value: Any) -> UsageError:
    """Return what refuses a value of another type; a number may be meant as text: site 0."""
    number = kind == "str" and type(value) in (int, float)
    mend = f"Give text, in quotes: '{where}=\"{value}\"'" if number else f"Give {kind}"
    return UsageError(where, f"is {value!r}", mend)


def check_arguments(where: str, build: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse what no architecture can be built with; the architecture checks the rest.

    Parameters
    ----------
    where : the section.
    build : of `models.Entry`.
    given : its own arguments.

    Raises
    ------
    UsageError : one is not known, of another type, below 0, or a share of dropout above 1.
    """
    known = {k: p for k, p in inspect.signature(build).parameters.items() if k not in _SHAPE}
    check_keys(where, given, known)
    for key, value in given.items():
        kind, top = str(known[key].annotation), 1.0 if key == "dropout" else math.inf
        if _wrong(kind, value):
            raise _of_kind(f"{where}.{key}", kind, value)
        if kind in ("int", "float") and not 0 <= value <= top:
            mend = "Give 0 to 1" if key == "dropout" else "Give 0 or more"
            raise UsageError(f"{where}.{key}", f"is {value}", mend)


def set_value(values: dict[str, Any], assignment: str) -> None:
    """Apply ``section.key=value`` to the tables of a recipe, in place; the value is TOML.

    Text that is no TOML value is taken as a string, so that ``name=x`` needs no quotes.

    Raises
    ------
    UsageError : it is no assignment, or what it names is no table.
    """
    path, equals, text = assignment.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise UsageError("--set", f"{assignment!r} is no assignment", "Give section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = values
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise UsageError("--set", f"{path.strip()!r} is no table", "Give section.key=value")
    table[keys[-1]] = value


def names() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))


def load_recipe(name_or_path: str, assignments: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name, or from a TOML file, with ``section.key=value`` changes applied.

    Raises
    ------
    UsageError : no such recipe, no TOML, or a key or value that is refused.
    """
    path = Path(name_or_path)
    if name_or_path in names():
        path = FOLDER / f"{name_or_path}.toml"
    elif not (path.suffix == ".toml" and path.is_file()):
        raise UsageError(f"recipe {name_or_path!r}", "is not known", nearest(name_or_path, names()))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UsageError(path, f"is no TOML ({fault})", "Mend the file") from fault
    values.setdefault("name", path.stem)
    for assignment in assignments:
        set_value(values, assignment)
    return Recipe.from_dict(values)


def to_toml(recipe: Recipe) -> str:
    """Return the recipe as resolved, every default written out."""
    values = recipe.to_dict()
    top = [f"{k} = {_toml(v)}" for k, v in values.items() if not isinstance(v, dict)]
    for name, table in values.items():
        if isinstance(table, dict):
            top += ["", f"[{name}]", *(f"{k} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(top) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    # A TOML basic string, a boolean and a number are spelt as in JSON.
    return json.dumps(value, ensure_ascii=False)
