"""What the suite ``guided`` asks of a network beyond right and wrong: does it use what it shows?

The window of a beat is taken apart into six stretches that are the same for every beat. A stretch
is taken away by the straight line between its ends, so that what is left could be a signal still;
with six there are 64 variants of a beat, and every curve is read off their answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import faithfulness
from einthoven.evaluation.calibration import softmax
from einthoven.explain._case import bridged

if TYPE_CHECKING:
    from torch import nn

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Seconds from the R peak. Not the regions of the masks: these divide the window, and QRS is the
# same for all classes.
PARTS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "before": (-0.40, -0.20), "P": (-0.20, -0.08), "QRS": (-0.08, 0.08), "ST": (0.08, 0.18),
        "T": (0.18, 0.38), "after": (0.38, 0.60),
    }
)  # fmt: skip
FIGURES = ("deletion", "insertion", "comprehensiveness", "sufficiency")
ORDERS = ("Grad-CAM", "random", "QRS energy")
_TOP = 2  # parts that comprehensiveness and sufficiency are of
_IN = 0.5  # a sample is in the mask from here on
_BATCH = 2048


def parts(window: tuple[float, float], rate: float) -> Mask:
    """Return (part, time), which samples of a window belong to each of `PARTS`."""
    before, after = round(window[0] * rate), round(window[1] * rate)
    time = np.arange(-before, after) / rate
    return np.stack([(time >= a - 1e-9) & (time < b - 1e-9) for a, b in PARTS.values()])


def subsets(count: int) -> Mask:
    """Return (2 ** count, count) bool: row r keeps part p where bit p of r is set."""
    return np.asarray((np.arange(2**count)[:, None] >> np.arange(count)) & 1, bool)


def variants(window: npt.NDArray[np.float32], where: Mask) -> npt.NDArray[np.float32]:
    """Return (beat, variant, 1, time): windows (beat, 1, time) with each of `subsets` kept."""
    keep = subsets(len(where))
    lost = np.einsum("vp,pt->vt", (~keep).astype(np.int64), where.astype(np.int64)) > 0
    made = [bridged(window, np.broadcast_to(rows, window.shape)) for rows in lost]
    return np.stack(made, axis=1)


def answers(net: nn.Module, window: npt.NDArray[np.float32]) -> Floats:
    """Return (beat, variant, class) probabilities of (beat, variant, 1, time)."""
    import torch

    flat = torch.from_numpy(np.ascontiguousarray(window.reshape(-1, *window.shape[2:])))
    with torch.no_grad():
        found = torch.cat([net(flat[i : i + _BATCH]) for i in range(0, len(flat), _BATCH)])
    p = softmax(found.numpy().astype(np.float64))
    return p.reshape(*window.shape[:2], -1)


def cams(
    net: nn.Module, window: npt.NDArray[np.float32], label: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return (beat, time) Grad-CAM of the class `label` (beat,), linear between positions."""
    import torch

    from einthoven.training._guided import grad_cam, watched

    with watched(net.eval()) as seen:
        logits = net(torch.from_numpy(window))
    cam = grad_cam(logits, seen[-1], torch.from_numpy(label)).detach().numpy()
    time, positions = window.shape[2], cam.shape[1]
    centre = (np.arange(positions) + 0.5) * time / positions - 0.5
    return np.stack([np.interp(np.arange(time), centre, row) for row in cam.astype(np.float64)])


@dataclass(frozen=True, eq=False)
class Told:
    """What is found of some beats of one network.

    Attributes
    ----------
    faithful : (beat, order, figure), of `ORDERS` and `FIGURES`.
    full : (beat,) probability of the class on the whole window.
    pointed : (beat,) whether the map is highest within the mask.
    inside : (beat,) share of the map within the mask; NaN for a map that is 0 everywhere.
    share : (beat,) share of the window within the mask: what a flat map would have inside.
    alike : (beat,) NCC of map and mask, what the loss pulls at.
    falls : (beat, part) by how much the probability falls without one part alone.
    lies : (beat, part) share of the map on each part; NaN for a map that is 0 everywhere.
    """

    faithful: Floats
    full: Floats
    pointed: Floats
    inside: Floats
    share: Floats
    alike: Floats
    falls: Floats
    lies: Floats


def judge(
    cam: Floats, mask: npt.NDArray[np.float32], window: npt.NDArray[np.float32], p: Floats,
    where: Mask,
) -> Told:  # fmt: skip
    """Return what is found of some beats.

    Parameters
    ----------
    cam, mask : (beat, time).
    window : (beat, 1, time).
    p : (beat, variant) probability of the class that is explained, for each of `subsets`.
    where : (part, time).
    """
    faithful = np.stack(
        [
            _orders(p[i], cam[i : i + 1], window[i].astype(np.float64), where, seed=i)
            for i in range(len(p))
        ]
    )
    inside = mask >= _IN
    total = cam.sum(axis=1)
    mass = np.full(len(cam), np.nan)
    np.divide((cam * inside).sum(axis=1), total, out=mass, where=total > 0)
    highest = inside[np.arange(len(cam)), cam.argmax(axis=1)] & (total > 0)
    alone = len(p[0]) - 1 - (1 << np.arange(len(where)))
    lies = np.full((len(cam), len(where)), np.nan)
    np.divide(cam @ where.T, total[:, None], out=lies, where=total[:, None] > 0)
    return Told(
        faithful, p[:, -1], highest.astype(np.float64), mass, inside.mean(axis=1),
        _correlation(cam, mask.astype(np.float64)), p[:, -1:] - p[:, alone], lies,
    )  # fmt: skip


def _correlation(one: Floats, other: Floats) -> Floats:
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    below = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found = np.zeros(len(one))
    np.divide((a * b).sum(axis=1), below, out=found, where=below > 0)
    return found


def _orders(p: Floats, cam: Floats, signal: Floats, where: Mask, *, seed: int) -> Floats:
    """Return (order, figure) of one beat; `p` (variant,), `cam` and `signal` (1, time)."""
    places = where[:, None]
    bit = 1 << np.arange(len(where))

    def score(keep: Mask) -> Floats:
        return p[keep.astype(np.int64) @ bit]

    found = np.full((len(ORDERS), len(FIGURES)), np.nan)
    for row, name in enumerate(ORDERS):
        if name == "random":
            found[row] = _random(score, len(where), seed)
            continue
        values = cam if name == "Grad-CAM" else energy(signal)
        importance = faithfulness.onto(values, places)
        found[row] = _four(score, importance)
    return found


def energy(signal: Floats) -> Floats:
    """Return (1, time): the squared distance of a window from its median, most in the QRS."""
    found: Floats = np.square(signal - np.median(signal, axis=1, keepdims=True))
    return found


def _four(score: faithfulness.Score, importance: Floats) -> list[float]:
    return [
        faithfulness.deletion(score, importance).area,
        faithfulness.insertion(score, importance).area,
        faithfulness.comprehensiveness(score, importance, _TOP),
        faithfulness.sufficiency(score, importance, _TOP),
    ]


def _random(score: faithfulness.Score, count: int, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(count) for _ in range(faithfulness.DRAWS)]
    four = [_four(score, order.astype(np.float64)) for order in drawn]
    return np.asarray(np.mean(four, axis=0), np.float64)


def sample(
    label: npt.NDArray[np.int64], record: npt.NDArray[np.str_], *, most: int, each: int, seed: int
) -> npt.NDArray[np.int64]:
    """Return rows: of each class at most `most` beats, at most `each` of a record, by chance.

    Parameters
    ----------
    label, record : (beat,); beats of class -1 are left out.
    """
    chance = np.random.default_rng(seed)
    chosen = []
    for index in np.unique(label[label >= 0]).tolist():
        rows = chance.permutation(np.flatnonzero(label == index))
        first = _nth(record[rows]) < each
        chosen.append(rows[first][:most])
    return np.sort(np.concatenate(chosen))


def _nth(names: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Return (row,) how many rows before have the same name."""
    found = np.zeros(len(names), np.int64)
    for name in np.unique(names).tolist():
        rows = np.flatnonzero(names == name)
        found[rows] = np.arange(len(rows))
    return found


def by_class(values: Floats, label: npt.NDArray[np.int64], classes: Sequence[int]) -> Floats:
    """Return the mean over classes of the mean over each class's beats, NaN left out."""
    means = [np.nanmean(values[label == index], axis=0) for index in classes]
    return np.asarray(np.mean(means, axis=0), np.float64)
