"""One half-hour two-lead record, reading included: ours beside NeuroKit2's and openecg's.

Ours reads both leads from the WFDB file and says beats, classes, quality and heart rate; NeuroKit2
is given one lead already read. Medians of several runs, interleaved in one process; then the
memory a 24-hour record takes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import einthoven
from einthoven.corpora import data_root
from einthoven.formats import open_source
from einthoven.signal.peaks import PeakStream

RECORD = "100"


def seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def peers(path: Path) -> dict[str, Callable[[], object]]:
    """Return what else can be run here, by name."""
    record = einthoven.read(path)
    lead, rate = record.signal[0].astype(float), int(record.rate)
    found: dict[str, Callable[[], object]] = {}
    try:
        import neurokit2

        found["neurokit2.ecg_process, one lead"] = lambda: neurokit2.ecg_process(
            lead, sampling_rate=rate
        )
    except ImportError:
        print("neurokit2 is not installed: left out")
    try:
        import openecg

        found["openecg.report, one lead"] = lambda: openecg.report(lead, rate)
    except ImportError:
        print("openecg is not installed (pip install openecg opendsp): left out")
    return found


def beats_and_quality(path: Path) -> float:
    """Read both leads; find R peaks, quality and the heart rate, without classes."""
    source = open_source(path)
    stream = PeakStream(source.rate, source.leads, 64.0)
    blocks = [b for chunk in source.chunks() for b in stream.push(chunk)] + stream.flush()
    return 60 * source.rate / float(np.mean(np.diff(np.concatenate([b.samples for b in blocks]))))


def memory_of_a_day(path: Path) -> str:
    """Analyse the record 48 times end to end as one file in a process of its own."""
    import wfdb

    signal = einthoven.read(path)
    with tempfile.TemporaryDirectory() as folder:
        digital = np.tile(np.round(signal.signal.T * 200).astype(np.int64), (48, 1))
        wfdb.wrsamp(
            "day", fs=360, units=["mV", "mV"], sig_name=["MLII", "V5"], d_signal=digital,
            fmt=["16", "16"], adc_gain=[200, 200], baseline=[0, 0], write_dir=folder,
        )  # fmt: skip
        script = (
            "import einthoven,pathlib,sys,time; t=time.perf_counter();"
            "f=einthoven.analyze(sys.argv[1]);"
            "status=pathlib.Path('/proc/self/status').read_text().split();"
            # ru_maxrss would be the parent's where that was larger
            "print(len(f.marks), int(status[status.index('VmHWM:')+1])//1024,"
            "round(time.perf_counter()-t,1))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(Path(folder) / "day")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    beats, mib, took = done.stdout.split()
    return f"24 hours, two leads: {beats} beats, peak memory {mib} MiB, {took} s"


def main() -> None:
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    path = data_root() / "mitdb" / RECORD
    ours = {
        "einthoven, R peaks, quality, rate alone": lambda: beats_and_quality(path),
        "einthoven.analyze, two leads, review": lambda: einthoven.analyze(path),
        "einthoven.analyze, two leads, live": lambda: einthoven.analyze(path, profile="live"),
    }
    others = peers(path)
    runs: dict[str, list[float]] = {name: [] for name in (*ours, *others)}
    for name, function in ours.items():
        function()  # opens the sessions, as a second record of a batch finds them
        runs[name].clear()
    for _ in range(3):
        for name, function in others.items():
            runs[name].append(seconds(function))
        for name, function in ours.items():
            repeats = 1 if "live" in name else 7
            runs[name] += [seconds(function) for _ in range(repeats)]
    base = statistics.median(runs["einthoven.analyze, two leads, review"])
    print(f"\nmitdb {RECORD}, half an hour, median seconds")
    for name, times in runs.items():
        median = statistics.median(times)
        print(f"  {name:<40} {median:8.3f}  {median / base:7.1f} x ours in review")
    print(memory_of_a_day(path))


if __name__ == "__main__":
    main()
