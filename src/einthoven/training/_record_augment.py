"""Augmentation of whole records: a few tensor operations a batch, on the device it lies on.

Its chance is torch's, which the trainer seeds anew with every epoch. Windows change, and side
numbers do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch

from einthoven.record.errors import UsageError
from einthoven.training._recipe import Recipe, check_keys
from einthoven.training._stress import StressNoise, stress_noise

_SHARES = ("stress", "lead_dropout", "mask")


@dataclass(frozen=True, kw_only=True)
class RecordAugmentation:
    """The keys of ``[augment]`` for whole records; 0 leaves a thing out.

    Attributes
    ----------
    gain, lead_gain : SD of the natural logarithm by which a record, and each lead, is amplified.
    mix : SD of the share of every other lead that is added to a lead: electrodes a little off.
    noise : mV, SD of white noise on every sample.
    wander : mV, largest height of a slow sine on each lead, 0.05 to 0.5 Hz.
    shift : samples by which a window is moved at most; its edge samples are held. Crops are taken
        anywhere and need none.
    stress : chance of a record to be given noise of nstdb, see `training._stress`.
    lead_dropout : chance of each lead to be 0.
    mask : largest share of the window that is 0 in all leads at once.
    stress_noise : that noise; read from the data root by `of`.
    """

    gain: float = 0.0
    lead_gain: float = 0.0
    mix: float = 0.0
    noise: float = 0.0
    wander: float = 0.0
    shift: int = 0
    stress: float = 0.0
    lead_dropout: float = 0.0
    mask: float = 0.0
    stress_noise: StressNoise | None = None

    def __post_init__(self) -> None:
        if self.stress and self.stress_noise is None:
            raise UsageError("augment.stress", "has no noise", "Make it by `of`")
        for f in fields(self)[:-1]:
            value, most = getattr(self, f.name), 1 if f.name in _SHARES else None
            kinds = (int,) if f.name == "shift" else (int, float)
            if type(value) not in kinds or not 0 <= value <= (math.inf if most is None else most):
                kind = "a whole number" if f.name == "shift" else "a number"
                mend = f"Give {kind}, 0 {'or more' if most is None else 'to 1'}"
                raise UsageError(f"augment.{f.name}", f"is {value!r}", mend)

    @classmethod
    def of(cls, recipe: Recipe) -> RecordAugmentation:
        """Return that of a recipe.

        Raises
        ------
        UsageError : a key or a value of ``[augment]`` is not for whole records.
        DataError : there is to be noise, and nstdb is not here.
        """
        check_keys("augment", recipe.augment, (f.name for f in fields(cls)[:-1]))
        noise = stress_noise(recipe.input) if recipe.augment.get("stress") else None
        return cls(**recipe.augment, stress_noise=noise)

    def __call__(self, window: torch.Tensor, rate: float) -> torch.Tensor:
        """Return `window` (record, lead, time) in mV at `rate` Hz, changed."""
        batch, leads, time = window.shape

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(shape, device=window.device)

        def uniform(*shape: int) -> torch.Tensor:
            return torch.rand(shape, device=window.device)

        if self.shift:
            move = torch.randint(-self.shift, self.shift + 1, (batch, 1), device=window.device)
            place = (torch.arange(time, device=window.device) + move).clamp(0, time - 1)
            window = window.gather(2, place[:, None].expand(-1, leads, -1))
        if self.mix:
            # Of the lead itself nothing is taken or added here: that is what gains are for.
            other = 1 - torch.eye(leads, device=window.device)
            window = window + (self.mix * normal(batch, leads, leads) * other) @ window
        if self.gain or self.lead_gain:
            gain = self.gain * normal(batch, 1, 1) + self.lead_gain * normal(batch, leads, 1)
            window = window * gain.exp()
        if self.wander:
            window = window + self._sine(uniform, batch, leads, time, rate)
        if self.stress_noise:
            window = self.stress_noise(window, rate, self.stress)
        if self.noise:
            window = window + self.noise * normal(batch, leads, time)
        if self.lead_dropout:
            window = window * (uniform(batch, leads, 1) >= self.lead_dropout)
        if self.mask:
            long = uniform(batch, 1, 1) * self.mask * time
            start = uniform(batch, 1, 1) * (time - long)
            at = torch.arange(time, device=window.device)
            window = window * ((at < start) | (at >= start + long))
        return window

    def _sine(
        self, uniform: Callable[..., torch.Tensor], batch: int, leads: int, time: int, rate: float
    ) -> torch.Tensor:
        hertz = 0.05 + 0.45 * uniform(batch, leads, 1)
        at = torch.arange(time, device=hertz.device) / rate
        phase = 2 * math.pi * (hertz * at + uniform(batch, leads, 1))
        return self.wander * uniform(batch, leads, 1) * phase.sin()
