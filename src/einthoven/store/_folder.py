"""The folder of a store: ``meta.json`` and one ``.npy`` file a column, all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record import DataError

META = "meta.json"


def cache_root() -> Path:
    """Return the folder of all stores: ``$EINTHOVEN_STORE`` or ``~/.cache/einthoven/store``."""
    return Path(os.environ.get("EINTHOVEN_STORE") or "~/.cache/einthoven/store").expanduser()


def key(*parts: object) -> str:
    """Return sixteen hex digits that differ whenever a part would."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """What every store holds.

    Attributes
    ----------
    path : its folder.
    meta : corpus, names of records and of the side numbers, and what else is known of all.
    window : (row, lead, time) float32, as the spec says.
    side : (row, number) float32.
    record_index : (row,) int32 into `records`.
    """

    path: Path
    meta: Mapping[str, Any]
    window: npt.NDArray[np.float32]
    side: npt.NDArray[np.float32]
    record_index: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.record_index)

    @property
    def records(self) -> tuple[str, ...]:
        """Names of the records, in the order of the corpus; those that gave no row among them."""
        return tuple(self.meta["records"])

    @cached_property
    def record(self) -> npt.NDArray[np.str_]:
        """(row,) name of the record."""
        return np.array(self.records, np.str_)[self.record_index]


def read(folder: Path, names: Sequence[str]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return meta and memory-mapped columns of a folder.

    Raises
    ------
    DataError : it is damaged.
    """
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        return meta, {c: np.load(folder / f"{c}.npy", mmap_mode="r") for c in names}
    except (OSError, ValueError) as fault:
        raise DataError(folder, f"is damaged ({fault})", "Delete the folder") from fault


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """Give a new folder beside `folder`, which it becomes if the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield beside
        # mkdtemp makes folders private; what we write should have the user's usual rights.
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(0o777 & ~mask)
        try:
            beside.rename(folder)
        except OSError:
            # Another process was quicker; the bytes are the same.
            if not (folder / META).is_file():
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write(
    folder: Path, meta: Mapping[str, Any], raw: Path, shape: Sequence[int],
    columns: Mapping[str, Sequence[npt.NDArray[Any]]],
) -> None:  # fmt: skip
    """Write all files of a store.

    Parameters
    ----------
    raw : file of all windows, little-endian float32; it goes.
    shape : of the windows, (row, lead, time).
    columns : the others, each in the pieces that are put one after the other.
    """
    for name, pieces in columns.items():
        np.save(folder / f"{name}.npy", np.concatenate(pieces))
    _to_npy(raw, folder / "window.npy", shape)
    text = json.dumps(meta, indent=1, sort_keys=True) + "\n"
    (folder / META).write_text(text, encoding="utf-8")


def _to_npy(raw: Path, target: Path, shape: Sequence[int]) -> None:
    """Put an ``.npy`` header before raw little-endian float32, without holding it in memory."""
    from numpy.lib import format as npy

    with target.open("wb") as out, raw.open("rb") as data:
        npy.write_array_header_1_0(
            out, {"descr": "<f4", "fortran_order": False, "shape": tuple(int(s) for s in shape)}
        )
        shutil.copyfileobj(data, out, 1 << 20)
    raw.unlink()
