"""``intra-patient``: random beats of the same patients on all sides. Leaky, for comparison only.

What most papers on mitdb report: beats are shuffled, so each test beat has siblings of the same
patient, lead and minute in training. It says nothing of new patients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.corpora.mitdb import PACED
from einthoven.protocols import PROTOCOLS
from einthoven.protocols._split import (
    Beats,
    Protocol,
    Split,
    TestSide,
    TrainingSide,
    ValidationSide,
)
from einthoven.record.errors import UsageError

SHARES = (0.8, 0.1, 0.1)


class IntraPatient(Protocol):
    """Stratified random beats, 80/10/10."""

    name = "intra-patient"
    leaky = True

    def split(
        self,
        beats: Beats,
        *,
        seed: int,
        strict: bool = False,
        train: Sequence[str] = (),
        validation: Sequence[str] = (),
        test: Sequence[str] = (),
    ) -> Split:
        """Draw 10 % of each class for validation, 10 % for test; the rest trains.

        Paced records of mitdb are left out, as in `inter-patient`, unless the classes have a
        place for paced beats: the papers that count five AAMI classes test on them, and Q is
        hardly anything else (8,028 of 8,043 beats).
        """
        if strict or train or validation or test:
            raise UsageError(
                f"protocol {self.name}", "takes no records and no strict variant",
                "Use inter-patient",
            )  # fmt: skip
        draw = np.random.default_rng((seed, 80_10_10))
        paced = np.isin(beats.record, PACED)
        if paced.any() and (beats.label[paced] >= 0).mean() > 0.95:
            paced[:] = False
        sides: tuple[list[np.ndarray[tuple[int], np.dtype[np.int64]]], ...] = ([], [], [])
        for label in np.unique(beats.label[beats.label >= 0]):
            drawn = draw.permutation(np.flatnonzero((beats.label == label) & ~paced))
            first = round(len(drawn) * SHARES[0])
            second = round(len(drawn) * (SHARES[0] + SHARES[1]))
            for side, part in zip(sides, np.split(drawn, [first, second]), strict=True):
                side.append(part)
        rows = [np.concatenate(side) if side else np.zeros(0, np.int64) for side in sides]
        return Split(
            protocol=self.name, beats=beats, leaky=True, seed=seed,
            training=TrainingSide(rows=rows[0]), validation=ValidationSide(rows=rows[1]),
            test=TestSide(rows=rows[2]),
            left_out={
                "paced records": int((paced & (beats.label >= 0)).sum()),
                "no class": int((beats.label < 0).sum()),
            },
        )  # fmt: skip


PROTOCOLS.add(IntraPatient.name, IntraPatient())
