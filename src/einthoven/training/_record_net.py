"""A network with all that stands around it, so that whole windows go in wherever it is used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.training._sections import Crops

_MOST = 6.0  # SDs from the mean beyond which a side number tells nothing more

Floats = npt.NDArray[np.float32]


class RecordNet(nn.Module):
    """Scale the leads, take crops, ask the network, join its answers.

    What is exported is this module: who uses it needs to know neither the training side's scale
    nor the crops.

    Parameters
    ----------
    net : eats (record, lead, crop) and, where `side` is not 0, (record, side).
    leads, side : how many.
    time, crop : samples of a window, and of what `net` eats.
    crops : how crops slide and are joined.
    """

    def __init__(
        self, net: nn.Module, *, leads: int, side: int, time: int, crop: int, crops: Crops
    ) -> None:
        super().__init__()
        self.net, self.crop, self._join = net, crop, crops.join
        # Where beats lie is no measurement: a network that asks for it gets it as it is.
        self._places = int(getattr(net, "coordinates", 0))
        last, hop = max(0, time - crop), max(1, round(crops.hop * crop))
        # The last crop ends with the window, whatever the hop.
        self.starts = (*range(0, last, hop), last)
        self.register_buffer("scale", torch.ones(leads, 1))
        self.register_buffer("centre", torch.zeros(side))
        self.register_buffer("spread", torch.ones(side))

    def fit(self, window: Floats, side: Floats) -> None:
        """Take the scale of the training side: SD of each lead, mean and SD of each number."""
        if window.size:
            spread = window.astype(np.float64).std(axis=(0, 2))[:, None]
            self.scale.copy_(torch.from_numpy(np.where(spread > 0, spread, 1)))  # type: ignore[operator]
        if side.shape[1]:
            known = np.ma.masked_invalid(side.astype(np.float64))
            spread = known.std(axis=0).filled(1)
            self.centre.copy_(torch.from_numpy(known.mean(axis=0).filled(0)))  # type: ignore[operator]
            self.spread.copy_(torch.from_numpy(np.where(spread > 0, spread, 1)))  # type: ignore[operator]
            self.centre[: self._places], self.spread[: self._places] = 0, 1  # type: ignore[operator]

    def _scaled(self, window: torch.Tensor) -> torch.Tensor:
        return window / torch.as_tensor(self.scale)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return (record, class) logits.

        Parameters
        ----------
        window : (record, lead, time), or one crop of each record, (record, lead, crop).
        side : (record, number), NaN where not known.
        """
        window = self._scaled(window)
        extra: tuple[torch.Tensor, ...] = ()
        if side is not None and side.shape[1]:
            number = (side - torch.as_tensor(self.centre)) / torch.as_tensor(self.spread)
            known = torch.where(number.isnan(), torch.zeros_like(number), number)
            plain, scaled = known.tensor_split((self._places,), dim=1)
            extra = (torch.cat([plain, scaled.clamp(-_MOST, _MOST)], dim=1),)
        if window.shape[2] == self.crop:
            found: torch.Tensor = self.net(window, *extra)
            return found
        parts = [window[:, :, s : s + self.crop] for s in self.starts]
        many = tuple(e.repeat(len(parts), 1) for e in extra)
        each = self.net(torch.cat(parts), *many).unflatten(0, (len(parts), -1))
        joined: torch.Tensor = each.mean(0) if self._join == "mean" else each.amax(0)
        return joined

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return the network's last maps (record, channel, position) of the whole window."""
        maps: Callable[[torch.Tensor], torch.Tensor] = self.net.features  # type: ignore[assignment]
        return maps(self._scaled(window))

    def penalty(self) -> torch.Tensor | float:
        """Return what the network adds to the loss of its last forward."""
        own: Callable[[], torch.Tensor] | None = getattr(self.net, "penalty", None)
        return 0.0 if own is None else own()

    def tell(self, domain: torch.Tensor) -> None:
        """Tell a network that asks for it the domain of each record of the next batch."""
        if hasattr(self.net, "domain"):
            self.net.domain = domain
