"""NumPy: ``.npy`` with one array, ``.npz`` with ``signal``, ``rate``, ``leads`` and ``unit``.

Never unpickled. A plain array is read from the disk piece by piece; a compressed one is first
unpacked into a temporary file of bounded size. Which axis is time is told by the number of leads,
never by which is longer.
"""

from __future__ import annotations

import ast
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from einthoven.formats._bounds import MAX_CHANNELS
from einthoven.formats._channels import Track, TrackSource, agreed_rate, with_unit
from einthoven.formats._format import FORMATS, Format
from einthoven.formats._replace import writing
from einthoven.record.errors import FormatError, UsageError
from einthoven.record.leads import canonical, with_chest
from einthoven.record.record import Signal
from einthoven.record.source import Source

_MAGIC = b"\x93NUMPY"
_AGAIN = "Fetch it again"
_UNPACKED = 4 << 30
_SMALL = 1 << 20
_KEYS = {
    "rate": ("rate", "fs", "sampling_rate", "sample_rate", "sfreq"),
    "leads": ("leads", "lead_names", "sig_name", "channels"),
    "unit": ("unit", "units"),
}
Array = npt.NDArray[Any]


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, Fortran order and dtype of the ``.npy`` that `file` stands at."""
    start = file.read(8)
    wide = 2 if start[6:7] == b"\x01" else 4
    size = int.from_bytes(file.read(wide), "little")
    if start[:6] != _MAGIC or start[6:7] not in (b"\x01", b"\x02", b"\x03") or size > 65_536:
        raise FormatError(path, "has no NumPy header", _AGAIN)
    try:
        said = ast.literal_eval(file.read(size).decode("latin-1"))
        shape = tuple(int(n) for n in said["shape"])
        dtype = np.dtype(said["descr"])
        order = bool(said["fortran_order"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as fault:
        raise FormatError(path, "has a damaged NumPy header", _AGAIN) from fault
    if dtype.kind not in "iufSU" or dtype.hasobject or dtype.itemsize > _SMALL:
        raise FormatError(
            path, f"holds {dtype.kind!r} values, which are no samples", "Save numbers"
        )
    if any(n < 0 for n in shape) or len(shape) > 8 or np.prod([float(n) for n in shape]) > 2**48:
        raise FormatError(path, f"claims an array of shape {shape}"[:200], _AGAIN)
    return shape, order, dtype


def _map(path: Path, file: IO[bytes], size: int) -> Array:
    """Return the array that begins where `file` stands, mapped into memory."""
    shape, order, dtype = _header(path, file)
    count = int(np.prod(shape, dtype=np.int64))
    if count * dtype.itemsize > size - file.tell():
        raise FormatError(path, f"is too short for its shape {shape}", _AGAIN)
    if not count:  # nothing to map
        return np.zeros(shape, dtype)
    array = np.memmap(file, dtype, "r", file.tell(), (count,))
    out: Array = array.reshape(shape, order="F" if order else "C")
    return out


class NumpySource(TrackSource):
    """An array on the disk."""

    def __init__(
        self, path: Path, array: Array, said: dict[str, Any],
        rate: float | None, leads: Sequence[str] | None, unit: str | None,
    ) -> None:  # fmt: skip
        hertz = agreed_rate(path, said.get("rate"), rate)
        names = said.get("leads")
        wanted = None
        if names is None:
            names = None if leads is None else [canonical(name) for name in with_chest(leads)]
        else:
            wanted = leads
        self._array = _by_lead(path, array, names)
        if names is None:
            names = ["ECG"]
        units = said.get("unit") or [""]
        units = units * len(names) if len(units) == 1 else units
        if len(units) != len(names):
            raise FormatError(path, f"has {len(units)} units for {len(names)} leads", _AGAIN)
        length = self._array.shape[1]
        tracks = [
            Track(name=str(n), rate=hertz, unit=str(u), samples=length)
            for n, u in zip(names, units, strict=True)
        ]
        super().__init__(
            path=path, name=path.stem, tracks=with_unit(path, tracks, unit), leads=wanted
        )

    def _fill(self, out: Signal, tracks: Sequence[int], start: int) -> None:
        part = self._array[:, start : start + out.shape[1]]
        with np.errstate(over="ignore"):
            out[:] = part[list(tracks)]


def _by_lead(path: Path, array: Array, names: Sequence[str] | None) -> Array:
    """Return the array as (lead, time)."""
    if array.dtype.kind not in "iuf":
        raise FormatError(path, "holds texts where samples should be", "Save numbers")
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2:
        raise FormatError(path, f"has shape {array.shape}", "Save (lead, time)")
    leads = 1 if names is None else len(names)
    if array.shape[0] == leads:
        return array
    if array.shape[1] == leads:
        return array.T
    if names is None:
        raise FormatError(
            path, f"has shape {array.shape} and names no leads", "Name them, e.g. --leads II,V1"
        )
    raise UsageError(path, f"has shape {array.shape}, not {leads} leads", "Name one lead a row")


def _open_npy(
    path: Path, rate: float | None, leads: Sequence[str] | None, unit: str | None
) -> Source:
    with path.open("rb") as file:
        return NumpySource(path, _map(path, file, path.stat().st_size), {}, rate, leads, unit)


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    """Return one array of the archive: mapped where it is stored plainly, else unpacked on disk."""
    if info.flag_bits & 1:
        raise FormatError(path, "is encrypted", "Save it without a password")
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as file:
            # The local header repeats the name and has its own extra field.
            file.seek(info.header_offset)
            head = file.read(30)
            name, extra = (int.from_bytes(head[i : i + 2], "little") for i in (26, 28))
            start = info.header_offset + 30 + name + extra
            file.seek(start)
            return _map(path, file, min(start + info.file_size, path.stat().st_size))
    if info.file_size > _UNPACKED:
        raise FormatError(path, f"unpacks to {info.file_size >> 30} GB", "Save it uncompressed")
    with tempfile.TemporaryFile() as room, archive.open(info) as packed:
        left = _UNPACKED
        while block := packed.read(min(_SMALL, left)):
            room.write(block)
            left -= len(block)
        size = room.tell()
        room.seek(0)
        return _map(path, room, size)


def _open_npz(
    path: Path, rate: float | None, leads: Sequence[str] | None, unit: str | None
) -> Source:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
            if len(entries) > MAX_CHANNELS:
                raise FormatError(path, f"holds {len(entries)} arrays", _AGAIN)
            said = {
                what: _said(path, what, _member(path, archive, entries[key]))
                for what, keys in _KEYS.items()
                for key in keys
                if key in entries and entries[key].file_size <= _SMALL
            }
            known = {key for keys in _KEYS.values() for key in keys} | {"start"}
            signals = [name for name in entries if name not in known]
            if "signal" in entries:
                signals = ["signal"]
            if len(signals) != 1:
                told = ", ".join(sorted(entries))[:200]
                raise FormatError(path, f"holds the arrays {told}", "Name the samples 'signal'")
            array = _member(path, archive, entries[signals[0]])
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, KeyError) as fault:
        raise FormatError(path, "is a damaged archive", _AGAIN) from fault
    return NumpySource(path, array, said, rate, leads, unit)


def _said(path: Path, what: str, array: Array) -> Any:
    values = np.atleast_1d(array).ravel()
    if what == "rate":
        if values.size != 1 or values.dtype.kind not in "iuf":
            raise FormatError(path, "has a rate that is no number", _AGAIN)
        return float(values[0])
    if values.dtype.kind not in "SU":
        raise FormatError(path, f"has a {what} that is no text", _AGAIN)
    if values.dtype.kind == "U" and values.dtype.itemsize:
        # Text is stored as 32-bit code points; there are none beyond U+10FFFF.
        points = np.frombuffer(np.ascontiguousarray(values).tobytes(), f"{values.dtype.str[0]}u4")
        if points.size and points.max() > 0x10FFFF:
            raise FormatError(path, f"has a {what} that is no text", _AGAIN)
    try:
        return [v.decode() if isinstance(v, bytes) else str(v) for v in values.tolist()]
    except (UnicodeDecodeError, ValueError) as fault:
        raise FormatError(path, f"has a {what} that is no text", _AGAIN) from fault


def open_numpy(
    path: Path, *, rate: float | None, leads: Sequence[str] | None, unit: str | None
) -> Source:
    """Open a ``.npy`` or ``.npz``.

    Raises
    ------
    FormatError : it is no sound file of numbers.
    """
    opener: Callable[..., Source] = _open_npz if zipfile.is_zipfile(path) else _open_npy
    try:
        return opener(path, rate, leads, unit)
    except (OSError, ValueError, OverflowError) as fault:
        if isinstance(fault, (FormatError, UsageError)):
            raise
        raise FormatError(path, "is a damaged NumPy file", _AGAIN) from fault


def write_npz(source: Source, path: Path) -> tuple[Path, ...]:
    """Write the leads in mV as ``.npz``, uncompressed, without holding them in memory.

    Arrays: ``signal`` (lead, time) float32, ``rate`` Hz, ``leads``, ``unit``, and ``start`` where
    it is known. Channels that are no leads and annotations are not written.

    Raises
    ------
    UsageError : where there is no lead, or the file cannot be written.
    """
    if not source.leads:
        raise UsageError(source.path, "holds no ECG lead to write", "Name one with --leads")
    facts: dict[str, Array] = {
        "rate": np.array(source.rate), "leads": np.array(source.leads), "unit": np.array("mV"),
    }  # fmt: skip
    if source.start is not None:
        facts["start"] = np.array(source.start.isoformat())
    with writing(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        with archive.open("signal.npy", "w", force_zip64=True) as member:
            # In Fortran order all leads of a moment lie together, so pieces can be appended.
            np.lib.format.write_array_header_1_0(
                member,
                {"descr": "<f4", "fortran_order": True,
                 "shape": (len(source.leads), source.samples)},
            )  # fmt: skip
            for chunk in source.chunks():
                member.write(np.asarray(chunk, "<f4").tobytes(order="F"))
        for key, value in facts.items():
            with archive.open(f"{key}.npy", "w") as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
    return (path,)


def _sniff(path: Path, head: bytes) -> bool:
    if head.startswith(_MAGIC):
        return True
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        # The first entry's name stands near the beginning, even of a truncated archive.
        return b".npy" in head[:512]


FORMATS.add(
    "numpy",
    Format(
        name="numpy", summary="NumPy (.npy, .npz)", suffixes=(".npz",),
        sniff=_sniff, open=open_numpy, write=write_npz,
    ),
)  # fmt: skip
