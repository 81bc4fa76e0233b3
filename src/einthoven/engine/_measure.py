"""What is measured in a recording whose beats and waves are known."""

from __future__ import annotations

import numpy as np

from einthoven.engine.findings import Beats, Quality
from einthoven.record.source import Source
from einthoven.signal.intervals import UNTOLD, Measurements, measure
from einthoven.signal.waves import Waves


def measured(
    source: Source,
    beats: Beats,
    quality: Quality,
    waves: Waves,
    *,
    heart_rate: float | None = None,
    fibrillating: bool = False,
) -> Measurements:
    """Return the measurements of a recording; `fibrillating` where all of it surely is.

    The `heart_rate`, where given, is the one told without waves, so that there is but one. All
    beats in good signal bound RR intervals. Waves are measured on those of them whose class is
    certain; where no classifier judged (class Q), on all, since an interval asks for no class.
    """
    doubtful = beats.uncertain & (beats.classes != "Q")
    return measure(
        waves, beats.samples, quality.good_at(beats.samples), source.rate, source.read,
        source.leads, "AF" if fibrillating else None,
        classes=np.where(doubtful, UNTOLD, beats.classes),
        heart_rate=heart_rate,
    )  # fmt: skip
