"""The sections of a recipe: frozen values that refuse what they do not know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from einthoven.record.diagnosis import LABELS
from einthoven.record.errors import UsageError, nearest
from einthoven.record.vocabulary import CLASSES

LIBRARIES = ("torch", "sklearn", "numpy")
WHOSE_PEAKS = ("reference", "engine")
DOMAINS = ("corpus", "device", "site")

Arguments = Mapping[str, Any]
NONE: Arguments = MappingProxyType({})


def check_keys(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse the first of the `given` keys that is not `known`, and name the nearest.

    Raises
    ------
    UsageError : one is not known.
    """
    choices = tuple(known)
    for key in given:
        if key not in choices:
            raise UsageError(where, f"key {key!r} is not known", nearest(key, choices))


def one_of(where: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(where, f"{value!r} is not known", nearest(str(value), known))


def _at_least(where: str, value: float, least: float) -> None:
    if not value >= least:
        raise UsageError(where, f"is {value}", f"Give {least} or more")


@dataclass(frozen=True, kw_only=True)
class CorpusPart:
    """Which beats, or which whole records, there are.

    Attributes
    ----------
    name : in the catalogue of corpora.
    labels : the map from WFDB symbols to classes, see `record.vocabulary.MAPS`; or the set of
        diagnoses, see `record.diagnosis.LABELS`.
    classes : those that are learnt and judged; all of the map's if not given. Beats of another
        class are left out of every side, and counted.
    peaks : where windows are cut, at the ``reference`` beats or at the ``engine``'s own R peaks.
    leads : names of leads for trainers that eat several; nets take theirs from ``input.leads``.
    others : of whole records, further corpora that are pooled with the first.
    domain : of whole records, what makes a domain: the ``corpus`` it is of, or within a corpus
        the ``device`` or the ``site`` that its metadata name.
    """

    name: str
    labels: str
    classes: tuple[str, ...] = ()
    peaks: str = "reference"
    leads: tuple[str, ...] = ("one",)
    others: tuple[str, ...] = ()
    domain: str = "corpus"

    def __post_init__(self) -> None:
        one_of("corpus.labels", self.labels, (*CLASSES, *LABELS))
        known = CLASSES[self.labels] if self.labels in CLASSES else LABELS[self.labels]
        one_of("corpus.peaks", self.peaks, WHOSE_PEAKS)
        one_of("corpus.domain", self.domain, DOMAINS)
        object.__setattr__(self, "classes", tuple(self.classes) or tuple(known))
        object.__setattr__(self, "leads", tuple(self.leads))
        object.__setattr__(self, "others", tuple(self.others))
        for name in self.classes:
            one_of("corpus.classes", name, known)
            if self.classes.count(name) > 1:
                raise UsageError("corpus.classes", f"has {name} twice", "Name each once")
        if self.labels in CLASSES and len(self.classes) < 2:
            fault = f"has {self.classes[0]} alone, which nothing is told from"
            raise UsageError("corpus.classes", fault, "Name two or more")


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
    arguments: Arguments = field(default_factory=lambda: NONE)

    def __post_init__(self) -> None:
        one_of("model.library", self.library, LIBRARIES)


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
    monitor : the validation score, ``macro_f1`` (the larger the better), ``loss``, or of whole
        records ``macro_auroc``.
    keep : the weights that are the result, those of the ``best`` epoch by `monitor`, or the
        ``last``.
    devices : processes that train together (gloo); each takes its share of every epoch.
    threads : of the processor, each process. The same bits come back with 1 only.
    device : ``cpu`` or ``cuda``.
    precision : ``float32``, or ``bfloat16`` for what loses nothing by it.
    compile : whether the network is compiled first; it pays on a GPU.
    average : what is kept of the running mean of the weights at each step, e.g. 0.99; the mean is
        then judged and kept. 0 for the weights as they are.
    clip : the largest norm of a gradient; 0 for any.
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
    device: str = "cpu"
    precision: str = "float32"
    compile: bool = False
    average: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        one_of("optimiser.name", self.name, ("adam", "adamw"))
        one_of("optimiser.schedule", self.schedule, ("one-cycle", "cosine", "constant"))
        one_of("optimiser.monitor", self.monitor, ("macro_f1", "loss", "macro_auroc"))
        one_of("optimiser.keep", self.keep, ("best", "last"))
        one_of("optimiser.device", self.device, ("cpu", "cuda"))
        one_of("optimiser.precision", self.precision, ("float32", "bfloat16"))
        for key in ("epochs", "batch", "devices", "threads"):
            _at_least(f"optimiser.{key}", getattr(self, key), 1)
        for key in ("weight_decay", "beats", "patience", "clip"):
            _at_least(f"optimiser.{key}", getattr(self, key), 0)
        if not self.learning_rate > 0:
            raise UsageError("optimiser.learning_rate", f"is {self.learning_rate}", "Give over 0")
        if not 0 <= self.average < 1:
            raise UsageError("optimiser.average", f"is {self.average}", "Give 0 to below 1")


@dataclass(frozen=True, kw_only=True)
class ProtocolPart:
    """Who is tested on whom.

    Attributes
    ----------
    name : in the catalogue of protocols.
    strict : leave out the training subjects that the published split also tests.
    train, validation, test : names of records, where the protocol takes them; the corpus's
        published lists if not given. `validation` is taken out of `train`.
    part : of whole records, which of the splits that the protocol makes is trained, as the split
        calls itself; needed where it makes several.
    arguments : of whole records, all other keys of the section; the protocol checks them.
    """

    name: str
    strict: bool = False
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    part: str = ""
    arguments: Arguments = field(default_factory=lambda: NONE)

    def __post_init__(self) -> None:
        for key in ("train", "validation", "test"):
            object.__setattr__(self, key, tuple(str(r) for r in getattr(self, key)))


@dataclass(frozen=True, kw_only=True)
class Crops:
    """What of a window the network sees at once.

    Attributes
    ----------
    seconds : length of a crop, taken anywhere in training; 0 for the whole window.
    hop : share of a crop by which it slides in use.
    join : how the answers to the crops of a window become one, ``mean`` or ``max`` of the logits.
    """

    seconds: float = 0.0
    hop: float = 0.5
    join: str = "mean"

    def __post_init__(self) -> None:
        _at_least("crop.seconds", self.seconds, 0)
        one_of("crop.join", self.join, ("mean", "max"))
        if not 0 < self.hop <= 1:
            raise UsageError("crop.hop", f"is {self.hop}", "Give over 0, to 1")
