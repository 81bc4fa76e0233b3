"""Ten-second records of twelve leads, reading included: ours beside wfdb with NeuroKit2.

Ours reads the twelve leads and says beats, classes, rhythm, diagnoses, quality and warnings;
NeuroKit2 is given lead II as wfdb reads it, cleans it and finds R peaks, and no more. Each record's
best of several runs, interleaved in one process: by the clock, and of the processor, which is what
it takes on a machine that does something else, too. Then all records by two processes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything counts the cores

import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import einthoven
from einthoven.corpora import open_corpus

RECORDS, RUNS, ROUNDS = 100, 4, 5


def paths() -> list[str]:
    """Return records of PTB-XL at 100 Hz, evenly spread over those that are here."""
    corpus = open_corpus("ptbxl")
    names = corpus.at_hand()
    step = max(1, len(names) // RECORDS)
    return [corpus.open(name).path for name in names[::step][:RECORDS]]


def wfdb_reads(path: str) -> tuple[np.ndarray, float]:
    import wfdb

    record = wfdb.rdrecord(path.removesuffix(".hea"))
    return record.p_signal[:, 1], record.fs


def neurokit_finds(path: str) -> None:
    import neurokit2

    lead, rate = wfdb_reads(path)
    neurokit2.ecg_peaks(neurokit2.ecg_clean(lead, sampling_rate=rate), sampling_rate=rate)


def measured(
    asked: dict[str, Callable[[str], object]], records: list[str]
) -> dict[str, tuple[float, float]]:
    """Return seconds a record by the clock and of the processor, each record's best."""
    best = {name: np.full((2, len(records)), np.inf) for name in asked}
    for _ in range(RUNS):
        for k, path in enumerate(records):
            for name, function in asked.items():
                began, busy = time.perf_counter(), time.process_time()
                function(path)
                spent = time.perf_counter() - began, time.process_time() - busy
                best[name][:, k] = np.minimum(best[name][:, k], spent)
    return {name: tuple(times.mean(axis=1).tolist()) for name, times in best.items()}


def busy_with(path: str) -> float:
    """Return the processor's seconds that a record takes."""
    began = time.process_time()
    einthoven.analyze(path)
    return time.process_time() - began


def by_two(records: list[str]) -> tuple[float, float]:
    """Return records a second of two processes together: by the clock, and of the processor."""
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(busy_with, records[:20]))  # opens the sessions
        clock, busy = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            spent = list(pool.map(busy_with, records, chunksize=5))
            clock.append(len(records) / (time.perf_counter() - began))
            busy.append(2 / float(np.mean(spent)))
    return max(clock), max(busy)


def main() -> None:
    warnings.simplefilter("ignore")
    records = paths()
    load = os.getloadavg()[0]
    clock_rate, busy_rate = by_two(records)
    asked: dict[str, Callable[[str], object]] = {
        "einthoven.analyze, twelve leads": einthoven.analyze
    }
    try:
        import neurokit2  # noqa: F401
        import wfdb  # noqa: F401

        asked["wfdb.rdrecord alone"] = wfdb_reads
        asked["wfdb and neurokit2, R peaks of one lead"] = neurokit_finds
    except ImportError:
        print("wfdb or neurokit2 is not installed: left out")
    for function in asked.values():
        function(records[0])
    times = measured(asked, records)
    base = times["einthoven.analyze, twelve leads"][1]
    print(f"{len(records)} records of ten seconds and twelve leads, reading included")
    print(f"{'':<42} {'ms, clock':>10} {'processor':>10} {'a second':>9}")
    for name, (clock, busy) in times.items():
        rate, ratio = 1 / busy, busy / base
        print(
            f"  {name:<40} {1e3 * clock:10.1f} {1e3 * busy:10.1f} {rate:9.0f}  {ratio:5.2f} x ours"
        )
    print(
        f"two processes, best of {ROUNDS} rounds: {clock_rate:.0f} records a second by the clock; "
        f"{busy_rate:.0f} by the processor's time"
    )
    print(f"(load of the machine when begun: {load:.1f} of {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
