"""What Findings say of waves: those found, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.engine.events import Event, WaveEvent
from einthoven.signal.waves import Waves

FEWEST = 3  # beats

MISSING = "waves: not answered, since no waves model is shipped"


def answer(
    events: list[Event],
    leads: tuple[str, ...],
    reason: str | None,
    beats: int,
    fibrillation: Sequence[tuple[int, int]] = (),
) -> tuple[Waves, list[str]]:
    """Return the waves of a recording, and what is to be said of them.

    Parameters
    ----------
    events : the engine's, which was asked for waves.
    leads : names of the recording's leads.
    reason : why the recording cannot be judged; None where it can.
    beats : how many were found.
    fibrillation : spans [start, end) of atrial fibrillation, samples; there is no P wave in them.
        For the stage that will tell rhythms; until there is one, none is known.
    """
    if 0 < beats < FEWEST:
        return Waves.none(), [f"waves: none are given, since {beats} beats are fewer than {FEWEST}"]
    if reason is not None:
        return Waves.none(), [f"waves: none are given, since {reason}"]
    waves = Waves.joined([e.waves for e in events if isinstance(e, WaveEvent)])
    for start, end in fibrillation:
        inside = (waves.peak >= start) & (waves.peak < end)
        waves = waves.where(~(inside & (waves.kind == "P")))
    if not len(waves):
        return waves, ["waves: none were found in any lead"]
    bare = [name for row, name in enumerate(leads) if not np.any(waves.lead == row)]
    if not bare:
        return waves, []
    return waves, [f"waves: none were found in {', '.join(bare)}, flat, missing or too noisy"]
