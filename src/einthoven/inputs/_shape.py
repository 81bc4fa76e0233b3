"""What the shape of a beat says of it, never in millivolts: only against the patient's other beats.

Two templates stand for the patient: the largest cluster of QRS complexes, and in it the beats after
the longest RR intervals. Where premature beats outnumber the others, the second still shows the
P wave of the sinus node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.signal._short_series import medians, quantiles

Array = npt.NDArray[np.float64]
Windows = npt.NDArray[np.float32]

SPAN = (0.36, 0.46)  # seconds cut before and after the R peak
_QRS, _P, _EARLY, _T = (-0.10, 0.12), (-0.26, -0.06), (-0.35, -0.20), (0.14, 0.42)
_ALIKE, _SAME = 0.90, 0.92  # correlations: of a cluster's members; of two beats of one shape
_MEMBERS, _SEEDS = 128, 160  # beats a template, beats among which the largest cluster is sought
_TINY = 1e-6


def _unit(parts: Array) -> Array:
    centred = parts - parts.mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred * centred).sum(axis=-1, keepdims=True))
    return np.asarray(centred / (norm + _TINY))


def _thin(index: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Return at most `most` of `index`, evenly spread."""
    if len(index) <= most:
        return index
    return index[np.arange(most) * len(index) // most]


@dataclass(frozen=True, eq=False)
class Shapes:
    """Beats, and what is read off each by itself.

    Attributes
    ----------
    windows : (beat, time) mV less the median of each.
    qrs, p : (beat, time) their parts, of mean 0 and length 1.
    """

    windows: Windows
    qrs: Array
    p: Array

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, some: slice) -> Shapes:
        return Shapes(self.windows[some], self.qrs[some], self.p[some])

    def __add__(self, later: Shapes) -> Shapes:
        return Shapes(
            np.concatenate([self.windows, later.windows]),
            np.concatenate([self.qrs, later.qrs]),
            np.concatenate([self.p, later.p]),
        )


@dataclass(frozen=True, eq=False)
class Template:
    """One beat to hold others against.

    Attributes
    ----------
    beat : (time,) mV.
    parts : QRS, P, before P, and T, each (time,) of mean 0 and length 1.
    sizes : (1, 6) as `Cuts.sizes` gives them.
    """

    beat: Array
    parts: tuple[Array, ...]
    sizes: Array


@dataclass(frozen=True, eq=False)
class Templates:
    """The patient's beat: the dominant cluster's, and that of its longest quarter."""

    main: Template
    rested: Template


class Cuts:
    """Where the parts of a beat lie in a window of `SPAN` at `rate` Hz."""

    def __init__(self, rate: float) -> None:
        self.before, self.after = round(SPAN[0] * rate), round(SPAN[1] * rate)
        self.qrs, self.p, self.early, self.t = (
            slice(self.before + round(a * rate), self.before + round(b * rate))
            for a, b in (_QRS, _P, _EARLY, _T)
        )
        self.lag_qrs, self.lag_p = max(1, round(0.022 * rate)), max(1, round(0.05 * rate))
        self.time = np.arange(self.qrs.start, self.qrs.stop) / rate - SPAN[0]

    def shapes(self, windows: Windows) -> Shapes:
        """Return what is read off (beat, time) mV `windows`, cut as `SPAN` says."""
        windows = windows - medians(windows.T)[:, None]
        every = windows.astype(np.float64)
        return Shapes(windows, _unit(every[:, self.qrs]), _unit(every[:, self.p]))

    def templates(self, shapes: Shapes, before: Array) -> Templates:
        """Return the templates of beats with log RR `before` each.

        The beat with most others like it founds the cluster.
        """
        units, windows = shapes.qrs, shapes.windows
        seeds = units[_thin(np.arange(len(units)), _SEEDS)]
        alike = (seeds @ seeds.T > _ALIKE).sum(axis=1)
        centre = seeds[int(alike.argmax())]
        members = np.arange(len(units))
        for _ in range(3):
            close = np.flatnonzero(units @ centre > _ALIKE)
            if len(close) == 0:
                break
            members = close
            centre = _unit(units[members].mean(axis=0))
        long = members[before[members] >= quantiles(before[members], (0.75,))[0]]
        return Templates(*(
            self._template(medians(windows[_thin(chosen, _MEMBERS)]).astype(np.float64))
            for chosen in (members, long)
        ))  # fmt: skip

    def _template(self, beat: Array) -> Template:
        parts = tuple(_unit(beat[part]) for part in (self.qrs, self.p, self.early, self.t))
        return Template(beat, parts, self._sizes(beat[None]))

    def _lagged(
        self, windows: Array, target: Array, part: slice, most: int, total: Array, square: Array
    ) -> tuple[Array, Array]:
        """Return (beat,) the best correlation of a part over small lags, and that lag in -1..1.

        `total` and `square` are running sums of the windows and of their squares.
        """
        width = part.stop - part.start
        low = max(0, part.start - most)
        moved = np.lib.stride_tricks.sliding_window_view(
            windows[:, low : part.stop + most], width, axis=1
        )
        # Pearson's correlation without a copy of every moved window: the target has mean 0.
        at = np.arange(low, low + moved.shape[1])
        sums = total[:, at + width - 1] - total[:, at] + windows[:, at]
        squares = square[:, at + width - 1] - square[:, at] + windows[:, at] ** 2
        norm = np.sqrt(np.maximum(squares - sums * sums / width, 0.0)) + _TINY
        score = moved @ target / norm
        best = score.argmax(axis=1)
        rows = np.arange(len(windows))
        return score[rows, best], (best - (part.start - low)) / most

    def features(
        self,
        shapes: Shapes,
        templates: Templates,
        early: Array,
        before: Array,
        after: Array,
        first: int,
        last: int,
        *,
        later: bool,
    ) -> Array:
        """Return (beat, number) what `names` lists, for the beats [first, last).

        Parameters
        ----------
        shapes : of all beats known.
        early, before, after : of `Rhythm`.
        later : whether the beats that follow may be looked at.
        """
        # Correlations a beat has with both templates: of all beats, for the neighbours' sake.
        units, waves = shapes.qrs, shapes.p
        main, rested = templates.main, templates.rested
        like_qrs = units @ main.parts[0]
        like_p = waves @ rested.parts[1]
        size = float(np.ptp(main.beat[self.qrs])) + 0.01
        apart = shapes.windows[:, self.qrs].astype(np.float64) - main.beat[self.qrs]
        far = np.sqrt((apart**2).mean(axis=1)) / size

        mine = shapes.windows[first:last].astype(np.float64)
        total, square = mine.cumsum(axis=1), (mine * mine).cumsum(axis=1)
        parts = (self.qrs, self.p, self.early, self.t)
        own = (units[first:last], waves[first:last], *(_unit(mine[:, p]) for p in parts[2:]))
        columns: list[Array] = []
        for template in (main, rested):
            rest = (mine - template.beat) ** 2
            for k, most in enumerate((self.lag_qrs, self.lag_p)):
                columns += self._lagged(mine, template.parts[k], parts[k], most, total, square)
            for unit, target, part in zip(own, template.parts, parts, strict=True):
                columns.append(unit @ target)
                columns.append(np.sqrt(rest[:, part].mean(axis=1)) / size)
        columns += list(np.clip(self._sizes(mine) - main.sizes, -3, 3).T)
        columns += self._cluster(units, waves, early, before, after, first, last)
        # Where P waves come and go, no single missing P wave says much: fibrillation.
        steady = np.einsum("bt,bt->b", waves[1:], waves[:-1])
        steady = np.concatenate([steady[:1] if len(steady) else np.ones(1), steady])
        place = np.arange(first, last)
        for series in (like_p, steady, like_qrs, far):
            half = 8
            at = np.clip(place[:, None] + np.arange(-half, half + 1), 0, len(series) - 1)
            columns.append(medians(series[at].T))
        shifts = (-2, -1, 1, 2) if later else (-2, -1)
        for shift in shifts:
            at = np.clip(place + shift, 0, len(early) - 1)
            columns += [early[at, 0], early[at, 1], like_qrs[at], like_p[at], far[at]]
        return np.stack(columns, axis=1)

    def _sizes(self, windows: Array) -> Array:
        """Return (beat, 6) logs of extent, area, slope and width of QRS, extent of P and T."""
        qrs = windows[:, self.qrs]
        weight = (qrs - medians(qrs.T)[:, None]) ** 2 + _TINY
        centre = (weight @ self.time / weight.sum(axis=1))[:, None]
        spread = (weight * (self.time - centre) ** 2).sum(axis=1) / weight.sum(axis=1)
        extents = [np.ptp(windows[:, part], axis=1) for part in (self.qrs, self.p, self.t)]
        numbers = (
            extents[0], np.abs(qrs).mean(axis=1), np.abs(np.diff(qrs, axis=1)).max(axis=1),
            np.sqrt(spread), extents[1], extents[2],
        )  # fmt: skip
        return np.log(np.stack(numbers, axis=1) + 1e-3)

    def _cluster(
        self,
        units: Array,
        waves: Array,
        early: Array,
        before: Array,
        after: Array,
        first: int,
        last: int,
    ) -> list[Array]:
        """Return how common a beat's shape is, and how premature such beats are on average."""
        usual = np.median(before)
        ones = np.ones_like(before)
        facts = np.stack([early[:, 0], early[:, 1], before - usual, after - usual, ones], axis=1)
        # Beat against beat is the one matrix here, so it is float32 and worked on in place.
        facts = facts.astype(np.float32)
        units, waves = units.astype(np.float32), waves.astype(np.float32)
        same = (units[first:last] @ units.T > _SAME).astype(np.float32)
        # Two P windows of one kind in ordinary noise correlate at about 0.8.
        p_like = waves[first:last] @ waves.T
        p_like -= 1
        p_like *= 8
        np.exp(p_like, out=p_like)
        sums_of = [same @ facts, p_like @ facts, np.multiply(same, p_like, out=same) @ facts]
        columns: list[Array] = []
        for sums in sums_of:
            total = sums[:, -1]
            columns.append(np.log(total / len(units) + 1e-3))
            columns += list((sums[:, :-1] / (total[:, None] + _TINY)).T)
        return columns


def names(*, later: bool) -> tuple[str, ...]:
    """Return the names of the columns of `Cuts.features`."""
    columns = []
    for template in ("main", "rested"):
        for part in ("qrs", "p"):
            columns += [f"{part}_lagged/{template}", f"{part}_lag/{template}"]
        for part in ("qrs", "p", "early", "t"):
            columns += [f"{part}_like/{template}", f"{part}_far/{template}"]
    columns += [
        f"{part}/main"
        for part in ("qrs_extent", "qrs_area", "qrs_slope", "qrs_width", "p_extent", "t_extent")
    ]
    for kind in ("qrs", "p", "both"):
        columns += [f"{kind}_{fact}" for fact in ("share", "early50", "early90", "pre", "post")]
    columns += ["p_like_8", "p_steady_8", "qrs_like_8", "qrs_far_8"]
    for shift in ("-2", "-1", "+1", "+2") if later else ("-2", "-1"):
        columns += [
            f"{fact}{shift}" for fact in ("early50", "early90", "qrs_like", "p_like", "far")
        ]
    return tuple(columns)
