"""What guides a network while it learns: masks for its Grad-CAM, a second head, a teacher.

None of it is in the network that is kept. The rule of the masks is in `_guide`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from einthoven.corpora import open_corpus
from einthoven.models._layers import head, join, standardiser
from einthoven.record.errors import DataError, LeakError, UsageError
from einthoven.store import Store, open_store
from einthoven.training import _run
from einthoven.training._batches import Windows
from einthoven.training._guide import Guide, masks, r_peaks
from einthoven.training._nets import Data, load, logits, prepare
from einthoven.training._objective import distilled
from einthoven.training._recipe import Recipe, load_recipe
from einthoven.training._synthetic import check_split

_HIDDEN = 64  # of the second head; ours
_TINY = 1e-8


def grad_cam(logits: torch.Tensor, maps: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return (batch, position) Grad-CAM of the class `label`, itself differentiable.

    Selvaraju et al., arXiv:1610.02391 (2017): each map weighted by the mean over positions of the
    logit's slope by it, added, and what is below 0 set to 0.

    Parameters
    ----------
    logits : (batch, class).
    maps : (batch, channel, position) that the logits were made of.
    label : (batch,).
    """
    score = logits.gather(1, label[:, None]).sum()
    (slope,) = torch.autograd.grad(score, maps, create_graph=True)
    return functional.relu((slope.mean(dim=2, keepdim=True) * maps).sum(dim=1))


def ncc(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return (batch,) the normalised cross-correlation of rows, -1 to 1; 0 where one is flat."""
    a, b = (x.float() - x.float().mean(dim=1, keepdim=True) for x in (one, other))
    return (a * b).sum(dim=1) / ((a * a).sum(dim=1) * (b * b).sum(dim=1) + _TINY).sqrt()


@contextmanager
def watched(net: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Give a list that fills with the maps (batch, channel, position) of each forward within."""
    seen: list[torch.Tensor] = []
    plain = cast(Callable[[torch.Tensor], torch.Tensor], net.features)

    def features(window: torch.Tensor) -> torch.Tensor:
        found = plain(window)
        seen.append(found)
        return found

    net.features = features  # type: ignore[assignment]
    try:
        yield seen
    finally:
        del net.features


class Guidance(nn.Module):
    """What is added to the loss of a batch, and the columns of the training side that it needs.

    Parameters
    ----------
    guide : its weights.
    columns : for each beat of the training side mask (beat, time), side numbers (beat, number) and
        the teacher's logits (beat, class); none wide where not used.
    width, classes : maps before the head; classes.
    teacher_weight, temperature : of the distance to the teacher.
    """

    def __init__(
        self, guide: Guide, columns: tuple[torch.Tensor, ...], width: int, classes: int, *,
        teacher_weight: float = 0.0, temperature: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.columns, self._guide = columns, guide
        self._teacher_weight, self._temperature = teacher_weight, temperature
        numbers = columns[1].shape[1]
        self.scale = standardiser(numbers)
        self.head = head(width + numbers, _HIDDEN, classes, 0.0) if guide.head else None

    def forward(
        self, logits: torch.Tensor, maps: torch.Tensor, label: torch.Tensor,
        more: tuple[torch.Tensor, ...],
    ) -> torch.Tensor:  # fmt: skip
        """Return what is added to the loss.

        Parameters
        ----------
        logits, maps : of the network, (batch, class) and (batch, channel, position).
        label : (batch,).
        more : the batch's rows of `columns`.
        """
        mask, side, teacher = more
        total = logits.new_zeros(())
        if self._guide.weight:
            total = total + self._guide.weight * self._astray(logits, maps, label, mask)
        if self.head is not None:
            heard = self.head(join(maps.mean(dim=2), self.scale, side))
            total = total + self._guide.head * functional.cross_entropy(heard, label)
        if self._teacher_weight:
            away = distilled(logits, teacher, self._temperature)
            total = total + self._teacher_weight * away
        return total

    def _astray(
        self, logits: torch.Tensor, maps: torch.Tensor, label: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean of 1 - NCC over the beats that are answered right and have a mask."""
        cam = grad_cam(logits, maps, label)
        wanted = functional.adaptive_avg_pool1d(mask[:, None], cam.shape[1])[:, 0]
        counted = ((logits.argmax(dim=1) == label) & (wanted.amax(dim=1) > 0)).float()
        return ((1 - ncc(cam, wanted)) * counted).sum() / counted.sum().clamp(min=1)


def guidance(recipe: Recipe, data: Data, net: nn.Module) -> Guidance | None:
    """Return what guides a network as its recipe asks, or None where it asks for nothing.

    Raises
    ------
    UsageError : the recipe's parts do not go together, or the teacher is of another kind.
    DataError, LeakError : the teacher is no finished run, or learnt on another split.
    """
    guide, o = recipe.guide or Guide(), recipe.objective
    teacher = o.teacher if o.name == "distillation" and o.teacher_weight else None
    if not (guide.weight or guide.head or teacher is not None):
        return None
    rows, store = data.split.training.rows, data.store
    none: npt.NDArray[np.float32] = np.zeros((len(rows), 0), np.float32)
    mask = side = said = none
    if guide.weight:
        mask = masks_of(recipe, data, rows)
    if guide.head:
        side = _numbers(recipe, guide, store)[rows]
    if teacher is not None:
        said = taught(recipe, Path(teacher), data)
    width = _width(recipe, data.windows(rows[:2]), net)
    columns = tuple(torch.from_numpy(np.ascontiguousarray(c)) for c in (mask, side, said))
    return Guidance(
        guide, columns, width, len(recipe.corpus.classes),
        teacher_weight=(o.teacher_weight or 0.0) if teacher is not None else 0.0,
        temperature=o.temperature or 1.0,
    )  # fmt: skip


def _width(recipe: Recipe, windows: Windows, net: nn.Module) -> int:
    """Return the channels of the maps that a network answers through."""
    with torch.no_grad(), watched(net.eval()) as maps:
        net(windows.window, windows.side) if windows.side.shape[1] else net(windows.window)
    net.train()
    if not maps:
        fault = f"{recipe.model.name!r} does not answer through its last maps"
        raise UsageError("guide", fault, "Take the section out, or choose another model")
    return int(maps[-1].shape[1])


def masks_of(recipe: Recipe, data: Data, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return (row, time) where a network that knew each beat's class should look."""
    corpus, store = open_corpus(recipe.corpus.name), data.store
    rates = np.array([corpus.open(name).rate for name in store.records])
    record = store.record_index.astype(np.int64)
    place, unusual = r_peaks(record, store.sample / rates[record])
    return masks(
        data.split.beats.label[rows], recipe.corpus.classes, place[rows], unusual[rows],
        window=recipe.input.window, rate=recipe.input.rate,
    )  # fmt: skip


def _numbers(recipe: Recipe, guide: Guide, store: Store) -> npt.NDArray[np.float32]:
    """Return (beat, number) what the second head hears, in the order of the `store`."""
    r = guide.reach
    spec = replace(
        recipe.input,
        leads=recipe.input.leads[:1],
        waveform=False,
        side=guide.side,
        hop=r,
        back=r,
        ahead=r,
        neighbours=(0, 0),
    )
    heard = open_store(open_corpus(recipe.corpus.name), spec, peaks=recipe.corpus.peaks)
    assert np.array_equal(heard.sample, store.sample), "two stores of the same beats differ"
    return np.asarray(heard.side)


def taught(recipe: Recipe, folder: Path, data: Data) -> npt.NDArray[np.float32]:
    """Return (beat, class) logits of a teacher on the training side, on which it was taught, too.

    The teacher eats what its own recipe says, so it may hear numbers that the network does not.
    Where the folder holds ``seed-N`` for the seed, that one is taken.

    Raises
    ------
    DataError : the folder holds no finished run.
    UsageError : it knows other beats or classes.
    LeakError : it learnt on another split.
    """
    for key in (k for k in ("premature", "synthetic") if recipe.augment.get(k)):
        fault = "makes beats that the teacher was not asked about"
        raise UsageError(f"augment.{key}", fault, "Take one of the two out")
    seed = recipe.seeds[0]
    folder = folder / f"seed-{seed}" if (folder / f"seed-{seed}").is_dir() else folder
    if not (folder / _run.WEIGHTS).is_file():
        where = "objective.teacher" if folder == Path() else folder
        raise DataError(where, "holds no finished run", "Train the teacher first")
    theirs = load_recipe(str(folder / "recipe.toml"))
    for key in ("name", "labels", "classes", "peaks"):
        here, there = getattr(recipe.corpus, key), getattr(theirs.corpus, key)
        if here != there:
            fault = f"the teacher has corpus.{key} = {there!r}, this recipe {here!r}"
            raise UsageError(folder, fault, "Train a teacher with the same [corpus]")
    check_split(folder, data.split, "teacher")
    known, rows = prepare(theirs, theirs.seeds[0]), data.split.training.rows
    if not np.array_equal(known.split.training.rows, rows):
        raise LeakError(folder, "the teacher's beats stand elsewhere", "Train the teacher again")
    return logits(load(theirs, folder), known.windows(rows))
