"""Time of the R-peak detector beside sleepecg's (and xqrs's, gqrs's), in one process, one thread.

    OMP_NUM_THREADS=1 python benchmarks/detectors.py

Runs alternate, so that a busy machine slows all alike; the best of the rounds counts.
"""

from __future__ import annotations

import time

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.signal.peaks import find_peaks

ROUNDS = 12
RECORDS = ("100", "105", "119", "203")


def best(functions, rounds):
    times = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - begin))
    return {name: min(values) for name, values in times.items()}


def main() -> None:
    from sleepecg import detect_heartbeats
    from wfdb.processing import XQRS, gqrs_detect

    corpus = open_corpus("mitdb")
    print("milliseconds for one lead of a half hour; best of", ROUNDS, "(xqrs, gqrs: once)")
    print("record   einthoven   sleepecg   ratio     xqrs     gqrs")
    for name in RECORDS:
        signal = np.ascontiguousarray(corpus.open(name).record().signal[:1])
        double = signal[0].astype(np.float64)
        quick = best(
            {
                "ours": lambda x=signal: find_peaks(x, 360.0, ("MLII",)),
                "sleepecg": lambda x=double: detect_heartbeats(x, 360.0),
            },
            ROUNDS,
        )
        slow = best(
            {
                "xqrs": lambda x=double: XQRS(x, 360.0).detect(verbose=False),
                "gqrs": lambda x=double: gqrs_detect(sig=x, fs=360.0),
            },
            1 if name == RECORDS[0] else 0,
        ) if name == RECORDS[0] else {"xqrs": float("nan"), "gqrs": float("nan")}  # fmt: skip
        print(
            f"{name:>6} {quick['ours']:>11.1f} {quick['sleepecg']:>10.1f} "
            f"{quick['ours'] / quick['sleepecg']:>7.2f} {slow['xqrs']:>8.0f} {slow['gqrs']:>8.0f}"
        )


if __name__ == "__main__":
    main()
