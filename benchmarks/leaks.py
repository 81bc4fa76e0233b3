"""Growth of the leak auditor: ``python benchmarks/leaks.py [RECORDS ...]``, seconds of one core.

Records are made on the fly and cheaply, 12 leads of 10 s at 100 Hz: a QRS and a T wave of random
axes and widths at random intervals, with noise. One in a hundred is a copy of another record:
other gain, other noise, begun up to half a second later. They only serve for time, and to see that
copies are still found among many; how well real copies are found is measured on PTB-XL (`--real`).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from einthoven.corpora import data_root
from einthoven.formats import open_source
from einthoven.protocols._fingerprint import fingerprint
from einthoven.protocols._leaks import fingerprints, near_duplicates
from einthoven.record.leads import STANDARD

RATE, SECONDS = 100, 10.0


def heart(row: int, extra: float) -> np.ndarray:
    """Return (12, time) of the heart number `row`."""
    rng = np.random.default_rng((7, row))
    period = rng.uniform(0.55, 1.2)
    gaps = period * (1 + rng.uniform(0.01, 0.15) * rng.normal(size=40))
    beats = np.cumsum(np.clip(gaps, 0.35, 2)) - rng.uniform(0, 1)
    beats = beats[beats < SECONDS + extra + 1]
    t = np.arange(round((SECONDS + extra) * RATE)) / RATE
    signal = np.zeros((12, len(t)))
    for delay, width, size in ((0, 0.018, 1), (0.03, 0.02, 0.6), (0.28, 0.06, 0.3)):
        late, wide = delay * rng.uniform(0.7, 1.3), width * rng.uniform(0.7, 1.5)
        train = np.exp(-0.5 * ((t[None] - beats[:, None] - late) / wide) ** 2).sum(axis=0)
        signal += size * rng.normal(size=(12, 1)) * train
    return signal


def simulated(row: int) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Return record `row`; every hundredth copies the one 50 before it."""
    copy = row % 100 == 99
    rng = np.random.default_rng((8, row))
    start = int(rng.integers(0, RATE // 2)) if copy else 0
    signal = heart(row - 50 if copy else row, 0.5)[:, start : start + round(SECONDS * RATE)]
    noisy = rng.uniform(0.5, 2) * (signal + 0.03 * rng.normal(size=signal.shape))
    return noisy, float(RATE), STANDARD


def grow(sizes: list[int]) -> None:
    """Print one line a size."""
    print("| records | fingerprints, s | search, s | read again | copies found | false |")
    print("|---|---|---|---|---|---|")
    for size in sizes:
        prints, printed = [], 0.0
        for row in range(size):
            record = simulated(row)
            begun = time.process_time()
            prints.append(fingerprint(*record))
            printed += time.process_time() - begun
        reads = [0]

        def again(row: int, reads: list[int] = reads) -> tuple[np.ndarray, float, tuple[str, ...]]:
            reads[0] += 1
            return simulated(row)

        begun = time.process_time()
        found = {(d.one, d.two) for d in near_duplicates(prints, again)}
        searched = time.process_time() - begun
        copies = {(row - 50, row) for row in range(99, size, 100)}
        print(
            f"| {size:,} | {printed:.1f} | {searched:.1f} | {reads[0]:,} "
            f"| {len(found & copies)} of {len(copies)} | {len(found - copies)} |", flush=True,
        )  # fmt: skip


def real() -> None:
    """Print what is found among the records of PTB-XL and of CinC-2021 that are here."""
    root = data_root()
    folders = ("ptbxl/records100", "ptbxl/records500", "cinc2021")
    paths = [p for folder in folders for p in sorted((root / folder).rglob("*.hea"))]
    if not paths:
        print(f"no recordings under {root}")
        return

    def name(path: Path) -> str:
        stem = path.stem
        if stem.endswith(("_lr", "_hr")) or stem.startswith("HR"):
            return stem.strip("HR_lhr").lstrip("0")
        return str(path)

    def read(row: int) -> tuple[np.ndarray, float, tuple[str, ...]]:
        source = open_source(paths[row])
        return source.read(0, source.samples), source.rate, source.leads

    begun = time.perf_counter()
    found = {(d.one, d.two) for d in near_duplicates(fingerprints(read, range(len(paths))), read)}
    names = [name(p) for p in paths]
    kind = [next(f for f in folders if f in p.as_posix()) for p in paths]
    first: dict[str, list[int]] = {}
    for row, one in enumerate(names):
        first.setdefault(one, []).append(row)
    true = {(a, b) for rows in first.values() for a in rows for b in rows if a < b}
    print(f"{len(paths)} records in {time.perf_counter() - begun:.0f} s, reading included")
    for pair in sorted({(kind[a], kind[b]) for a, b in true}):
        those = {(a, b) for a, b in true if (kind[a], kind[b]) == pair}
        print(f"{pair[0]} and {pair[1]}: {len(those & found)} of {len(those)} copies found")
    print(f"false alarms: {len(found - true)}")


if __name__ == "__main__":
    if "--real" in sys.argv:
        real()
    else:
        grow([int(a) for a in sys.argv[1:]] or [1_000, 3_000, 10_000, 30_000, 100_000])
