"""Which windows are drawn in an epoch: a function of seed and epoch alone, so a run can resume."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler


class Windows(Dataset[tuple[torch.Tensor, ...]]):
    """Windows, side numbers, labels and `more` in memory, handed out a batch at a time."""

    def __init__(
        self,
        window: npt.NDArray[np.float32],
        side: npt.NDArray[np.float32],
        label: npt.NDArray[np.int64],
        more: tuple[torch.Tensor, ...] = (),
    ) -> None:
        self.window, self.side = torch.from_numpy(window), torch.from_numpy(side)
        self.label, self.more = torch.from_numpy(label), more

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        more = (column[rows] for column in self.more)
        return self.window[rows], self.side[rows], self.label[rows], *more


class Draws(Sampler[torch.Tensor]):
    """Gives the rows of each batch of an epoch.

    Parameters
    ----------
    label : (beat,) of the training side.
    balance : 0 gives every beat once; above, beats of a class of n have weight n ** -balance.
    beats : drawn in an epoch; 0 for as many as there are.
    batch : rows a batch.
    seed : with the epoch, all there is of chance.
    rank, world : this process and how many share the epoch.
    """

    def __init__(
        self, label: npt.NDArray[np.int64], *, balance: float, beats: int, batch: int, seed: int,
        rank: int = 0, world: int = 1,
    ) -> None:  # fmt: skip
        counts = np.bincount(label).astype(float)
        weight = counts[label] ** -balance
        self._share = weight / weight.sum()
        self._all = balance == 0 and not beats
        self._beats = beats or len(label)
        self._batch, self._seed, self._rank, self._world = batch, seed, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Take the epoch; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        # A last batch of a few windows would give the normalisation few numbers; it is dropped.
        return max(1, self._beats // (self._batch * self._world))

    def __iter__(self) -> Iterator[torch.Tensor]:
        draw = np.random.default_rng((self._seed, self.epoch))
        if self._all:
            rows = draw.permutation(self._beats)
        else:
            rows = draw.choice(len(self._share), self._beats, p=self._share)
        rows = rows[self._rank :: self._world]
        for start in range(0, len(self) * self._batch, self._batch):
            yield torch.from_numpy(rows[start : start + self._batch].astype(np.int64))
