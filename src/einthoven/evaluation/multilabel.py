"""Figures of classes that may be true together: one probability and one label a class.

Every figure takes weights (draw, record), how often each record counts, so that one call serves
the table itself (weights of one) and a thousand resampled ones alike. Labels of NaN are left out,
class by class. What is undefined (a class with no positive, or no negative) is NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.floating]


def _over(above: Floats, below: Floats) -> Floats:
    out = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), np.nan)
    return np.asarray(np.divide(above, below, out=out, where=below > 0), np.float64)


def once(records: int) -> Floats:
    """Return weights (1, record) under which each record counts once."""
    return np.ones((1, records))


def macro(by_class: Floats) -> Floats:
    """Return (draw,) the mean over the classes that are defined in the draw, of (draw, class)."""
    defined = ~np.isnan(by_class)
    return _over(np.where(defined, by_class, 0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _grouped(score: Labels, label: Labels, weight: Floats) -> tuple[Floats, Floats]:
    """Return (draw, level) weights of positives and of negatives at each score, rising."""
    known = ~np.isnan(label)
    order = np.argsort(score[known], kind="stable")
    ranked = np.asarray(score, np.float64)[known][order]
    positive = (label[known] == 1)[order]
    drawn = weight[:, known][:, order]
    if not len(ranked):
        return np.zeros((len(weight), 0)), np.zeros((len(weight), 0))
    # Equal scores cannot be parted by any threshold, so they stand together.
    starts = np.flatnonzero(np.append(True, np.diff(ranked) != 0))
    split = (np.where(positive, drawn, 0.0), np.where(positive, 0.0, drawn))
    one, two = (np.add.reduceat(part, starts, axis=1) for part in split)
    return np.asarray(one, np.float64), np.asarray(two, np.float64)


def auroc(score: Labels, label: Labels, weight: Floats) -> Floats:
    """P(a positive's score > a negative's) + half P(they are equal), of each class.

    Parameters
    ----------
    score, label : (record, class); labels 1, 0 or NaN.
    weight : (draw, record).

    Returns
    -------
    (draw, class), NaN where a draw has no positive or no negative.
    """
    found = np.full((len(weight), label.shape[1]), np.nan)
    for c in range(label.shape[1]):
        found[:, c] = area(*_grouped(score[:, c], label[:, c], weight))
    return found


def area(positive: Floats, negative: Floats) -> Floats:
    """Return the area under the ROC curve of each draw, NaN where either kind has no weight.

    Parameters
    ----------
    positive, negative : (draw, level) their weights at each score, rising; at one level they tie.
    """
    below = np.cumsum(negative, axis=1) - negative
    won = (positive * (below + negative / 2)).sum(axis=1)
    return _over(won, positive.sum(axis=1) * negative.sum(axis=1))


def auprc(score: Labels, label: Labels, weight: Floats) -> Floats:
    """Average precision, of each class: the sum of precision times the rise in recall.

    No line is drawn between the points, for precision is not linear there (Davis, Goadrich 2006,
    10.1145/1143844.1143874). Shapes as `auroc`; NaN where a draw has no positive.
    """
    found = np.full((len(weight), label.shape[1]), np.nan)
    for c in range(label.shape[1]):
        positive, negative = (part[:, ::-1] for part in _grouped(score[:, c], label[:, c], weight))
        hits, false = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
        # Levels that a draw does not contain have no rise in recall.
        precision = np.nan_to_num(_over(hits, hits + false))
        found[:, c] = _over((precision * positive).sum(axis=1), positive.sum(axis=1))
    return found


def decided(probability: Labels, threshold: Floats) -> npt.NDArray[np.bool_]:
    """Return (record, class) what is said; never, where a class's threshold is NaN."""
    return np.asarray(probability >= threshold, np.bool_)


def counts(
    said: npt.NDArray[np.bool_], label: Labels, weight: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (draw, class) true positives, false positives, false and true negatives."""
    true, false = label == 1, label == 0
    cells = (said & true, said & false, ~said & true, ~said & false)
    tp, fp, fn, tn = (np.asarray(weight @ c.astype(np.float64)) for c in cells)
    return tp, fp, fn, tn


def f1(said: npt.NDArray[np.bool_], label: Labels, weight: Floats) -> Floats:
    """F1 = 2 TP / (2 TP + FP + FN), (draw, class).

    NaN where a class neither occurs nor is said; 0 where it is said and never occurs. The
    organisers of CinC-2020 count it so too.
    """
    tp, fp, fn, _ = counts(said, label, weight)
    return _over(2 * tp, 2 * tp + fp + fn)


def sensitivity(said: npt.NDArray[np.bool_], label: Labels, weight: Floats) -> Floats:
    """TP / (TP + FN), (draw, class)."""
    tp, _, fn, _ = counts(said, label, weight)
    return _over(tp, tp + fn)


def specificity(said: npt.NDArray[np.bool_], label: Labels, weight: Floats) -> Floats:
    """TN / (TN + FP), (draw, class)."""
    _, fp, _, tn = counts(said, label, weight)
    return _over(tn, tn + fp)


def predictivity(said: npt.NDArray[np.bool_], label: Labels, weight: Floats) -> Floats:
    """TP / (TP + FP), (draw, class)."""
    tp, fp, _, _ = counts(said, label, weight)
    return _over(tp, tp + fp)


def _shared(said: npt.NDArray[np.bool_], label: Labels, weight: Floats) -> tuple[Floats, ...]:
    """Return `counts` in which a record's are divided by the number of its true labels."""
    # A record without a true label is not divided; its false positives count whole.
    return counts(said, label, weight / np.maximum((label == 1).sum(axis=1), 1))


def f2(said: npt.NDArray[np.bool_], label: Labels, weight: Floats, *, beta: float = 2.0) -> Floats:
    """(1 + b²) TP / ((1 + b²) TP + FP + b² FN), (draw, class), with counts shared out.

    Each count of a record is divided by the number of its true labels, as in the benchmark of
    PTB-XL on CPSC-2018 (Strodthoff et al. 2021, 10.1109/JBHI.2020.3022989). NaN where a class
    neither occurs nor is said.
    """
    tp, fp, fn, _ = _shared(said, label, weight)
    square = beta**2
    return _over((1 + square) * tp, (1 + square) * tp + fp + square * fn)


def g2(said: npt.NDArray[np.bool_], label: Labels, weight: Floats, *, beta: float = 2.0) -> Floats:
    """TP / (TP + FP + b FN), (draw, class), with counts shared out as in `f2`."""
    tp, fp, fn, _ = _shared(said, label, weight)
    return _over(tp, tp + fp + beta * fn)


def brier(probability: Labels, label: Labels, weight: Floats) -> Floats:
    """Mean square of (probability - label), of each class, 0 to 1; (draw, class)."""
    known = ~np.isnan(label)
    gap = np.where(known, np.asarray(probability, np.float64) - np.where(known, label, 0), 0) ** 2
    return _over(weight @ gap, weight @ known.astype(np.float64))


def _bins(probability: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Return (record,) bins of about as many records each; equal probabilities share a bin."""
    inner = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    return np.asarray(np.searchsorted(np.unique(inner), probability, side="left"), np.int64)


def ece(probability: Labels, label: Labels, weight: Floats, *, bins: int = 15) -> Floats:
    """Expected calibration error of each class, over bins of equally many records; (draw, class).

    Of a rare class nearly all probabilities lie in the lowest of bins of equal width, which then
    tell nothing; so ours hold equally many records (Nixon et al. 2019, arXiv:1904.01685). The
    bins are those of the table, not of each draw.
    """
    found = np.full((len(weight), label.shape[1]), np.nan)
    for c in range(label.shape[1]):
        known = ~np.isnan(label[:, c])
        if not known.any():
            continue
        p = np.asarray(probability[known, c], np.float64)
        member = np.eye(bins)[_bins(p, bins)]
        drawn = weight[:, known]
        gap = np.abs((drawn * (p - label[known, c])) @ member).sum(axis=1)
        found[:, c] = _over(gap, drawn.sum(axis=1))
    return found


def f_max(probability: Labels, label: Labels, weight: Floats, *, most: int = 200) -> Floats:
    """Fmax by record, (draw,): the largest F of any one threshold for all classes.

    As the benchmark of PTB-XL has it (10.1109/JBHI.2020.3022989): precision is the mean of
    |said and true| / |said| over records of which anything is said, recall that of
    |said and true| / |true| over all records, F = 2PR / (P + R). The threshold is chosen on the
    table that is judged, so it flatters; no threshold of ours is chosen so. Records without a
    true label, of which recall is undefined, are left out of it.

    Parameters
    ----------
    most : thresholds tried; all probabilities where there are no more, else so many of them at
        equal ranks.
    """
    known = ~np.isnan(label)
    true = label == 1
    size = true.sum(axis=1)
    levels = np.unique(np.asarray(probability, np.float64)[known])
    if len(levels) > most:
        levels = levels[np.linspace(0, len(levels) - 1, most).round().astype(int)]
    has = (size > 0).astype(np.float64)
    asked = weight @ has
    best = np.full(len(weight), np.nan)
    for level in levels:
        said = (probability >= level) & known
        both, told = (said & true).sum(axis=1), said.sum(axis=1)
        answered = (told > 0).astype(np.float64)
        precision = _over(weight @ (both / np.maximum(told, 1)), weight @ answered)
        recall = _over(weight @ (both / np.maximum(size, 1)), asked)
        f = _over(2 * precision * recall, precision + recall)
        best = np.fmax(best, np.where(precision + recall == 0, 0.0, f))
    return best
