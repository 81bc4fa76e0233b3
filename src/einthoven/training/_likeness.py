"""What generated beats are worth: do they teach, are they copies, do they look like beats?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from einthoven.evaluation.classification import confusion, f1
from einthoven.training._batches import Draws, Windows

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_COMMON = 8000  # real beats of each class that is not generated, in every training set
_PASSES = 4  # times the classifier is shown its training set
_RATE = 3e-3  # its learning rate at the start
_TRIES = 5  # seeds of the classifier
_STEP = 2  # every so many samples the classifier and the picture take
_MOST = 3000  # real beats a class that distances are measured to


def judged(
    real: Windows, held: Windows, made: Array, label: Labels, classes: tuple[str, ...], *,
    seed: int, most: int,
) -> dict[str, Any]:  # fmt: skip
    """Return the figures.

    ``f1``: on the held-out (validation) side, of one small classifier that learnt the generated
    classes from ``real`` beats, from as many ``synthetic`` ones, or from ``both``; the other
    classes are the same real beats each time; mean and SD over the classifier's seeds, no number
    for a class that does not occur there. ``nearest``: root mean square distances, in units
    of the window, from synthetic and from real beats to the nearest *other* real training beat of
    their class; ``copies`` is the share of synthetic beats nearer to one than 99 % of the real
    beats are.

    Parameters
    ----------
    real, held : training and validation side.
    made, label : synthetic windows (beat, lead, time) and their classes.
    most : synthetic beats a class whose distances are measured.
    """
    return {
        "f1": _teaching(real, held, made, label, classes, seed),
        "nearest": {
            classes[i]: _nearest(real, held, made, label, i, seed, most)
            for i in np.unique(label).tolist()
        },
    }


def _some(rows: npt.NDArray[np.intp], most: int, seed: int) -> npt.NDArray[np.intp]:
    return np.random.default_rng([seed, 17]).permutation(rows)[:most]


def _teaching(
    real: Windows, held: Windows, made: Array, label: Labels, classes: tuple[str, ...], seed: int
) -> dict[str, Any]:
    own, rare = real.label.numpy(), np.unique(label)
    others = [i for i in np.unique(own).tolist() if i not in rare]
    chosen = [_some(np.flatnonzero(own == i), _COMMON, seed) for i in others]
    common = np.concatenate([np.zeros(0, np.intp), *chosen])
    window = real.window.numpy()
    true = np.isin(own, rare)
    sets = {
        "real": ([window[common], window[true]], [own[common], own[true]]),
        "synthetic": ([window[common], made], [own[common], label]),
        "both": ([window[common], window[true], made], [own[common], own[true], label]),
    }
    truth = held.label.numpy()
    present = [i for i in rare.tolist() if (truth == i).any()]
    found: dict[str, Any] = {}
    for name, (windows, labels) in sets.items():
        x, y = np.concatenate(windows), np.concatenate(labels)
        scores = []
        for attempt in range(_TRIES):
            said = _answers(x, y, held.window.numpy(), len(classes), seed + attempt)
            matrix = confusion(truth, said, len(classes))
            scores.append(np.nan_to_num(f1(matrix)[present]))
        table = np.array(scores).reshape(_TRIES, len(present))
        columns = {classes[i]: table[:, k] for k, i in enumerate(present)}
        if present:
            columns["macro"] = table.mean(axis=1)
        found[name] = {
            key: {"mean": round(float(v.mean()), 4), "sd": round(float(v.std(ddof=1)), 4)}
            for key, v in columns.items()
        }
    return found


def _answers(window: Array, label: Labels, test: Array, classes: int, seed: int) -> Labels:
    """Return what a small network, three convolutions and their mean, learns to say of `test`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body: list[nn.Module] = []
        for before, after in ((window.shape[1], 16), (16, 32), (32, 32)):
            body += [nn.Conv1d(before, after, 9, 2, 4), nn.BatchNorm1d(after), nn.ReLU()]
        net = nn.Sequential(*body, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, classes))
        adam = torch.optim.Adam(net.parameters(), lr=_RATE)
        eaten, named = torch.from_numpy(window[:, :, ::_STEP].copy()), torch.from_numpy(label)
        draws = Draws(label, balance=0.5, beats=_PASSES * len(label), batch=128, seed=seed)
        for step, rows in enumerate(draws):
            # A rate that ends at 0: the last few batches must not decide what it says.
            adam.param_groups[0]["lr"] = _RATE * (1 - step / len(draws))
            adam.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(net(eaten[rows]), named[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        net.eval()
        with torch.no_grad():
            parts = torch.from_numpy(test[:, :, ::_STEP].copy()).split(2048)  # type: ignore[no-untyped-call]
            return np.asarray(torch.cat([net(part).argmax(dim=1) for part in parts]).numpy())


def nearest(one: Floats, other: Floats, *, same: bool = False) -> Floats:
    """Return (beat,) the RMS distance of each of `one` (beat, number) to the nearest of `other`.

    With `same` both are one set, and a beat is not its own neighbour.
    """
    square = (
        np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)[None]
        - 2 * one @ other.T
    )  # fmt: skip
    if same:
        np.fill_diagonal(square, np.inf)
    return np.asarray(np.sqrt(np.maximum(square.min(axis=1), 0) / one.shape[1]), np.float64)


def _nearest(
    real: Windows, held: Windows, made: Array, label: Labels, index: int, seed: int, most: int
) -> dict[str, Any]:
    def flat(window: Any) -> Floats:
        return np.asarray(window, np.float64).reshape(len(window), -1)

    own = _some(np.flatnonzero(real.label.numpy() == index), _MOST, seed)
    training, few = flat(real.window.numpy()[own]), _some(np.flatnonzero(label == index), most, 0)
    synthetic = flat(made[few])
    between = nearest(training, training, same=True)
    to_real = nearest(synthetic, training)
    limit = float(np.quantile(between, 0.01))
    found = {
        "real_to_real": _spread(between), "synthetic_to_real": _spread(to_real),
        "synthetic_to_synthetic": _spread(nearest(synthetic, synthetic, same=True)),
        "copies": round(float((to_real < limit).mean()), 4),
    }  # fmt: skip
    outside = np.flatnonzero(held.label.numpy() == index)
    if len(outside):
        found["held_out_to_real"] = _spread(nearest(flat(held.window.numpy()[outside]), training))
    return found


def _spread(values: Floats) -> dict[str, float]:
    low, middle, high = np.quantile(values, (0.01, 0.5, 0.99)).tolist()
    return {
        "least": round(float(values.min()), 4), "p1": round(low, 4), "median": round(middle, 4),
        "p99": round(high, 4),
    }  # fmt: skip


_WIDE, _TALL, _LEFT, _TOP, _COLUMNS = 90, 60, 70, 24, 8


def grid(real: Windows, made: Array, label: Labels, classes: tuple[str, ...], *, seed: int) -> str:
    """Return an SVG: two rows a class, real beats above synthetic ones, the first lead of each.

    Which beats are shown is drawn, not chosen.
    """
    own, lines, top = real.label.numpy(), [], float(_TOP)
    for index in np.unique(label).tolist():
        pairs = (("real", own, real.window.numpy()), ("synthetic", label, made))
        shown = [w[_some(np.flatnonzero(o == index), _COLUMNS, seed), 0] for _, o, w in pairs]
        # Both kinds in the same units: the real beats shown fill a row, a little is left around.
        low, high = float(shown[0].min()), float(shown[0].max())
        for (kind, *_), waves in zip(pairs, shown, strict=True):
            colour = "#222" if kind == "real" else "#b3261e"
            lines.append(f'<text x="4" y="{top + _TALL / 2:.0f}">{classes[index]} {kind}</text>')
            for column, wave in enumerate(waves[:, ::_STEP]):
                across = _LEFT + column * _WIDE + np.linspace(4, _WIDE - 4, len(wave))
                part = np.clip((wave - low) / (high - low + 1e-6), -0.05, 1.05)
                down = top + _TALL * (0.95 - 0.9 * part)
                points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
                lines.append(f'<polyline stroke="{colour}" points="{points}"/>')
            top += _TALL
    wide, tall = _LEFT + _COLUMNS * _WIDE, round(top) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" '
        'font-family="sans-serif" font-size="11">\n'
        f'<rect width="{wide}" height="{tall}" fill="white"/>\n'
        '<text x="4" y="14">Beats of the training side and beats of the generator, drawn at '
        "random</text>\n"
        '<g fill="#222" stroke="none">\n'
        + "\n".join(line for line in lines if line.startswith("<text"))
        + '\n</g>\n<g fill="none" stroke-width="1">\n'
        + "\n".join(line for line in lines if line.startswith("<poly"))
        + "\n</g>\n</svg>\n"
    )
