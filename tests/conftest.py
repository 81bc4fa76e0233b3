"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The suite gives the same verdict twice; `HYPOTHESIS=search pytest` looks for new counterexamples.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS", "same"))


def _root() -> Path:
    return Path(os.environ.get("EINTHOVEN_DATA", "~/.cache/einthoven/data")).expanduser()


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real recordings; the test is skipped where there is none."""
    if not _root().is_dir() or not any(_root().iterdir()):
        pytest.skip(f"no recordings under {_root()} (set EINTHOVEN_DATA)")
    return _root()


@pytest.fixture(scope="session")
def mitdb(data_root: Path) -> Path:
    """The folder of mitdb."""
    if not (data_root / "mitdb" / "100.dat").is_file():
        pytest.skip(f"no mitdb under {data_root}")
    return data_root / "mitdb"


@pytest.fixture(scope="session")
def wfdb_samples(data_root: Path) -> Path:
    """Sample files of the wfdb package."""
    folder = data_root / "formats" / "wfdb" / "wfdb-python" / "sample-data"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder
