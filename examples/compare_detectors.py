"""Set our R peaks beside another detector's on a simulated heart whose beats are known.

    python examples/compare_detectors.py [OTHER]

OTHER is `sleepecg` (the default) or `neurokit2`, if it is installed; simulated beats are easy, so a
tie is what to expect. Figures on recordings of people are on the results page.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from einthoven.corpora import demo_record
from einthoven.record.vocabulary import is_beat
from einthoven.signal.peaks import find_peaks

TOLERANCE = 0.05  # seconds


def hits(found: npt.NDArray[np.int64], known: npt.NDArray[np.int64], within: float) -> int:
    """Return how many known beats have a found one near, each found one used once."""
    count, k = 0, 0
    for sample in known:
        while k < len(found) and found[k] < sample - within:
            k += 1
        if k < len(found) and found[k] <= sample + within:
            count, k = count + 1, k + 1
    return count


def other_peaks(name: str, lead: npt.NDArray[np.float32], rate: float) -> npt.NDArray[np.int64]:
    """Return the R peaks of another package."""
    if name == "neurokit2":
        import neurokit2

        return np.asarray(neurokit2.ecg_peaks(lead, sampling_rate=int(rate))[1]["ECG_R_Peaks"])
    import sleepecg

    return np.asarray(sleepecg.detect_heartbeats(lead.astype(np.float64), rate))


def main(other: str = "sleepecg") -> None:
    record = demo_record()
    marks = record.annotations
    assert marks is not None
    known = marks.samples[is_beat(marks.symbols)]
    ours = find_peaks(record.signal, record.rate, record.leads).samples
    theirs = other_peaks(other, record.signal[0], record.rate)
    print(f"{len(known)} beats; found within {1000 * TOLERANCE:.0f} ms")
    for name, found in (("einthoven", ours), (other, theirs)):
        right = hits(found, known, TOLERANCE * record.rate)
        found_share, right_share = 100 * right / len(known), 100 * right / len(found)
        print(f"{name:<10} Se {found_share:6.2f} %   +P {right_share:6.2f} %")


if __name__ == "__main__":
    main(*sys.argv[1:])
