"""Noise of nstdb's second half for records that are learnt; the first half is judged with."""

from __future__ import annotations

import functools

import numpy as np
import torch

from einthoven.corpora.nstdb import NOISES
from einthoven.protocols.robustness import TRAINING_HALF, noise_halves
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import LIMBS, STANDARD
from einthoven.signal.aligned_beat import band_limited
from einthoven.signal.noise import noise_level, nst_gain

_DECIBELS = (-6.0, 24.0)
_RATE = 360.0  # Hz of nstdb


class StressNoise:
    """Baseline wander, electrode motion or muscle noise, one of them a record.

    Every electrode's noise is drawn by itself: that of the limb leads follows from I and II.

    Parameters
    ----------
    noise : (kind, channel, time) of a typical RMS of 1 before it was band-limited.
    leads : names of the rows that are to be noisy.
    """

    def __init__(self, noise: torch.Tensor, leads: tuple[str, ...]) -> None:
        self._noise = noise
        one, two = (leads.index(n) if n in leads else -1 for n in ("I", "II"))
        made = torch.eye(len(leads))
        for row, name in enumerate(leads):
            if name in LIMBS and min(one, two) >= 0:
                made[row] = 0
                made[row, one], made[row, two] = LIMBS[name]
        self._made = made

    def __call__(self, window: torch.Tensor, rate: float, share: float) -> torch.Tensor:
        """Return `window` (record, lead, time) in mV at `rate` Hz with noise in some records.

        Parameters
        ----------
        share : of the records. Each has a dB of its own between -6 and 24 in the sense of the
            stress test, where the largest swing within a second stands for the QRS.
        """
        batch, leads, time = window.shape
        noise, where = self._noise.to(window.device), window.device
        kinds, channels, long = noise.shape
        kind = torch.randint(kinds, (batch, 1), device=where).expand(-1, leads)
        channel = torch.randint(channels, (batch, leads), device=where)
        start = torch.randint(long - time, (batch, leads, 1), device=where)
        first = (kind * channels + channel).unsqueeze(2) * long + start
        drawn = noise.flatten()[first + torch.arange(time, device=where)]
        second = min(round(rate), time)
        whole = window[:, :, : time // second * second].reshape(batch, leads, -1, second)
        swing = (whole.amax(dim=3) - whole.amin(dim=3)).median(dim=2).values
        least, most = _DECIBELS
        decibels = least + (most - least) * torch.rand((batch, 1), device=where)
        gain = swing * nst_gain(0.0, 1.0, 1.0) * 10 ** (-decibels / 20)
        gain = gain * (torch.rand((batch, 1), device=where) < share)
        noisy: torch.Tensor = window + self._made.to(where) @ (drawn * gain.unsqueeze(2))
        return noisy


@functools.cache
def stress_noise(spec: InputSpec) -> StressNoise:
    """Return the noise that records cut by `spec` are taught with.

    Raises
    ------
    DataError : nstdb is not here.
    """
    halves = noise_halves(TRAINING_HALF)
    found = []
    for kind in NOISES:
        level = np.array([[noise_level(channel, _RATE)] for channel in halves[kind]])
        even = (halves[kind] / level).astype(np.float32)
        found.append(band_limited(even, _RATE, round(spec.rate), spec.band))
    time = min(f.shape[1] for f in found)
    leads = STANDARD if spec.leads == ("one",) else spec.leads
    return StressNoise(torch.from_numpy(np.stack([f[:, :time] for f in found])), tuple(leads))
