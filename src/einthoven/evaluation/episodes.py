"""Episodes of a rhythm against a reference's, as ANSI/AAMI EC57 counts them.

An episode is found if any of it is, whatever its length; durations are compared to the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Counts of one recording or of several together; durations in samples or in seconds.

    Attributes
    ----------
    reference, found : episodes of the reference, and those of them that the test touches.
    test, right : episodes of the test, and those of them that touch the reference.
    reference_time, test_time, common_time : how long each and both last.
    """

    reference: int = 0
    found: int = 0
    test: int = 0
    right: int = 0
    reference_time: float = 0.0
    test_time: float = 0.0
    common_time: float = 0.0

    def __add__(self, other: Episodes) -> Episodes:
        names = self.__dataclass_fields__
        return Episodes(**{n: getattr(self, n) + getattr(other, n) for n in names})

    @property
    def figures(self) -> dict[str, float]:
        """Sensitivity and positive predictivity of episodes and durations; NaN where undefined."""

        def over(above: float, below: float) -> float:
            return above / below if below else float("nan")

        return {
            "episode_sensitivity": over(self.found, self.reference),
            "episode_predictivity": over(self.right, self.test),
            "duration_sensitivity": over(self.common_time, self.reference_time),
            "duration_predictivity": over(self.common_time, self.test_time),
        }


def merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans [start, end) in order, those that touch or overlap made one."""
    out: list[Span] = []
    for start, end in sorted(s for s in spans if s[1] > s[0]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def compare(
    reference: Sequence[Span], test: Sequence[Span], length: int, *,
    aside: Sequence[Span] = (), rate: float = 1.0,
) -> Episodes:  # fmt: skip
    """Return the counts of one recording.

    Parameters
    ----------
    reference, test : spans [start, end), samples.
    length : samples of the recording.
    aside : spans that are neither right nor wrong: what the test says there is not looked at.
    rate : Hz; durations are in seconds then.
    """
    truth, said, out = (_mask(s, length) for s in (reference, test, aside))
    truth &= ~out
    wanted = [s for s in merged(reference) if truth[s[0] : s[1]].any()]
    # An episode of the test is looked at if most of it is not set aside.
    given = [s for s in merged(test) if out[s[0] : s[1]].mean() < 0.5]
    judged = said & ~out
    return Episodes(
        reference=len(wanted), found=sum(bool(judged[a:b].any()) for a, b in wanted),
        test=len(given), right=sum(bool(truth[a:b].any()) for a, b in given),
        reference_time=float(truth.sum()) / rate, test_time=float(judged.sum()) / rate,
        common_time=float((truth & judged).sum()) / rate,
    )  # fmt: skip


def _mask(spans: Sequence[Span], length: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(length, np.bool_)
    for start, end in spans:
        mask[max(0, start) : end] = True
    return mask
