"""The storage formats of WFDB signal files, clause by clause of signal(5): bytes to integers.

Only the bytes that a request needs are read. Packed formats are cut at whole groups of bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.formats._bounds import read_span
from einthoven.record.errors import FormatError

Digital = npt.NDArray[Any]  # (sample,) int16 or int32


@dataclass(frozen=True)
class Storage:
    """One storage format.

    Attributes
    ----------
    group, samples : so many bytes hold so many samples.
    invalid : the digital value that stands for "missing"; None where there is none.
    decode : (bytes of whole groups) -> samples.
    left : bytes that 1, 2.. samples of an unfinished group need.
    """

    group: int
    samples: int
    invalid: int | None
    decode: Callable[[npt.NDArray[np.uint8]], Digital]
    left: tuple[int, ...] = ()

    def bytes_for(self, samples: int) -> int:
        """Return how many bytes so many samples take at the least."""
        whole, rest = divmod(samples, self.samples)
        return whole * self.group + (self.left[rest - 1] if rest else 0)

    def samples_in(self, size: int) -> int:
        """Return how many samples so many bytes hold."""
        whole, rest = divmod(size, self.group)
        return whole * self.samples + sum(rest >= need for need in self.left)


def _view(kind: str) -> Callable[[npt.NDArray[np.uint8]], Digital]:
    dtype: np.dtype[Any] = np.dtype(kind)

    def decode(raw: npt.NDArray[np.uint8]) -> Digital:
        out: Digital = raw.view(dtype)
        return out

    return decode


def _offset8(raw: npt.NDArray[np.uint8]) -> Digital:
    return raw.astype(np.int16) - np.int16(128)


def _offset16(raw: npt.NDArray[np.uint8]) -> Digital:
    return (raw.view("<u2") ^ np.uint16(0x8000)).view(np.int16)


def _24(raw: npt.NDArray[np.uint8]) -> Digital:
    wide = np.zeros((raw.size // 3, 4), np.uint8)
    wide[:, 1:] = raw.reshape(-1, 3)
    return wide.view("<i4")[:, 0] >> 8


def _212(raw: npt.NDArray[np.uint8]) -> Digital:
    # Three bytes a, b, c hold two samples: b's low nibble over a, b's high nibble over c. The
    # pair (a, b) is read as one 16-bit word; shifting it left and back spreads the sign.
    pairs = raw.size // 3
    out = np.empty((pairs, 2), np.int16)
    low = np.ndarray((pairs,), "<i2", raw, 0, (3,)) if pairs else np.empty(0, np.int16)
    np.right_shift(np.left_shift(low, 4), 4, out=out[:, 0])
    high = (raw[1::3] & np.uint8(0xF0)).astype(np.int16)
    np.left_shift(high, 8, out=high)
    np.right_shift(high, 4, out=high)
    np.bitwise_or(high, raw[2::3], out=out[:, 1])
    return out.reshape(-1)


def _ten_bits(words: npt.NDArray[Any]) -> Digital:
    return (words.astype(np.int16) << 6) >> 6


def _310(raw: npt.NDArray[np.uint8]) -> Digital:
    # Two 16-bit words hold three samples: bits 1-10 of each, then bits 11-15 of both.
    words = raw.view("<u2").reshape(-1, 2)
    one, two = words[:, 0], words[:, 1]
    out = np.empty((len(words), 3), np.int16)
    out[:, 0] = _ten_bits(one >> 1 & 0x3FF)
    out[:, 1] = _ten_bits(two >> 1 & 0x3FF)
    out[:, 2] = _ten_bits(one >> 11 | (two >> 11) << 5)
    return out.reshape(-1)


def _311(raw: npt.NDArray[np.uint8]) -> Digital:
    # One 32-bit word holds three samples, the first in the lowest bits.
    words = raw.view("<u4")
    return np.stack([_ten_bits(words >> s & 0x3FF) for s in (0, 10, 20)], axis=1).reshape(-1)


STORAGES: dict[int, Storage] = {
    8: Storage(1, 1, None, _view("i1")),
    16: Storage(2, 1, -(2**15), _view("<i2")),
    24: Storage(3, 1, -(2**23), _24),
    32: Storage(4, 1, -(2**31), _view("<i4")),
    61: Storage(2, 1, -(2**15), _view(">i2")),
    80: Storage(1, 1, -128, _offset8),
    160: Storage(2, 1, -(2**15), _offset16),
    212: Storage(3, 2, -(2**11), _212, (2,)),
    310: Storage(4, 3, -(2**9), _310, (2, 4)),
    311: Storage(4, 3, -(2**9), _311, (2, 3)),
}
FLAC = {508: 8, 516: 16, 524: 24}


class SignalFile:
    """A signal file that holds frames of interleaved samples.

    Parameters
    ----------
    path, fmt, offset : the file, its storage format, and the bytes before the first sample.
    width : samples a frame, all signals together.
    first : value before the differences of format 8, one a sample of a frame.
    """

    def __init__(
        self, path: Path, fmt: int, offset: int, width: int, first: tuple[int, ...]
    ) -> None:
        if fmt not in STORAGES:
            known = ", ".join(map(str, (*STORAGES, *FLAC)))
            raise FormatError(
                path, f"is stored in format {fmt}, which WFDB does not know", f"Known: {known}"
            )
        self.path, self.fmt, self.offset, self.width = path, fmt, offset, width
        self.storage = STORAGES[fmt]
        self.frames = max(0, self.storage.samples_in(path.stat().st_size - offset)) // width
        self.invalid = self.storage.invalid
        self._first = np.array(first, np.int64)
        # Format 8: the sum of all differences before frame `_at`.
        self._at, self._sum = 0, self._first

    def read(self, start: int, stop: int) -> Digital:
        """Return (frame, sample of the frame) of the frames [start, stop), all within the file."""
        if self.fmt == 8:
            return self._summed(start, stop)
        return self._plain(start, stop)

    def _plain(self, start: int, stop: int) -> Digital:
        first, last = start * self.width, stop * self.width
        kind = self.storage
        group = first // kind.samples
        size = kind.bytes_for(last - group * kind.samples)
        data = read_span(self.path, self.offset + group * kind.group, size)
        if len(data) < size:
            raise FormatError(self.path, "ends before its header says", "Fetch it again")
        data += b"\0" * (-size % kind.group)
        samples = kind.decode(np.frombuffer(data, np.uint8))
        lead = first - group * kind.samples
        out: Digital = samples[lead : lead + last - first].reshape(-1, self.width)
        return out

    def _summed(self, start: int, stop: int) -> Digital:
        # The differences are summed from the beginning, or from where the last request ended.
        if start < self._at:
            self._at, self._sum = 0, self._first
        step = max(1, (1 << 20) // self.width)
        while self._at < start:
            upto = min(self._at + step, start)
            self._sum = self._sum + self._plain(self._at, upto).sum(axis=0, dtype=np.int64)
            self._at = upto
        out: Digital = self._sum + self._plain(start, stop).cumsum(axis=0, dtype=np.int64)
        if len(out):
            self._at, self._sum = stop, out[-1]
        return out


class FlacFile:
    """A signal file compressed with FLAC (formats 508, 516, 524); needs soundfile."""

    def __init__(self, path: Path, fmt: int, width: int) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as fault:
            raise FormatError(
                path, "is compressed with FLAC", "Install the reader: pip install einthoven[flac]"
            ) from fault
        self.path, self.fmt, self.width = path, fmt, width
        self._library = soundfile
        self.invalid: int | None = -(2 ** (FLAC[fmt] - 1))
        try:
            info = soundfile.info(str(path))
        except (RuntimeError, OSError, ValueError, TypeError) as fault:
            raise FormatError(path, "is no FLAC file", "Fetch it again") from fault
        if info.format != "FLAC" or width % info.channels:
            raise FormatError(
                path, f"holds {info.channels} FLAC channels, its header {width}", "Fetch it again"
            )
        # Where all signals have the same samples a frame, a FLAC channel is a signal.
        self.channels = int(info.channels)
        self.frames = int(info.frames) * self.channels // width

    def read(self, start: int, stop: int) -> Digital:
        """Return (frame, sample of the frame) of the frames [start, stop)."""
        per_frame = self.width // self.channels
        try:
            with self._library.SoundFile(str(self.path)) as file:
                file.seek(start * per_frame)
                data = file.read((stop - start) * per_frame, dtype="int32", always_2d=True)
        except (RuntimeError, OSError, ValueError, MemoryError) as fault:
            raise FormatError(self.path, "is damaged FLAC", "Fetch it again") from fault
        if len(data) < (stop - start) * per_frame:
            raise FormatError(self.path, "ends before its header says", "Fetch it again")
        # (frame, per_frame, channel) -> channel by channel, as the signals of a frame are listed.
        values = data >> (32 - FLAC[self.fmt])
        frames = values.reshape(stop - start, per_frame, self.channels)
        return np.asarray(frames.transpose(0, 2, 1)).reshape(stop - start, self.width)


def open_file(
    path: Path, fmt: int, offset: int, width: int, first: tuple[int, ...]
) -> SignalFile | FlacFile:
    """Return the signal file, open for reading."""
    if fmt in FLAC:
        return FlacFile(path, fmt, width)
    return SignalFile(path, fmt, offset, width, first)
