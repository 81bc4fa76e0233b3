"""Plain augmentation: each window of a training batch a little different every time it is drawn.

All of it is a few tensor operations a batch, and its chance is torch's, which `Lesson` seeds anew
with every epoch: a resumed run sees what one never killed would have seen. Side numbers stay as
they are; only windows change. What is added to the training side is in `_synthetic`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch

from einthoven.record.errors import UsageError
from einthoven.training._recipe import Recipe, check_keys

CAP = 2.0  # synthetic beats for each real one of a class, at most


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The keys of ``[augment]`` for networks; 0 or nothing leaves a thing out.

    Attributes
    ----------
    noise : SD of white noise added to every sample, in units of the window.
    shift : samples by which a window is moved at most, either way; its edge samples are held.
    scale : a window is multiplied by 1 - scale to 1 + scale.
    warp : share by which time runs faster or slower at most, smoothly within a window; the R peak
        stays where it is.
    premature : whether premature beats made by shifting join the training side.
    synthetic : the run folder of a generator (``einthoven train wgan``) whose beats join the
        training side; ``""`` for none. Where it holds ``seed-N`` for the seed, that one is taken.
    ratio : premature or synthetic beats for each real one of the class, at most 2.
    """

    noise: float = 0.0
    shift: int = 0
    scale: float = 0.0
    warp: float = 0.0
    premature: bool = False
    synthetic: str = ""
    ratio: float = 1.0

    def __post_init__(self) -> None:
        whole, limits = ("shift",), {"scale": 1.0, "warp": 1.0, "ratio": CAP}
        for key in ("noise", "shift", "scale", "warp", "ratio"):
            value = getattr(self, key)
            kinds = (int,) if key in whole else (int, float)
            if type(value) not in kinds or not 0 <= value <= limits.get(key, math.inf):
                kind = "a whole number" if key in whole else "a number"
                most = f" to {limits[key]:g}" if key in limits else " or more"
                raise UsageError(f"augment.{key}", f"is {value!r}", f"Give {kind}, 0{most}")
        if type(self.premature) is not bool:
            raise UsageError("augment.premature", f"is {self.premature!r}", "Give true or false")
        if type(self.synthetic) is not str:
            raise UsageError("augment.synthetic", f"is {self.synthetic!r}", "Give a run folder")
        if self.synthetic and self.premature:
            # Both would break the cap, and what either brings could not be told.
            raise UsageError("augment", "has premature and synthetic", "Give one of the two")

    @classmethod
    def of(cls, recipe: Recipe) -> Augmentation:
        """Return that of a recipe.

        Raises
        ------
        UsageError : a key or a value of ``[augment]`` is not for networks.
        """
        check_keys("augment", recipe.augment, (f.name for f in fields(cls)))
        return cls(**recipe.augment)

    def __call__(self, window: torch.Tensor, centre: int) -> torch.Tensor:
        """Return `window` (batch, lead, time) changed; `centre` is the sample of its R peak."""
        if self.shift or self.warp:
            window = _moved(window, self._places(window, centre))
        if self.scale:
            factor = 1 + self.scale * (2 * torch.rand(len(window), 1, 1) - 1)
            window = window * factor.to(window)
        if self.noise:
            window = window + self.noise * torch.randn_like(window)
        return window

    def _places(self, window: torch.Tensor, centre: int) -> torch.Tensor:
        """Return (batch, time) where in the old window each sample of the new one is taken."""
        batch, time = len(window), window.shape[2]
        place = torch.arange(time, dtype=torch.float32).expand(batch, time)
        if self.warp:
            # A sine of one period a window: its slope, hence the change of speed, is within +-warp.
            size = self.warp * time / (2 * math.pi) * (2 * torch.rand(batch, 1) - 1)
            phase = 2 * math.pi * torch.rand(batch, 1)
            turn = 2 * math.pi / time
            wave = torch.sin(turn * place + phase) - torch.sin(turn * centre + phase)
            place = place + size * wave
        if self.shift:
            place = place + torch.randint(-self.shift, self.shift + 1, (batch, 1))
        return place.clamp(0, time - 1).to(window.device)


def _moved(window: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Return `window` (batch, lead, time) read at `place` (batch, time), between samples linear."""
    below = place.floor().long()
    above = (below + 1).clamp(max=window.shape[2] - 1)
    part = (place - below).unsqueeze(1).to(window)
    low, high = (
        window.gather(2, rows.unsqueeze(1).expand(-1, window.shape[1], -1))
        for rows in (below, above)
    )
    # Where nothing lies between two samples the old number comes back to the bit.
    return low + part * (high - low)
