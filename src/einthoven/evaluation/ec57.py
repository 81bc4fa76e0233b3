"""Beat-by-beat comparison after ANSI/AAMI EC57, as the reference program ``bxb`` does it.

Two lists of marks are walked in time order and paired one to one within a window; pairs are counted
by class, reference in rows and test in columns. What falls within ventricular flutter or before the
end of the learning period is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from einthoven.record.annotation import Annotations
from einthoven.record.errors import UsageError
from einthoven.record.vocabulary import AAMI, is_beat, translate

Ints = npt.NDArray[np.int64]

WINDOW = 0.150  # seconds
LEARNING = 300.0  # seconds at the beginning that are not judged
NONE = "O"  # row of the test marks, and (o) column of the reference marks, that have no partner


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """How a test list answers a reference list.

    Attributes
    ----------
    counts : ``{(reference class, test class): beats}``; the class `NONE` stands for no partner.
    errors : (pair,) seconds from each reference mark to its partner.
    """

    counts: Mapping[tuple[str, str], int]
    errors: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def total(self, rows: str, columns: str) -> int:
        """Return the beats in the cells of all those rows and columns."""
        return sum(n for (r, c), n in self.counts.items() if r in rows and c in columns)

    def figures(self) -> dict[str, float | int | None]:
        """Return counts and figures; a figure without a denominator is None.

        ``q`` stands for all beats, ``v`` and ``s`` for ventricular and supraventricular ectopic
        ones: ``_se`` sensitivity, ``_ppv`` positive predictivity, ``v_fpr`` false positive rate.
        A fused or unclassifiable beat called ventricular is no error, nor is an unclassifiable one
        called supraventricular.
        """
        every = "NSVFQ"
        tp, fn = self.total(every, every), self.total(every, NONE)
        fp = self.total(NONE, every)
        vtp, vfn = self.total("V", "V"), self.total("V", "NSFQ" + NONE)
        vfp = self.total("NS" + NONE, "V")
        vtn = self.total("NSFQ" + NONE, "NSFQ")
        stp, sfn = self.total("S", "S"), self.total("S", "NVFQ" + NONE)
        sfp = self.total("NVF" + NONE, "S")
        return {
            "q_tp": tp, "q_fn": fn, "q_fp": fp, "q_se": _ratio(tp, tp + fn),
            "q_ppv": _ratio(tp, tp + fp), "q_f1": _ratio(2 * tp, 2 * tp + fn + fp),
            "v_se": _ratio(vtp, vtp + vfn), "v_ppv": _ratio(vtp, vtp + vfp),
            "v_fpr": _ratio(vfp, vfp + vtn),
            "s_se": _ratio(stp, stp + sfn), "s_ppv": _ratio(stp, stp + sfp),
        }  # fmt: skip


def _ratio(above: int, below: int) -> float | None:
    return above / below if below else None


def pair(reference: Ints, test: Ints, window: int) -> tuple[Ints, Ints]:
    """Pair two sorted lists of samples one to one, by the rule in force since 2002.

    A mark is paired with the other list's next one if that is within `window` samples and if no
    neighbour would make the closer pair.

    Returns
    -------
    reference, test : (pair,) indices into the two lists.
    """
    far = 1 << 60
    ref, own = [*reference.tolist(), far, far], [*test.tolist(), far, far]
    i = j = 0
    left, right = [], []
    while i < len(reference) and j < len(test):
        here, there = ref[i], own[j]
        if there < here:
            gap, after = here - there, own[j + 1]
            # The next test mark may lie closer to this beat, unless it belongs to the next one.
            rival, rival_next = abs(here - after), abs(ref[i + 1] - after)
            if gap <= window and (gap < rival or rival_next < rival):
                left.append(i)
                right.append(j)
                i += 1
            j += 1
        else:
            gap, after = there - here, ref[i + 1]
            rival, rival_next = abs(there - after), abs(own[j + 1] - after)
            if gap <= window and (gap < rival or rival_next < rival):
                left.append(i)
                right.append(j)
                j += 1
            i += 1
    return np.array(left, np.int64), np.array(right, np.int64)


def compare(
    reference: Annotations,
    samples: Ints,
    rate: float,
    *,
    classes: npt.NDArray[np.str_] | None = None,
    table: str = "aami-bxb",
    window: float = WINDOW,
    start: float = LEARNING,
) -> Comparison:
    """Compare found beats with the reference marks of a record.

    Parameters
    ----------
    reference : all marks of the record; those that are no beats are passed over, and what lies
        between ``[`` and ``]`` (ventricular flutter) is left out on both sides.
    samples : (beat,) sorted samples of the found beats, at `rate` Hz.
    classes : (beat,) N S V F Q of the found beats; all N if not given.
    table : map from WFDB symbols to classes: ``aami-bxb`` (that of bxb) or ``aami`` (e and j in N).
    window : seconds; 0.150 is the standard's.
    start : seconds that are passed over; 300 is the standard's.

    Raises
    ------
    UsageError : the lists are not sorted, or `classes` has another length or unknown classes.
    """
    samples = np.asarray(samples, np.int64)
    if classes is None:
        classes = np.full(len(samples), "N")
    if len(classes) != len(samples):
        raise UsageError("ec57", f"{len(samples)} beats, {len(classes)} classes", "Give one a beat")
    if not np.isin(classes, AAMI).all():
        raise UsageError("ec57", "a class is not of N S V F Q", "Translate the classes")
    if (np.diff(samples) < 0).any() or (np.diff(reference.samples) < 0).any():
        raise UsageError("ec57", "the marks are not in time order", "Sort them")
    beats = is_beat(reference.symbols)
    ref = reference.samples[beats]
    labels = translate(reference.symbols[beats], table)
    flutter = episodes(reference)
    first = start * rate
    keep_ref, keep_own = ref >= first, samples >= first
    for a, b in flutter:
        keep_ref &= ~((ref >= a) & (ref <= b))
    ref, labels = ref[keep_ref], labels[keep_ref]
    samples, classes = samples[keep_own], classes[keep_own]
    left, right = pair(ref, samples, int(window * rate))
    counts: dict[tuple[str, str], int] = {}

    def count(row: str, column: str) -> None:
        counts[row, column] = counts.get((row, column), 0) + 1

    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        count(str(labels[i]), str(classes[j]))
    for i in sorted(set(range(len(ref))) - set(left.tolist())):
        count(str(labels[i]), NONE)
    for j in sorted(set(range(len(samples))) - set(right.tolist())):
        if not any(a <= samples[j] <= b for a, b in flutter):
            count(NONE, str(classes[j]))
    return Comparison(counts=counts, errors=(samples[right] - ref[left]) / rate)


def episodes(reference: Annotations) -> list[tuple[int, int]]:
    """Return the (first, last) samples of ventricular flutter; one without end lasts for ever."""
    out: list[tuple[int, int]] = []
    begin: int | None = None
    for sample, symbol in zip(reference.samples.tolist(), reference.symbols.tolist(), strict=True):
        if symbol == "[" and begin is None:
            begin = sample
        elif symbol == "]" and begin is not None:
            out.append((begin, sample))
            begin = None
    if begin is not None:
        out.append((begin, 1 << 62))
    return out


def gross(comparisons: Sequence[Comparison]) -> Comparison:
    """Return the sum over records: figures of it are the standard's gross statistics."""
    counts: dict[tuple[str, str], int] = {}
    for one in comparisons:
        for cell, n in one.counts.items():
            counts[cell] = counts.get(cell, 0) + n
    errors = np.concatenate([np.zeros(0), *(c.errors for c in comparisons)])
    return Comparison(counts=counts, errors=errors)


def average(comparisons: Sequence[Comparison]) -> dict[str, float | None]:
    """Return the mean over records of each figure, over those records that have one."""
    rows = [c.figures() for c in comparisons]
    names = [k for k in (rows[0] if rows else {}) if k.rpartition("_")[2] not in ("tp", "fn", "fp")]
    out: dict[str, float | None] = {}
    for name in names:
        values = [float(v) for r in rows if (v := r[name]) is not None]
        out[name] = float(np.mean(values)) if values else None
    return out
