"""Whether a network that is told age and sex answers by whose beats they are.

The check is `training.patients`, on the validation side: nothing of a test side is looked at. What
it found is kept in the run folder, so that a run is asked once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from einthoven.record.errors import DataError
from einthoven.record.files import write_text
from einthoven.suites import _looks
from einthoven.suites._runs import Run

FILE = "patient_leak.json"
TIMES = 20
SIDE = "validation"


def patient_leak(run: Run) -> dict[str, Any]:
    """Return macro F1 of the validation side with patient data told in three ways.

    Returns
    -------
    ``people``, ``told`` (each subject's own), ``exchanged`` (another's: mean, least and most of
    ``times``, which are fewer than `TIMES` where few people are), ``withheld``, ``chance`` and
    ``leaks`` (None: cannot be told), see `training.patients.LeakCheck`.

    Raises
    ------
    DataError : it was not asked before, and the recordings are not here.
    """
    path = run.path / FILE
    asked = {"of": _looks.fingerprint(run.predictions), "asked": TIMES}
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if asked.items() <= kept.items():
            return kept
    from einthoven.training.patients import check_run

    found = check_run(run.path, part=SIDE, times=TIMES)
    each = np.array(found.exchanged)
    told = asked | {
        "side": SIDE, "people": found.people, "times": len(each), "told": found.told,
        "exchanged": {"mean": each.mean(), "least": each.min(), "most": each.max()},
        "withheld": found.withheld, "chance": found.chance, "leaks": found.leaks,
    }  # fmt: skip
    write_text(path, json.dumps(told, default=float) + "\n")
    return told


def patient_leaks(groups: Mapping[str, Sequence[Run]], notes: list[str]) -> dict[str, Any]:
    """Return `patient_leak` of the first run of each system that is told who the patient is.

    Parameters
    ----------
    groups : runs by system.
    notes : a system that cannot be asked leaves a note here.
    """
    found = {}
    for system, runs in groups.items():
        if "patient" not in runs[0].recipe["input"].get("side", ()):
            continue
        try:
            found[system] = patient_leak(runs[0])
        except DataError as fault:
            notes.append(f"{system}, whether patient data leak: {fault}")
    return found
