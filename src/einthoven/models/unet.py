"""U-Net over one lead: a wave for each sample, none, P, QRS or T.

Ronneberger, Fischer, Brox 2015, U-Net (10.1007/978-3-319-24574-4_28), in one dimension as
Jimenez-Perez, Acosta, Alcaine, Camara 2024, Generalizing electrocardiogram delineation
(10.3389/fcvm.2024.1341786), who stack two of them as W-Net.

Differs from the paper. It has 16 to 256 channels, kernels of 3, LeakyReLU, average pooling and a
sigmoid a wave; ours has 8 to 36 channels, kernels of 7, ReLU, the larger of two samples, and one
softmax over the waves and none of them, for no sample is two waves. Dropout stands at the bottom
alone. The second U of the W eats the last maps of the first beside the lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from einthoven.models._layers import convolution
from einthoven.record.errors import UsageError

CLASSES = ("none", "P", "QRS", "T")
WIDTHS = (8, 12, 20, 28, 36)
KERNEL = 7


def _level(channels: int, out: int, kernel: int) -> nn.Sequential:
    """Return two convolutions, each normalised and cut at zero."""
    return nn.Sequential(
        convolution(channels, out, kernel), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
        convolution(out, out, kernel), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
    )  # fmt: skip


class U(nn.Module):
    """Down by halves and up again, with the maps of the way down beside those of the way up.

    Parameters
    ----------
    channels : of what is eaten.
    widths : channels of each level, the first at the rate of what is eaten.
    kernel : samples of each convolution.
    dropout : share of the maps dropped at the bottom, in training.
    """

    def __init__(self, channels: int, widths: Sequence[int], kernel: int, dropout: float) -> None:
        super().__init__()
        self.down = nn.ModuleList(_level(a, b, kernel) for a, b in pairwise((channels, *widths)))
        self.up = nn.ModuleList(
            _level(below + here, here, kernel) for here, below in reversed(list(pairwise(widths)))
        )
        self.pool = nn.MaxPool2d((1, 2))
        self.rise = nn.Upsample(scale_factor=(1.0, 2.0), mode="bilinear", align_corners=False)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, widths[0], 1, time) of (batch, channels, 1, time)."""
        seen: list[torch.Tensor] = []
        for level in self.down:
            x = level(self.pool(x) if seen else x)
            seen.append(x)
        x = self.drop(seen.pop())
        for level in self.up:
            x = level(torch.cat([seen.pop(), self.rise(x)], dim=1))
        return x


class UNet(nn.Module):
    """Leads in, logits of the waves out; each lead is seen by itself.

    Parameters
    ----------
    widths, kernel, dropout : as in `U`.
    stacked : how many U stand behind each other: 1 is U-Net, 2 is W-Net.
    """

    def __init__(
        self, *, widths: Sequence[int] = WIDTHS, kernel: int = KERNEL, dropout: float = 0.2,
        stacked: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        if stacked not in (1, 2):
            raise UsageError("model.stacked", f"is {stacked}", "Give 1 (U-Net) or 2 (W-Net)")
        if len(widths) < 2 or min(widths) < 1 or kernel % 2 == 0:
            mend = "Give two widths or more and an odd kernel"
            raise UsageError("model", f"widths {list(widths)}, kernel {kernel}", mend)
        self.multiple = 2 ** (len(widths) - 1)
        inputs = [1, *[widths[0] + 1] * (stacked - 1)]
        self.parts = nn.ModuleList(U(n, widths, kernel, dropout) for n in inputs)
        self.last = nn.Conv2d(widths[0], len(CLASSES), 1)

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 4, time) logits of none, P, QRS and T.

        Parameters
        ----------
        window : (batch, 1, time) as `signal._waves_front.front` gives leads; the time is a
            multiple of `multiple`.
        """
        lead = window.unsqueeze(2)
        x = lead
        for number, part in enumerate(self.parts):
            x = part(torch.cat([lead, x], dim=1) if number else x)
        found: torch.Tensor = self.last(x)
        return found.squeeze(2)
