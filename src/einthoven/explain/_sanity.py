"""Does an explanation depend on what the model has learnt? Destroy that, and look again.

After Adebayo et al. 2018 (Sanity checks for saliency maps): the numbers of a model's layers are
shuffled, from the top layer down or one layer alone, and each map is compared with the original by
rank. A method whose maps stay alike draws the ECG, not the model's reasons.

Ours are two choices. The numbers of a layer are shuffled instead of drawn anew, which keeps the
size of what flows through it; of trees the leaves are, and each number that they ask for is
exchanged for another. And likeness is told beyond chance, which is measured: two orders of seven
waves agree by accident (mean |rho| about .33), and so do two maps of a few columns however many
samples they are laid over, where two maps that know each sample do not. So the map after shuffling
is compared a second time, with its waves in any order or, of a map, begun anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle
from einthoven.evaluation.faithfulness import Floats, likeness, ranks, spearman
from einthoven.explain._case import Case
from einthoven.explain._model import BundleModel, Model
from einthoven.record.attribution import Attribution

GATE = 0.3
_SHORT = 12  # numbers, so many or fewer: parts without a place, which stand in any order
_OTHERS = 20  # other orders, or begins
# Nodes of a graph whose numbers are learnt; those of others are shapes, bounds and scales. Weights
# of half the length are cast first, those of eight bits scaled; trees of ours are tables.
_LEARNT = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "GRU", "LSTM", "BatchNormalization",
    "DequantizeLinear", "Cast", "Gather",
)  # fmt: skip
_TREES = "TreeEnsemble"
_REAL = (1, 3, 10, 11)  # ONNX's float, int8, float16 and double
_LEAVES = ("target_weights", "class_weights")
_SPLITS = "nodes_featureids"

Explain = Callable[[Model, Case, int], Attribution]
Item = tuple[Case, int]


def layers(model: Model) -> tuple[str, ...]:
    """Return the names of the layers that have learnt something, from the top down.

    Of a bundle the nodes of its graph, trees among them; of a network in torch the modules that
    own numbers, those registered last first. Empty where nothing can be shuffled.
    """
    if isinstance(model, BundleModel):
        return tuple(reversed(_nodes(model.bundle.stage_bytes(0))))
    if model.module is None:
        return ()
    owners = [
        name
        for name, module in model.module.named_modules()
        if any(p.numel() > 1 for p in module.parameters(recurse=False))
    ]
    return tuple(reversed(owners))


def _nodes(data: bytes) -> list[str]:
    import onnx

    graph = onnx.load_from_string(data).graph
    held = {tensor.name: tensor.data_type for tensor in graph.initializer}
    return [
        node.output[0]
        for node in graph.node
        if node.op_type.startswith(_TREES)
        or (node.op_type in _LEARNT and any(held.get(name) in _REAL for name in node.input))
    ]


@contextmanager
def shaken(model: Model, names: Sequence[str], seed: int) -> Iterator[Model]:
    """Lend the model with the numbers of some of its `layers` shuffled.

    A network in torch is shuffled where it stands and is as it was afterwards.
    """
    generator = np.random.default_rng(seed)
    if isinstance(model, BundleModel):
        yield BundleModel(_Shaken(model.bundle, names, generator))
        return
    assert model.module is not None
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    try:
        owners = dict(model.module.named_modules())
        for name in names:
            _shuffle(owners[name], generator)
        yield model
    finally:
        model.module.load_state_dict(before)


def _shuffle(module: Any, generator: np.random.Generator) -> None:
    """Shuffle what a module owns; columns of equal length, as of a batch norm, alike."""
    import torch

    orders: dict[int, Any] = {}
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    with torch.no_grad():
        for tensor in own:
            if tensor.numel() < 2 or not tensor.is_floating_point():
                continue
            order = torch.from_numpy(generator.permutation(tensor.numel()))
            if tensor.ndim == 1:
                order = orders.setdefault(len(tensor), order)
            tensor.copy_(tensor.reshape(-1)[order].reshape(tensor.shape))


class _Shaken(Bundle):
    """A bundle whose graph has been shuffled."""

    def __init__(self, bundle: Bundle, names: Sequence[str], generator: np.random.Generator):
        super().__init__(bundle.path)
        self._data = _shuffled(bundle.stage_bytes(0), set(names), generator)

    def stage_bytes(self, index: int) -> bytes:
        """Return the shuffled graph."""
        del index
        return self._data


def _shuffled(data: bytes, names: set[str], generator: np.random.Generator) -> bytes:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(data)
    held = {tensor.name: tensor for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.output[0] not in names:
            continue
        orders: dict[int, npt.NDArray[np.int64]] = {}
        for name in (n for n in node.input if n in held and held[n].data_type in _REAL):
            values = numpy_helper.to_array(held[name])
            if values.size < 2:
                continue
            order = generator.permutation(values.size)
            if values.ndim == 1:
                order = orders.setdefault(len(values), order)
            mixed = values.reshape(-1)[order].reshape(values.shape)
            held[name].CopyFrom(numpy_helper.from_array(mixed, name))
        for attribute in node.attribute:
            if attribute.name in _LEAVES:
                order = generator.permutation(len(attribute.floats))
                attribute.floats[:] = np.array(attribute.floats)[order].tolist()
            elif attribute.name == _SPLITS:
                # Trees have learnt whom to ask, too.
                other = generator.permutation(max(attribute.ints) + 1)
                attribute.ints[:] = other[np.array(attribute.ints)].tolist()
    found: bytes = graph.SerializeToString()
    return found


def told(found: Attribution, case: Case) -> Floats:
    """Return what an explanation says, as one row.

    Its numbers, where they are of the item's parts; else its map, and its numbers after it.
    """
    numbers = np.array(list(found.numbers.values()), np.float64)
    if found.values is None or not set(found.numbers) <= set(case.names):
        return numbers
    return np.concatenate([np.asarray(found.values, np.float64).ravel(), numbers])


def by_chance(before: Floats, after: Floats, generator: np.random.Generator) -> float:
    """Return the mean |rho| of a row with others that are made like another, and mean nothing.

    A few numbers are put into any order. A map begins anywhere and goes round: so it keeps how
    coarse it is, and whether all leads say the same.
    """
    one, other = ranks(before), ranks(after)
    if len(other) <= _SHORT:
        made = [generator.permutation(other) for _ in range(_OTHERS)]
    else:
        made = [np.roll(other, s) for s in generator.integers(1, len(other), _OTHERS).tolist()]
    return _mean([abs(spearman(one, row)) for row in made])


def beyond(rho: float, chance: float) -> float:
    """Return a mean |rho| on a scale from 0, where chance puts it, to 1, of equals."""
    return (rho - chance) / (1 - chance) if chance < 1 else float("nan")


@dataclass(frozen=True, kw_only=True)
class Sanity:
    """How alike explanations stay when what was learnt is destroyed.

    Attributes
    ----------
    signed, rectified : mean |rho| with the original, of maps as they are and of their absolute
        values, after all layers have been shuffled.
    chance : mean |rho| of signed maps by chance, see `by_chance`.
    items, draws : of how many items, each with how many shuffles.
    cascade, alone : mean |rho| of signed maps, after the layers from the top down to this one, and
        after this one alone, have been shuffled; by its name.
    """

    signed: float
    rectified: float
    chance: float
    items: int
    draws: int
    cascade: dict[str, float] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the signed maps stay no more alike than the gate allows, beyond chance.

        Where nothing could be compared, as every map was flat, the test is not passed.
        """
        return bool(beyond(self.signed, self.chance) <= GATE)


def sanity(
    explain: Explain, model: Model, items: Sequence[Item], *, draws: int = 3, steps: int = 0
) -> Sanity | None:
    """Return how a method stands the shuffling of a model's layers; None of one that has none.

    Parameters
    ----------
    items : cases, each with the index of the class explained.
    draws : shuffles of all layers, each of all items.
    steps : in so many steps of about as many layers the top is followed down, once; 0 for none.
    """
    found = layers(model)
    if not found:
        return None
    original = [told(explain(model, *item), item[0]) for item in items]
    whole = [_alike(explain, model, items, original, found, seed) for seed in range(draws)]
    signed, rectified, chance = (
        _mean([row[k] for draw in whole for row in draw]) for k in range(3)
    )  # fmt: skip
    cascade, alone = dict[str, float](), dict[str, float]()
    for part in np.array_split(np.arange(len(found)), min(steps, len(found)) or 1):
        if steps:
            last = found[part[-1]]
            above, here = found[: part[-1] + 1], [found[k] for k in part]
            for table, names in ((cascade, above), (alone, here)):
                rows = _alike(explain, model, items, original, names, seed=0)
                table[last] = _mean([row[0] for row in rows])
    return Sanity(
        signed=signed, rectified=rectified, items=len(items), draws=draws, cascade=cascade,
        alone=alone, chance=chance,
    )  # fmt: skip


def _alike(
    explain: Explain, model: Model, items: Sequence[Item], original: Sequence[Floats],
    names: Sequence[str], seed: int,
) -> list[tuple[float, float, float]]:  # fmt: skip
    """Return |rho| of signed and of rectified maps, and of signed ones by chance, for each item."""
    found, generator = [], np.random.default_rng(seed)
    with shaken(model, names, seed) as other:
        for item, before in zip(items, original, strict=True):
            after = told(explain(other, *item), item[0])
            alike = likeness(before, after)
            found.append(
                (abs(alike.signed), abs(alike.rectified), by_chance(before, after, generator))
            )
    return found


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")
