"""Annotations: marks at sample numbers, in WFDB's symbols."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotations:
    """Marks at samples of the record's own rate, in time order.

    Attributes
    ----------
    samples : (mark,) int64, counted from 0 at the record's own rate.
    symbols : (mark,) WFDB symbols, e.g. ``"N"``, ``"V"``, ``"+"``.
    subtypes, channels, numbers : (mark,) small integers, as in a WFDB annotation file.
    texts : (mark,) the auxiliary text, e.g. ``"(AFIB"``; empty where there is none.
    """

    samples: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.str_]
    subtypes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    channels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    numbers: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.samples)
        set_ = object.__setattr__
        set_(self, "samples", np.asarray(self.samples, np.int64))
        set_(self, "symbols", np.asarray(self.symbols, np.str_))
        for name in ("subtypes", "channels", "numbers"):
            value = getattr(self, name)
            set_(self, name, np.asarray(value if len(value) else np.zeros(n), np.int64))
        set_(self, "texts", tuple(self.texts) or ("",) * n)
        lengths = {len(v) for v in (self.symbols, self.subtypes, self.channels, self.texts)}
        if lengths - {n}:
            raise ValueError(f"annotations: columns of unequal length, {sorted(lengths | {n})}")

    def __len__(self) -> int:
        return len(self.samples)

    def where(self, keep: npt.NDArray[np.bool_]) -> Annotations:
        """Return the marks for which `keep` (mark,) is true."""
        texts = tuple(t for t, k in zip(self.texts, keep, strict=True) if k)
        return Annotations(
            samples=self.samples[keep], symbols=self.symbols[keep], subtypes=self.subtypes[keep],
            channels=self.channels[keep], numbers=self.numbers[keep], texts=texts,
        )  # fmt: skip
