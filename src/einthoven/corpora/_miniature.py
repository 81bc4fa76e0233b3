"""Generated corpora in PhysioNet's layout, so that everything runs where no data are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.corpora._sums import write_sums
from einthoven.formats._wfdb_annotation import encode
from einthoven.record import Annotations

GAIN, ZERO = 200, 1024  # digital units a mV and the unit of 0 mV, as in mitdb


def digital(millivolts: npt.NDArray[np.float32], zero: int) -> npt.NDArray[np.int64]:
    """Return 12-bit integers of a signal in mV, clipped where the converter would be."""
    units = np.rint(millivolts * GAIN).astype(np.int64) + zero
    return np.clip(units, -2047, 2047)


def pack_212(samples: npt.NDArray[np.int64]) -> bytes:
    """Return (lead, time) 12-bit integers as format 212: two samples in three bytes."""
    flat = samples.T.reshape(-1)
    flat = np.pad(flat, (0, len(flat) % 2)) & 0xFFF
    first, second = flat[0::2], flat[1::2]
    packed = np.stack([first & 0xFF, (first >> 8) | (second >> 8 << 4), second & 0xFF], axis=1)
    return packed.astype(np.uint8).tobytes()


def write_record(
    folder: Path, name: str, samples: npt.NDArray[np.int64], rate: float, leads: Sequence[str],
    *, gain: str, resolution: int, zero: int, marks: Annotations | None, comments: Sequence[str],
    form: int = 212, matrix: bool = False,
) -> list[Path]:  # fmt: skip
    """Write ``.hea``, ``.dat`` in format 212 or 16, and ``.atr``; return the files.

    Parameters
    ----------
    samples : (lead, time) integers of 12 or 16 bits.
    gain : as the header is to have it; ``"0"`` where the publisher states none.
    matrix : write a MATLAB 4 matrix ``val`` of 16 bits (``.mat``) as the CinC challenges do.
    """
    lines = [f"{name} {len(leads)} {rate:g} {samples.shape[1]}"]
    for row, lead in zip(samples, leads, strict=True):
        check = int((int(row.sum()) + 0x8000) % 0x10000 - 0x8000)
        stored = f"{name}.mat 16+24" if matrix else f"{name}.dat {form}"
        lines.append(f"{stored} {gain} {resolution} {zero} {row[0]} {check} 0 {lead}")
    lines += [f"# {comment}" for comment in comments]
    packed = pack_212(samples) if form == 212 else samples.T.astype("<i2").tobytes()
    contents = {"hea": ("\n".join(lines) + "\n").encode("ascii")}
    if matrix:
        # type 30: little endian, 16-bit integers, columns first; then rows, columns, real, name.
        top = np.array([30, *samples.shape, 0, 4], "<i4").tobytes() + b"val\0"
        contents["mat"] = top + samples.T.astype("<i2").tobytes()
    else:
        contents["dat"] = packed
    if marks is not None:
        contents["atr"] = encode(marks, folder / f"{name}.atr", None)
    written = []
    for end, data in contents.items():
        path = folder / f"{name}.{end}"
        path.write_bytes(data)
        written.append(path)
    return written


def write_listing(folder: Path, records: Sequence[str], files: Sequence[Path]) -> None:
    """Write RECORDS, ANNOTATORS and SHA256SUMS.txt as PhysioNet does."""
    listing = folder / "RECORDS"
    listing.write_text("\n".join(records) + "\n", encoding="ascii")
    annotators = folder / "ANNOTATORS"
    annotators.write_text("atr\treference beats and rhythm\n", encoding="ascii")
    write_sums(folder, [*files, listing, annotators])
