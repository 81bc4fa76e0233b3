"""What is known of the patient, as numbers that are the same for all beats of a recording.

On few people these numbers name the person, so they serve experiments alone: nothing in use hands
them in (`InputStream` refuses), and `training.patients` tells what a trained net makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.record.record import Patient

NAMES = ("patient_age", "patient_sex", "patient_age_known", "patient_sex_known")
# The second has the numbers of another person: a control, made by `exchanged`.
GROUPS = ("patient", "patient-exchanged")

_SEX = {"F": 1.0, "M": -1.0}


def numbers(patient: Patient) -> npt.NDArray[np.float64]:
    """Return (4,): age in centuries, sex (F 1, M -1), and a 1 for each that is known.

    What is not known is 0, so that 0, 0, 0, 0 is a patient of whom nothing is known.
    """
    sex = _SEX.get((patient.sex or "")[:1].upper())
    known = (patient.age is not None, sex is not None)
    return np.array([(patient.age or 0.0) / 100.0, sex or 0.0, *known], np.float64)


def refuse(side: Sequence[str], where: object, mend: str) -> None:
    """Refuse groups of side numbers that hold patient data: nothing in use has them.

    Parameters
    ----------
    side : groups, as ``input.side`` names them.
    where, mend : of the error.

    Raises
    ------
    UsageError : one of them does.
    """
    if set(side) & set(GROUPS):
        fault = "asks for patient data, which serve experiments in training alone"
        raise UsageError(where, fault, mend)


def exchanged(subjects: Sequence[str], seed: int) -> Mapping[str, str]:
    """Return for each subject another one, each the other of exactly one.

    A single subject has no other and stays.
    """
    order = np.random.default_rng(seed).permutation(sorted(set(subjects))).tolist()
    return dict(zip(order, [*order[1:], *order[:1]], strict=True))
