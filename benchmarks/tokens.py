"""Records tokenised a second: ``python benchmarks/tokens.py``, on one core, by processor time.

Records are made up, twelve leads of ten seconds at 500 Hz, beats at 40 to 180 a minute with noise.
Finding the R peaks is not counted: that is the detector's work, done for every other part, too, and
it takes many times as long. Counted are, one after the other:

- layout: `inputs.tokens.sentence` on the signal as it is, tokens of 1.5 s in all leads;
- sentence: `inputs.cut` with the recipe of BEAT-Net, from the signal in mV to what the network
  eats: band-pass, 100 Hz, beats laid over each other, borders, RR numbers;
- back: `signal_of` of the layouts.

Each is the best of five passes over 200 records. The target is 1,000 a second on two cores, which
share the records: 500 a second on one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from einthoven.inputs import cut
from einthoven.inputs.tokens import sentence, signal_of
from einthoven.record.leads import STANDARD
from einthoven.training import load_recipe

RATE, SECONDS, RECORDS, PASSES = 500, 10, 200, 5


def made_up(row: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (12, time) mV and (beat,) R peaks of record `row`."""
    rng = np.random.default_rng((13, row))
    period = 60 / rng.uniform(40, 180)
    gaps = period * (1 + 0.05 * rng.normal(size=60))
    peaks = np.cumsum(gaps * RATE).astype(np.int64)
    peaks = peaks[peaks < SECONDS * RATE]
    signal = 0.03 * rng.normal(size=(12, SECONDS * RATE))
    axis, near = rng.normal(size=(12, 1)), np.arange(-40, 41)
    for r in peaks:
        inside = (r + near >= 0) & (r + near < signal.shape[1])
        signal[:, r + near[inside]] += axis * np.exp(-0.5 * (near[inside] / 8) ** 2)
    return signal.astype(np.float32), peaks


def rate_of(once: Callable[[], object]) -> float:
    """Return records a second of processor time, of the best pass."""
    seconds = []
    for _ in range(PASSES):
        begun = time.process_time()
        once()
        seconds.append(time.process_time() - begun)
    return RECORDS / min(seconds)


def main() -> None:
    """Print a line for each kind of work."""
    made = [made_up(row) for row in range(RECORDS)]
    spec = load_recipe("beat-net").input
    width = (0.75, 0.75)
    said = [sentence(s, RATE, STANDARD, r, width=width) for s, r in made]
    work: dict[str, Callable[[], object]] = {
        "layout": lambda: [sentence(s, RATE, STANDARD, r, width=width) for s, r in made],
        "sentence": lambda: [cut(s, RATE, STANDARD, r, spec) for s, r in made],
        "back": lambda: [signal_of(one) for one in said],
    }
    beats = sum(len(one) for one in said)
    print(f"{RECORDS} records of {SECONDS} s, 12 leads, {RATE} Hz; {beats} beats; R peaks given")
    for name, once in work.items():
        print(f"{name:<9}{rate_of(once):>8.0f} records/s on one core")


if __name__ == "__main__":
    main()
