"""Recipe: one experiment in one TOML file, read into frozen dataclasses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from einthoven.record.errors import UsageError, nearest
from einthoven.record.inputspec import InputSpec
from einthoven.record.vocabulary import CLASSES
from einthoven.training._objective import Objective

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
LIBRARIES = ("torch", "sklearn", "numpy")
TASKS = ("beat", "peaks", "waves")
WHOSE_PEAKS = ("reference", "engine")

Arguments = Mapping[str, Any]
_NONE: Arguments = MappingProxyType({})
T = TypeVar("T")


def check_keys(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse the first of the `given` keys that is not `known`, and name the nearest."""
    choices = tuple(known)
    for key in given:
        if key not in choices:
            raise UsageError(where, f"key {key!r} is not known", nearest(key, choices))


def _one_of(where: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(where, f"{value!r} is not known", nearest(str(value), known))


def _at_least(where: str, value: float, least: float) -> None:
    if not value >= least:
        raise UsageError(where, f"is {value}", f"Give {least} or more")


@dataclass(frozen=True, kw_only=True)
class CorpusPart:
    """Which beats there are.

    Attributes
    ----------
    name : in the catalogue of corpora.
    labels : the map from WFDB symbols to classes, see `record.vocabulary.MAPS`.
    classes : those that are learnt and judged; all of the map's if not given. Beats of another
        class are left out of every side, and counted.
    peaks : where windows are cut, at the ``reference`` beats or at the ``engine``'s own R peaks.
    leads : names of leads for trainers that eat several; nets take theirs from ``input.leads``.
    """

    name: str
    labels: str
    classes: tuple[str, ...] = ()
    peaks: str = "reference"
    leads: tuple[str, ...] = ("one",)

    def __post_init__(self) -> None:
        _one_of("corpus.labels", self.labels, tuple(CLASSES))
        _one_of("corpus.peaks", self.peaks, WHOSE_PEAKS)
        object.__setattr__(self, "classes", tuple(self.classes) or CLASSES[self.labels])
        object.__setattr__(self, "leads", tuple(self.leads))
        for name in self.classes:
            _one_of("corpus.classes", name, CLASSES[self.labels])


@dataclass(frozen=True, kw_only=True)
class ModelPart:
    """What is trained.

    Attributes
    ----------
    name : of the architecture.
    library : ``torch`` (a network of `models.MODELS`), ``sklearn`` (trees) or ``numpy``.
    arguments : all other keys of the section; the trainer checks them.
    """

    name: str
    library: str = "torch"
    arguments: Arguments = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        _one_of("model.library", self.library, LIBRARIES)


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How it is minimised.

    Attributes
    ----------
    name : ``adam`` or ``adamw``.
    epochs : at most so many passes.
    batch : windows a step, on each device.
    learning_rate : the largest.
    weight_decay : of ``adamw``.
    schedule : ``one-cycle`` (a third up, then cosine down), ``cosine`` or ``constant``.
    beats : windows drawn in an epoch; 0 for as many as the training side has.
    patience : epochs without a better validation score before training stops; 0 never stops.
    monitor : the validation score, ``macro_f1`` (the larger the better) or ``loss``.
    keep : the weights that are the result, those of the ``best`` epoch by `monitor`, or the
        ``last``.
    devices : processes that train together (gloo); each takes its share of every epoch.
    threads : of the processor, each process. The same bits come back with 1 only.
    """

    name: str = "adamw"
    epochs: int = 10
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "one-cycle"
    beats: int = 0
    patience: int = 0
    monitor: str = "macro_f1"
    keep: str = "best"
    devices: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        _one_of("optimiser.name", self.name, ("adam", "adamw"))
        _one_of("optimiser.schedule", self.schedule, ("one-cycle", "cosine", "constant"))
        _one_of("optimiser.monitor", self.monitor, ("macro_f1", "loss"))
        _one_of("optimiser.keep", self.keep, ("best", "last"))
        for key in ("epochs", "batch", "devices", "threads"):
            _at_least(f"optimiser.{key}", getattr(self, key), 1)
        for key in ("weight_decay", "beats", "patience"):
            _at_least(f"optimiser.{key}", getattr(self, key), 0)
        if not self.learning_rate > 0:
            raise UsageError("optimiser.learning_rate", f"is {self.learning_rate}", "Give over 0")


@dataclass(frozen=True, kw_only=True)
class ProtocolPart:
    """Who is tested on whom.

    Attributes
    ----------
    name : in the catalogue of protocols.
    strict : leave out the training subjects that the published split also tests.
    train, validation, test : names of records, where the protocol takes them; the corpus's
        published lists if not given. `validation` is taken out of `train`.
    """

    name: str
    strict: bool = False
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("train", "validation", "test"):
            object.__setattr__(self, key, tuple(str(r) for r in getattr(self, key)))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One experiment.

    Attributes
    ----------
    name, title, paper : what it is called and whose experiment it is.
    task : ``beat``, ``peaks`` or ``waves``.
    published : the paper's figures, ``{metric: value}``.
    corpus, input, model, objective, optimiser, protocol : see there.
    augment : keys for the trainer, which checks them.
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
    augment: Arguments = field(default_factory=lambda: _NONE)
    optimiser: Optimiser = field(default_factory=Optimiser)
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        _one_of("task", self.task, TASKS)
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if not self.seeds or not all(isinstance(s, int) and s >= 0 for s in self.seeds):
            raise UsageError("seeds", f"are {list(self.seeds)}", "Give whole numbers, e.g. [0, 1]")

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as TOML can hold it; `from_dict` reads it back."""
        values = _plain(self)
        for name in _PARTS:
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
        "optimiser": Optimiser, "protocol": ProtocolPart,
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
    if part is ModelPart:
        names.remove("arguments")
        rest = {k: v for k, v in values.items() if k not in names}
        values = {k: v for k, v in values.items() if k in names}
        values["arguments"] = MappingProxyType(rest)
    else:
        check_keys(where, values, names)
    for f in known:
        kind = str(f.type).removesuffix(" | None")
        if f.name in values and _wrong(kind, values[f.name]):
            raise UsageError(f"{where}.{f.name}", f"is {values[f.name]!r}", f"Give {kind}")
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
    if kind.startswith("tuple"):
        return not isinstance(value, (list, tuple))
    return False


def set_value(values: dict[str, Any], assignment: str) -> None:
    """Apply ``section.key=value`` to the tables of a recipe, in place; the value is TOML.

    Text that is no TOML value is taken as a string, so that ``name=x`` needs no quotes.
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
