"""Datasets of HDF5 files, read a piece at a time; h5py is imported when the first is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import FormatError, UsageError

_MOST = 64 << 20  # bytes of one reading: compression could make a small file fill the memory


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise UsageError(
            "HDF5", "cannot be read without h5py", "Install it: pip install 'einthoven[hdf5]'"
        ) from None
    return h5py


def read(path: Path, name: str, row: int | None = None) -> npt.NDArray[Any]:
    """Return the dataset `name`, or one row of its first axis.

    Raises
    ------
    UsageError : where h5py is not installed.
    FormatError : where the file is damaged, holds no such dataset, or far too much of it.
    """
    module = _h5py()
    try:
        with module.File(path, "r") as file:
            found = file.get(name)
            if not isinstance(found, module.Dataset) or not found.shape:
                raise FormatError(path, f"holds no dataset {name!r}", "Fetch it again")
            size = found.nbytes // (1 if row is None else max(1, found.shape[0]))
            if size > _MOST:
                raise FormatError(path, f"holds {size} bytes of {name}", "Check what it is")
            return np.asarray(found[()] if row is None else found[row])
    except FormatError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, IndexError) as fault:
        raise FormatError(path, f"is no sound HDF5 file ({fault})", "Fetch it again") from fault


def write(path: Path, **data: npt.NDArray[Any]) -> Path:
    """Write a file with those datasets, the same bytes each time; return it."""
    with _h5py().File(path, "w") as file:
        for name, values in data.items():
            file.create_dataset(name, data=values, track_times=False)
    return path
