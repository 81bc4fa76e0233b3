"""How plainly each lead shows the waves that all of them agree on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.signal._waves_decode import QRS

Floats = npt.NDArray[np.float32]

# Below that share of the clearest lead's clarity, a lead's word weighs less by that power.
_CLEAR, _STEEP = 0.8, 4


def clarity(p: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Return (lead,) what each lead weighs among all: how plainly it shows what they agree on.

    A lead of noise that hides its QRS would outvote the P waves of a clear one beside it.

    Parameters
    ----------
    p : (lead, 4, time) probabilities of each lead alone.
    there : (lead, time) whether there is signal.
    """
    agreed = np.einsum("lct,lt->ct", p, there.astype(np.float32)).argmax(axis=0)
    at = np.flatnonzero(agreed >= QRS)
    seen = there[:, at]
    own = p[:, agreed[at], at] * seen
    mean: Floats = (own.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)).astype(np.float32)
    # Where no lead shows a beat, all weigh the same.
    enough = _CLEAR * mean.max(initial=0)
    return np.clip(mean / enough, 0.1, 1) ** _STEEP if enough > 0 else np.ones_like(mean)
