"""Noise of nstdb in training: how strong, where, and that electrodes obey Einthoven's law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from einthoven.record import UsageError
from einthoven.record.leads import LIMBS, STANDARD
from einthoven.training import _stress, load_recipe
from einthoven.training._record_augment import RecordAugmentation
from einthoven.training._stress import StressNoise


def _hiss(kinds: int = 1) -> StressNoise:
    return StressNoise(torch.randn(kinds, 2, 5000), STANDARD)


def test_noise_is_as_strong_as_its_decibels_say(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    window = torch.zeros(40, 12, 1000)
    window[:, :, 50::100] = 2.0  # a QRS of 2 mV each second
    for decibels in (0.0, 12.0):
        monkeypatch.setattr(_stress, "_DECIBELS", (decibels, decibels))
        added = (_hiss()(window, 100.0, 1.0) - window)[:, [0, 1, 6, 11]]
        # The stress test: a sine of that swing has the power, 2 mV from peak to peak 0.5 mV^2.
        ratio = 10 * np.log10(0.5 / float(added.square().mean()))
        assert ratio == pytest.approx(decibels, abs=0.2)


def test_limb_leads_are_made_of_one_and_two_and_chest_leads_have_noise_of_their_own() -> None:
    torch.manual_seed(1)
    window = torch.zeros(5, 12, 300)
    window[:, :, 50::100] = 1.0
    added = (_hiss(3)(window, 100.0, 1.0) - window).numpy()
    rows = dict(zip(STANDARD, added.transpose(1, 0, 2), strict=True))
    for name, (one, two) in LIMBS.items():
        np.testing.assert_allclose(rows[name], one * rows["I"] + two * rows["II"], atol=1e-5)
    assert abs(np.corrcoef(rows["V1"].ravel(), rows["V2"].ravel())[0, 1]) < 0.2


def test_a_share_of_the_records_is_noisy() -> None:
    torch.manual_seed(2)
    window = torch.ones(400, 12, 200)
    window[:, :, ::100] = 0.0
    noisy = (_hiss()(window, 100.0, 0.25) != window).any(dim=2).any(dim=1)
    assert 0.15 < float(noisy.float().mean()) < 0.35
    assert torch.equal(_hiss()(window, 100.0, 0.0), window)


def test_a_recipe_reads_the_half_that_nobody_is_judged_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def halves(which: str) -> dict[str, Any]:
        asked.append(which)
        chance = np.random.default_rng(0)
        return {n: chance.normal(size=(2, 7200)).astype(np.float32) for n in _stress.NOISES}

    monkeypatch.setattr(_stress, "noise_halves", halves)
    _stress.stress_noise.cache_clear()
    made = RecordAugmentation.of(load_recipe("beat-net", ["augment.stress=0.5"]))
    assert asked == ["second"]
    window = torch.randn(4, 12, 1000)
    assert not torch.equal(made(window, 100.0), window)
    _stress.stress_noise.cache_clear()


def test_noise_without_its_recordings_is_refused() -> None:
    with pytest.raises(UsageError, match=r"augment\.stress: has no noise"):
        RecordAugmentation(stress=0.5)
    with pytest.raises(UsageError, match=r"augment\.stress: is 2\. Give a number, 0 to 1"):
        RecordAugmentation(stress=2, stress_noise=_hiss())
