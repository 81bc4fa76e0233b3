"""The small net that tells R peaks from the rest, read from its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle, load_model

Floats = npt.NDArray[np.float32]


class Judge(Protocol):
    """Whatever turns descriptions of candidates into logits and offsets.

    Attributes
    ----------
    threshold : a candidate is accepted above that logit.
    join : weights that join several leads, see `_peaks_join`.
    """

    @property
    def threshold(self) -> float: ...

    @property
    def join(self) -> Mapping[str, float]: ...

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Return (candidate,) logit of being a beat, and offset of its mark in grid samples."""
        ...


class PeakNet:
    """The ONNX of a bundle of task ``peaks``.

    Attributes
    ----------
    threshold : a candidate is accepted above that logit.
    join : weights that join several leads, see `_peaks_join`.
    """

    def __init__(self, bundle: Bundle) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = ort.InferenceSession(
            bundle.stage_bytes(0), sess_options=options, providers=["CPUExecutionProvider"]
        )
        limits = dict(bundle.card.thresholds)
        self.threshold = float(limits.pop("logit"))
        self.join = {k.removeprefix("join."): v for k, v in limits.items() if "." in k}

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Return (candidate,) logits and offsets."""
        if not len(features):
            empty = np.zeros(0, np.float32)
            return empty, empty
        logits, offset = self._session.run(["logits", "offset"], {"side": features})
        return logits[:, 1] - logits[:, 0], offset[:, 0]


@lru_cache(maxsize=4)
def shipped(name: str = "rpeaks") -> PeakNet:
    """Return the detector's net of that name; opened once."""
    return PeakNet(load_model(name))
