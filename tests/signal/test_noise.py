"""Noise at a stated ratio: the worked example, the real stress-test record, and the other ratio."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.record import UsageError
from einthoven.record.vocabulary import is_beat
from einthoven.signal.noise import mix, noise_level, noisy_minutes, nst_gain, qrs_amplitude


@pytest.mark.parametrize(
    ("snr", "gain"),
    [(24, 0.1673), (18, 0.3338), (12, 0.6661), (6, 1.3290), (0, 2.6517), (-6, 5.2907)],
)
def test_the_worked_example_of_the_stress_test_is_met(snr, gain):
    assert nst_gain(snr, 1.5, 0.2) == pytest.approx(gain, abs=6e-5)


def test_118e06_is_made_again(mitdb, data_root):
    if not (data_root / "nstdb" / "118e06.dat").is_file():
        pytest.skip("no nstdb")
    clean = open_corpus("mitdb").open("118").record()
    real = open_corpus("nstdb").open("118e06").record()
    marks = clean.annotations
    beats = is_beat(marks.symbols)
    added = real.signal[0] - clean.signal[0]
    noisy = noisy_minutes(clean.samples, 360.0)
    source = open_corpus("nstdb").open("em")
    noise = source.read_channel(source.channels[0].name, 0, source.samples)
    amplitude = qrs_amplitude(clean.signal[0], 360.0, marks.samples[beats], marks.symbols[beats])
    gain = nst_gain(6, amplitude, noise_level(noise, 360.0))
    # In the first noisy two minutes the record is the clean one plus noise times one number.
    first = slice(300 * 360 + 10, 420 * 360 - 10)
    best = max(
        (float(np.dot(a := added[first] - added[first].mean(), b := n - n.mean()) / np.dot(b, b)),
         float(np.corrcoef(a, b)[0, 1]))
        for n in (noise[s : s + 120 * 360 - 20] for s in (10, 11, 9, 300 * 360 + 10))
    )  # fmt: skip
    assert best[1] > 0.98
    assert best[0] == pytest.approx(gain, rel=0.1)
    assert np.abs(added[: 299 * 360]).std() < 0.02
    assert noisy[first].all()


def test_the_ratio_of_powers_is_another_thing():
    rng = np.random.default_rng(0)
    x = np.sin(np.arange(36000) / 20)[None].astype(np.float32)
    noise = rng.standard_normal((1, 36000)).astype(np.float32)
    out = mix(x, noise, 360.0, 6, snr="power")
    added = out - x
    assert 10 * np.log10(x.var() / added.var()) == pytest.approx(6, abs=0.05)


def test_noise_switches_on_and_off_without_a_step():
    noise = np.full((1, 1000), 5.0, np.float32)
    noise[0, ::2] = 6
    where = np.zeros(3600, np.bool_)
    where[1000:2000] = True
    x = np.zeros((1, 3600), np.float32)
    x[0, ::300] = 1
    out = mix(x, noise, 360.0, 0, snr="nst", beats=np.arange(300, 3500, 300), where=where) - x
    assert np.all(out[0, :999] == 0)
    assert np.ptp(out[0, 2001:]) == 0


def test_a_ratio_needs_its_name_and_its_beats():
    x = np.zeros((1, 3600), np.float32)
    with pytest.raises(UsageError, match="not known"):
        mix(x, x, 360.0, 6, snr="var")
    with pytest.raises(UsageError, match="beats"):
        mix(x, x, 360.0, 6, snr="nst")
