"""The book of looks: each time a system was scored on a public test side, and why.

A test side that has been looked at often has been fitted to, whatever the training code says; so
every look is written down in ``results/looks.json``. The same answers scored again are the same
look: a look is known by the fingerprint of the answers.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.record.files import write_text

NAME = "looks.json"
CONTROL = "boosting on windows"
# What the plan of `--suite mitdb` and `suites._control` add to a system's name to name its runs.
_RUN = re.compile(
    r"(-(aami|nlrav)-(inter|intra)(-(plain|gan|focal|gan-focal|leads|exchanged|strict))?|-strict)$"
)
_CONTROL_RUN = re.compile(r"control-.+-(inter|intra)-patient")


def system_of(name: str) -> str:
    """Return what a system is booked as, be it named by itself or by one of its runs.

    Else the looks of one system are two smaller numbers: ``arrhythminet-v1-nlrav-inter`` and
    ``arrhythminet-v1`` are one.
    """
    return CONTROL if _CONTROL_RUN.fullmatch(name) else _RUN.sub("", name)


def fingerprint(predictions: Predictions) -> str:
    """Return twelve hex digits that differ whenever an answer that is judged does."""
    predictions = predictions.where(predictions.label >= 0)
    digest = hashlib.sha256()
    order = np.lexsort((predictions.sample, predictions.record))
    digest.update("\n".join(predictions.record[order].tolist()).encode())
    digest.update(predictions.sample[order].astype("<i8").tobytes())
    digest.update(predictions.choice[order].astype("<i8").tobytes())
    return digest.hexdigest()[:12]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, where the system has such locks, so that no look is lost."""
    try:
        import fcntl
        import os
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read(results: Path) -> list[dict[str, Any]]:
    """Return all looks, the first first."""
    path = results / NAME
    if not path.is_file():
        return []
    try:
        looks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["looks"]
    except (ValueError, KeyError, TypeError) as fault:
        raise DataError(path, f"is no book of looks ({fault})", "Restore it from git") from fault
    return looks


def count(results: Path, *, system: str, side: str, answers: str, why: str, command: str) -> int:
    """Write down a look, unless the same answers were looked at before.

    Parameters
    ----------
    results : the folder of ``looks.json``.
    system : what was scored, e.g. ``"aami-review"``; booked as `system_of` says.
    side : the test side, e.g. ``"mitdb DS2"``.
    answers : the `fingerprint` of what it said.
    why, command : what for, and what was typed.

    Returns
    -------
    How often the system has been scored on that side by now.
    """
    results.mkdir(parents=True, exist_ok=True)
    with _alone(results):
        looks, system = read(results), system_of(system)
        mine = [k for k in looks if system_of(k["system"]) == system and k["side"] == side]
        if all(look["answers"] != answers for look in mine):
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            look = {
                "system": system, "side": side, "answers": answers, "why": why,
                "command": command, "date": today,
            }  # fmt: skip
            looks.append(look)
            mine.append(look)
            text = json.dumps({"looks": looks}, indent=1, ensure_ascii=False)
            write_text(results / NAME, text + "\n")
    return len(mine)
