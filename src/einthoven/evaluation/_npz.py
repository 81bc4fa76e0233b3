"""Tables of arrays in one file without Python objects."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import DataError
from einthoven.record.files import beside


def write(path: str | os.PathLike[str], columns: Mapping[str, Any]) -> None:
    """Write arrays by name into an ``.npz``, beside the place and then renamed."""
    with beside(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **columns)


def read(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an ``.npz`` by name; pickled objects are refused.

    Raises
    ------
    DataError : no such file, or not such a table.
    """
    try:
        # Opened here, for np.load leaves a damaged file open.
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as fault:
        raise DataError(path, f"cannot be read ({fault})", "Train the run again") from fault
