"""What detectors find where there is no heart: a minute of each kind of signal, 360 Hz.

    python benchmarks/no_ecg.py

Ours: how many windows of ten seconds are called good, and the verdict. Peers: beats found.
"""

from __future__ import annotations

import warnings

import numpy as np

from einthoven.signal.peaks import find_peaks
from einthoven.signal.quality import usable


def kinds(rng, n=60 * 360):
    t = np.arange(n) / 360
    spikes = np.zeros(n)
    spikes[rng.integers(0, n, 40)] = 2.0
    return {
        "white noise": rng.standard_normal(n), "flat line": np.zeros(n),
        "50 Hz": np.sin(2 * np.pi * 50 * t), "ramp": t / 10,
        "square wave, 1 Hz": np.sign(np.sin(2 * np.pi * t)), "sparse spikes": spikes,
        "sine, 1.3 Hz": np.sin(2 * np.pi * 1.3 * t),
        "brown noise": np.cumsum(rng.standard_normal(n)) / 20, "all missing": np.full(n, np.nan),
    }  # fmt: skip


def verdict(signal):
    found = find_peaks(signal[None].astype(np.float32), 360.0, ("II",))
    good = found.quality_good
    inside = [
        int(((found.samples >= a) & (found.samples < b)).sum())
        for a, b in zip(found.quality_starts, found.quality_ends, strict=True)
    ]
    sound = int(np.sum(inside, where=good, initial=0))
    seconds = len(signal) / 360
    able = usable(seconds, len(good), int(good.sum()), sum(inside), sound)
    return len(found.samples), *able


def peer(function, signal):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(len(function(signal)))
        except Exception as fault:  # noqa: BLE001 - a peer's crash is its answer
            return type(fault).__name__


def main() -> None:
    import neurokit2
    from sleepecg import detect_heartbeats
    from wfdb.processing import XQRS

    def xqrs(x):
        tool = XQRS(x, 360.0)
        tool.detect(verbose=False)
        return tool.qrs_inds

    def neurokit(x):
        return neurokit2.ecg_peaks(neurokit2.ecg_clean(x, 360), 360)[1]["ECG_R_Peaks"]

    print(f"{'signal':<20}{'usable':<8}{'sleepecg':>10}{'xqrs':>10}{'neurokit2':>20}  reason")
    for name, signal in kinds(np.random.default_rng(0)).items():
        _, usable, reason = verdict(signal)
        others = [peer(f, signal) for f in (lambda x: detect_heartbeats(x, 360.0), xqrs, neurokit)]
        print(f"{name:<20}{usable!s:<8}{others[0]:>10}{others[1]:>10}{others[2]:>20}  {reason}")


if __name__ == "__main__":
    main()
