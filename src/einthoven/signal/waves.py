"""P, QRS and T: where they begin, peak and end, in each lead."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

KINDS = ("P", "QRS", "T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """One row a wave, sorted by lead, then in time order.

    Attributes
    ----------
    lead : (wave,) int64 row of the record's signal.
    kind : (wave,) ``P``, ``QRS`` or ``T``.
    onset, peak, offset : (wave,) int64 samples of the record's own rate; -1 where it cannot be
        told, since the recording ends there or signal is missing.
    onset_p, offset_p : (wave,) float32, 0 to 1: how sharply the net saw that boundary; 0 where
        there is none.
    """

    lead: Ints
    kind: npt.NDArray[np.str_]
    onset: Ints
    peak: Ints
    offset: Ints
    onset_p: Floats
    offset_p: Floats

    def __len__(self) -> int:
        return len(self.lead)

    @classmethod
    def none(cls) -> Waves:
        """Return a table without rows."""
        return cls.of([])

    @classmethod
    def of(cls, rows: list[tuple[int, str, int, int, int, float, float]]) -> Waves:
        """Return the table of such rows, sorted."""
        rows = sorted(rows, key=lambda row: (row[0], row[3]))
        columns = list(zip(*rows, strict=True)) or [()] * 7
        kinds = (np.int64, "<U3", np.int64, np.int64, np.int64, np.float32, np.float32)
        return cls(**{
            field.name: np.array(column, kind)
            for field, column, kind in zip(fields(cls), columns, kinds, strict=True)
        })  # fmt: skip

    @classmethod
    def joined(cls, tables: list[Waves]) -> Waves:
        """Return all rows of tables that follow each other in time."""
        if not tables:
            return cls.none()
        parts = {f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(cls)}
        return cls(**parts).where(np.lexsort((parts["peak"], parts["lead"])))

    def where(self, keep: npt.NDArray[np.bool_] | Ints) -> Waves:
        """Return some rows."""
        return Waves(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})
