"""Which channels are ECG leads, and what a request costs."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from einthoven.formats import open_source
from einthoven.formats._channels import is_lead, is_other
from einthoven.formats._units import spelt, stated, to_mv
from einthoven.record.errors import FormatError, UsageError


@pytest.mark.parametrize(
    "name",
    ["II", "avr", "MLII", "ECG", "ECG 1", "ECG_2", "ECG II", "EKG1", "ecg lead II", "V", "MCL1",
     "CM5", "vx", "D2", "A-S", "V1-ref", "MDC_ECG_LEAD_V1"],
)  # fmt: skip
def test_names_of_leads(name: str) -> None:
    assert is_lead(name)
    assert not is_other(name)


@pytest.mark.parametrize(
    "name",
    ["EEG Fpz-Cz", "EEG_C3", "Fp2-F4", "C4-A1", "T3", "EOG horizontal", "EMG submental", "EMG1",
     "RESP", "Resp. Imp.", "PLETH", "ABP", "SpO2", "CO2", "UC", "Event marker", "Temp rectal"],
)  # fmt: skip
def test_names_of_other_signals(name: str) -> None:
    assert is_other(name)
    assert not is_lead(name)


@pytest.mark.parametrize("more", [(), ("Cz",)])
def test_chest_leads_by_the_names_of_their_electrodes(tmp_path: Path, more: tuple[str]) -> None:
    """Beside Cz they are sites of the scalp, and no leads."""
    names = ["I", "II", *(f"C{i}" for i in range(1, 7)), *more]
    path = tmp_path / "a.csv"
    rows = "\n".join(",".join(f"{i + 0.1 * j}" for j in range(len(names))) for i in range(500))
    path.write_text(",".join(names) + "\n" + rows)
    source = open_source(path, rate=100, unit="mV")
    assert source.leads == (
        ("I", "II") if more else ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    )


@pytest.mark.parametrize("name", ["ch1", "col 0", "noise1", "signal 0", "A", "left arm"])
def test_names_that_say_nothing(name: str) -> None:
    assert not is_lead(name)
    assert not is_other(name)


def test_every_spelling_of_a_voltage() -> None:
    for unit in ("mV", "mv", "MV", "millivolt", " mV "):
        assert (to_mv(unit), spelt(unit)) == (1.0, "mV")
    for unit in ("uV", "\u00b5V", "\u03bcV", "\ufffdV", "microvolts", "UV"):
        assert (to_mv(unit), spelt(unit)) == (1e-3, "uV")
    assert (to_mv("V"), to_mv("nV"), to_mv("mmHg"), to_mv("")) == (1e3, 1e-6, None, None)
    assert stated("adc:-200") == ("adc", -1 / 200)
    for flag in ("adc:", "adc:0", "adc:nan", "mmHg", ""):
        with pytest.raises(UsageError, match="adc:GAIN"):
            stated(flag)


def _days_of_wfdb(folder: Path) -> Path:
    (folder / "x.hea").write_text("x 3 1000 600000000\n" + "x.dat 212 200/mV 12 0 0 0 0 ECG\n" * 3)
    with (folder / "x.dat").open("wb") as file:
        file.truncate(600_000_000 * 3 * 3 // 2)
    return folder / "x.hea"


def _days_of_edf(folder: Path) -> Path:
    from einthoven.formats import write

    from ._made import a_record

    write(a_record(samples=1000, rate=1000.0), folder / "x.edf")
    data = bytearray((folder / "x.edf").read_bytes())
    size = len(data) - 256 * 4
    data[192:236] = b" " * 44  # plain EDF, so that the holes need not state their time
    data[236:244] = b"600000  "
    with (folder / "x.edf").open("wb") as file:
        file.write(data)
        file.truncate(256 * 4 + size * 600_000)
    return folder / "x.edf"


def _days_of_numpy(folder: Path) -> Path:
    shape = (3, 600_000_000)
    np.lib.format.open_memmap(folder / "x.npy", "w+", np.int16, shape).flush()
    return folder / "x.npy"


@pytest.mark.parametrize("make", [_days_of_wfdb, _days_of_edf, _days_of_numpy])
def test_a_week_of_signal_never_sits_in_memory(tmp_path: Path, make: object) -> None:
    assert callable(make)
    path = make(tmp_path)  # a sparse file: it takes no room on the disk
    flags = (
        {"rate": 1000, "leads": ("I", "II", "V1"), "unit": "mV"} if path.suffix == ".npy" else {}
    )
    tracemalloc.start()
    try:
        source = open_source(path, **flags)
        assert source.samples == 600_000_000
        assert source.read(300_000_000, 300_001_000).shape == (len(source.leads), 1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_part_of_a_wfdb_record_alone_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_bytes(bytes(range(256)))
    with pytest.raises(FormatError, match=r"put the header \(.hea\) beside it"):
        open_source(tmp_path / "x.dat")
