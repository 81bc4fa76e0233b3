"""A beat as three small pictures: angular field, recurrence plot and transition field.

Ahmad et al., heartbeats classified by multimodal image fusion, arXiv:2105.13536 (2021), and its
sequel, "ECG Heartbeat Classification Using Multimodal Fusion", IEEE Access 2021. The pictures: Wang
and Oates, "Imaging Time-Series to Improve Classification and Imputation", IJCAI 2015 (GAF, MTF);
Eckmann, Kamphorst, Ruelle, "Recurrence Plots of Dynamical Systems", 1987 (RP, here the distances
themselves, without a threshold).

Differs from the paper: AlexNet, some sixty million numbers, is replaced by a small network of our
own (24 k); the pictures, stacked as channels as in the paper's image fusion, are computed inside
the network from the beat. A transition field counts, so no gradient comes back through it.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models._layers import head, join, sequence, standardiser
from einthoven.record.errors import UsageError

_PAPER = "Ahmad et al. 2021, multimodal fusion, arXiv:2105.13536"
_WIDTHS = (16, 32, 64)
_GRID = 1024.0  # steps a unit of the window, to which its values are rounded
_BOUND = 16384.0  # steps beyond which a value is held, 16 units


def angular(series: torch.Tensor) -> torch.Tensor:
    """Return the Gramian angular summation field (..., time, time) of `series` (..., time).

    The cosine of the sum of two angles, where the cosine of an angle is the value: cos(a + b) of
    values in [-1, 1].
    """
    # At 1 the root has no slope; what is added is far below a float's last digit of the product.
    sine = torch.sqrt((1 - series * series).clamp(min=1e-12))
    outer = series.unsqueeze(-1) * series.unsqueeze(-2)
    return outer - sine.unsqueeze(-1) * sine.unsqueeze(-2)


def recurrence(series: torch.Tensor) -> torch.Tensor:
    """Return the distances (..., time, time) of all pairs of values of `series` (..., time)."""
    return (series.unsqueeze(-1) - series.unsqueeze(-2)).abs()


def transition(series: torch.Tensor, bins: int) -> torch.Tensor:
    """Return the Markov transition field (..., time, time) of `series` (..., time).

    Values fall into `bins` of equal count, equal values into the same; the cell (i, j) is the
    share of steps out of the bin of value i that lead into the bin of value j.
    """
    count = series.shape[-1]
    rank = (series.unsqueeze(-1) > series.unsqueeze(-2)).to(torch.float32).sum(dim=-1)
    place = torch.floor(rank * bins / count)
    member = (place.unsqueeze(-1) == torch.arange(bins, dtype=torch.float32)).to(torch.float32)
    steps = member[..., :-1, :].transpose(-1, -2) @ member[..., 1:, :]
    share = steps / steps.sum(dim=-1, keepdim=True).clamp(min=1.0)
    return member @ share @ member.transpose(-1, -2)


class Pictures(nn.Module):
    """Windows (batch, lead, time) to pictures (batch, 3 x lead, size, size).

    Parameters
    ----------
    time : samples of a window.
    size : of a picture; the window becomes as many means.
    bins : of the transition field.
    """

    sums: torch.Tensor
    share: torch.Tensor

    def __init__(self, time: int, size: int, bins: int) -> None:
        super().__init__()
        cell = torch.arange(time) * size // time
        sums = (cell.unsqueeze(1) == torch.arange(size)).to(torch.float32)
        self.register_buffer("sums", sums, persistent=False)
        self.register_buffer("share", 1 / sums.sum(dim=0), persistent=False)
        self._bins = bins

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """Return, for each lead, angular field, recurrence plot and transition field."""
        # Equal values share a bin, and near 1 the angle's slope has no bound: every runtime must
        # have the same bits. Sums of whole numbers below 2 ** 24 have, in whatever order.
        whole = torch.round(window.detach() * _GRID).clamp(-_BOUND, _BOUND)
        slope = window @ self.sums * self.share  # for gradients; what is added is 0
        means = whole @ self.sums * self.share / _GRID + (slope - slope.detach())
        low = means.amin(dim=-1, keepdim=True)
        span = (means.amax(dim=-1, keepdim=True) - low).clamp(min=1e-6)
        within = (means - low) / span * 2 - 1
        pictures = [angular(within), recurrence(within) / 2, transition(means, self._bins)]
        return torch.cat(pictures, dim=1)


class ImageFusion(nn.Module):
    """Pictures stacked as channels, three convolutions, mean over the picture, linear head.

    Parameters
    ----------
    leads, time, classes, side : numbers of leads, of samples of a window, of classes, and of side
        numbers a window (0: none).
    size : of a picture.
    bins : of the transition field.
    dropout : share of the pooled features dropped in training.
    """

    def __init__(
        self, leads: int, time: int, classes: int, side: int, *, size: int, bins: int,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pictures = Pictures(time, size, bins)
        body: list[nn.Module] = []
        channels = 3 * leads
        for out in _WIDTHS:
            body += [
                nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
            ]  # fmt: skip
            body += [nn.MaxPool2d(2)] if out != _WIDTHS[-1] else []
            channels = out
        self.body = sequence(*body)
        self.scale = standardiser(side)
        self.head = head(channels + side, 0, classes, dropout)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, channel, position): the last maps, row after row of the picture.

        A position stands for a pair of spans of the window, not for one.
        """
        image = self.pictures(window).contiguous(memory_format=torch.channels_last)
        maps: torch.Tensor = self.body(image)
        return maps.flatten(2)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = join(self.features(window).mean(dim=2), self.scale, side)
        logits: torch.Tensor = self.head(pooled)
        return logits


def image_fusion(
    *, leads: int, time: int, classes: int, side: int, size: int = 36, bins: int = 8,
    dropout: float = 0.2,
) -> ImageFusion:  # fmt: skip
    """Build it.

    Raises
    ------
    UsageError : the picture is larger than the window is long, or too small for the layers.
    """
    if not 8 <= size <= time:
        fault = f"is {size} for windows of {time} samples"
        raise UsageError("model.size", fault, f"Give 8 to {time}")
    if bins < 2:
        raise UsageError("model.bins", f"is {bins}", "Give 2 or more")
    return ImageFusion(leads, time, classes, side, size=size, bins=bins, dropout=dropout)


MODELS.add(
    "image-fusion",
    Entry(build=image_fusion, title="Image fusion (GAF, RP, MTF)", paper=_PAPER,
          shape=(1, 360, 5)),
)  # fmt: skip
