"""Windows a second: from the store, and by reading each record with the wfdb package.

Run: python benchmarks/store.py [--records N]
Both give the same beats as (beat, 1, 360) float32. The wfdb side reads a record and its
annotations and cuts the windows by slicing, with no filter at all; the store has filtered them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import wfdb

from einthoven.corpora import open_corpus
from einthoven.record import InputSpec
from einthoven.record.vocabulary import is_beat
from einthoven.store import open_store

SPEC = InputSpec(kind="beat", rate=360.0, window=(0.4, 0.6), normalise="zscore")
BEFORE, AFTER, BATCH = 144, 216, 256


def from_wfdb(folder: str, names: tuple[str, ...]) -> int:
    beats = 0
    for name in names:
        signal = wfdb.rdrecord(f"{folder}/{name}").p_signal[:, 0].astype(np.float32)
        marks = wfdb.rdann(f"{folder}/{name}", "atr")
        samples = marks.sample[is_beat(np.array(marks.symbol))]
        at = np.clip(samples[:, None] + np.arange(-BEFORE, AFTER), 0, len(signal) - 1)
        beats += len(signal[at][:, None])
    return beats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=48)
    names = open_corpus("mitdb").records[: parser.parse_args().records]
    folder = str(open_corpus("mitdb").folder)
    start = time.perf_counter()
    store = open_store(open_corpus("mitdb"), SPEC)
    opened = time.perf_counter() - start
    rates = {}
    start = time.perf_counter()
    beats = from_wfdb(folder, names)
    rates["wfdb, record by record"] = beats / (time.perf_counter() - start)
    rows = np.flatnonzero(np.isin(store.record, names))
    for title, order in (
        ("store, random batches", np.random.default_rng(0).permutation(rows)),
        ("store, in order", rows),
    ):
        best = 0.0
        for _ in range(3):
            start = time.perf_counter()
            total = 0.0
            for i in range(0, len(order), BATCH):
                total += float(store.window[order[i : i + BATCH]][:, 0, BEFORE].sum())
            best = max(best, len(order) / (time.perf_counter() - start))
        rates[title] = best
    slow = rates["wfdb, record by record"]
    print(f"{beats} beats of {len(names)} records; opening (cutting, if new) {opened:.2f} s")
    print(f"{'reader':<26}{'windows/s':>12}{'times wfdb':>12}")
    for title, rate in rates.items():
        print(f"{title:<26}{rate:>12.0f}{rate / slow:>12.1f}")


if __name__ == "__main__":
    main()
