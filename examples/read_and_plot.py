"""Read a recording and draw ten seconds of it on ECG paper, at true size.

    python examples/read_and_plot.py [FILE] [PICTURE]

Without a file, a simulated one is written first and read back.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import einthoven
from einthoven.corpora import demo_record
from einthoven.formats import write


def main(file: str | None = None, picture: str = "ecg.png") -> None:
    with tempfile.TemporaryDirectory() as folder:
        if file is None:
            file = str(Path(folder) / "demo.edf")
            write(demo_record(), file)
        record = einthoven.read(file)
    print(f"{record.name}: {', '.join(record.leads)}, {record.rate:g} Hz, {record.seconds:.0f} s")
    print(f"median of {record.leads[0]}: {float(np.nanmedian(record.signal[0])):+.3f} mV")
    record.plot(start=60, seconds=10).savefig(picture)
    print(f"drawn: {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
