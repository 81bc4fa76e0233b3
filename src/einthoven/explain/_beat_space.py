"""The space of beats in which counterfactuals are looked for: a linear autoencoder of beats.

The best linear autoencoder is made of the principal components (Baldi, Hornik 1989), so nothing has
to be trained by steps. The shipped one is of lead MLII of DS1 of mitdb, nobody of DS2: `write`
makes ``beats.npz`` anew. With a step of one standard deviation a component reaches what such beats
reach, which keeps what is decoded near to beats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RATE, BEFORE, AFTER = 180.0, 0.4, 0.6  # Hz; seconds before and after R
SAMPLES = round(RATE * (BEFORE + AFTER))
_PARTS, _KEPT = 24, 400  # components; beats that are kept to compare with
_EACH = 400  # beats of a symbol that are learnt from
_FAR = 0.99  # of beats are nearer to a kept one of another record


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatSpace:
    """Mean, components and beats, of windows of mean 0 and SD 1.

    Attributes
    ----------
    mean : (180,).
    parts : (component, 180), of length 1.
    spread : (component,) standard deviations.
    beats : (beat, component) real beats, in standard deviations.
    far : distance to the nearest of them that 1 % of real beats of other people exceed.
    """

    mean: Floats
    parts: Floats
    spread: Floats
    beats: Floats
    far: float

    def code(self, window: Floats) -> Floats:
        """Return (component,) of a window (180,), in standard deviations."""
        scaled = (window - window.mean()) / max(float(window.std()), 1e-6)
        found: Floats = self.parts @ (scaled - self.mean) / self.spread
        return found

    def distance(self, code: Floats) -> float:
        """Return the distance to the nearest real beat, per component."""
        return float(_nearest(code[None], self.beats)[0])


def _nearest(codes: Floats, beats: Floats) -> Floats:
    apart = ((codes[:, None] - beats[None]) ** 2).mean(axis=2)
    found: Floats = np.sqrt(apart.min(axis=1))
    return found


def times() -> Floats:
    """Return (180,) seconds from R of the samples."""
    found: Floats = np.arange(SAMPLES, dtype=np.float64) + 0.5
    return found / RATE - BEFORE


def learnt(window: Floats, record: npt.NDArray[np.int64], seed: int = 0) -> BeatSpace:
    """Return the space of some beats.

    Parameters
    ----------
    window : (beat, 180).
    record : (beat,) whose each is; a beat is compared with those of others.
    """
    scaled = window - window.mean(axis=1, keepdims=True)
    scaled /= np.maximum(scaled.std(axis=1, keepdims=True), 1e-6)
    mean = scaled.mean(axis=0)
    _, sizes, parts = np.linalg.svd(scaled - mean, full_matrices=False)
    parts, spread = parts[:_PARTS], sizes[:_PARTS] / np.sqrt(len(window))
    codes = (scaled - mean) @ parts.T / spread
    rows = np.random.default_rng(seed).permutation(len(codes))[:_KEPT]
    apart = np.array([
        _nearest(codes[k : k + 1], codes[rows[record[rows] != record[k]]])[0]
        for k in range(0, len(codes), 5)
    ])  # fmt: skip
    return BeatSpace(
        mean=mean, parts=parts, spread=spread, beats=codes[rows],
        far=float(np.quantile(apart, _FAR)),
    )  # fmt: skip


@cache
def shipped() -> BeatSpace:
    """Return the space that is shipped."""
    with as_file(files("einthoven.explain") / "beats.npz") as path, np.load(path) as held:
        return BeatSpace(
            far=float(held["far"]),
            **{k: held[k].astype(np.float64) for k in ("mean", "parts", "spread", "beats")},
        )


def write(path: Path) -> None:
    """Make the shipped space anew, from mitdb's DS1: so many beats of each symbol and record."""
    from einthoven.bundle import load_model
    from einthoven.corpora import open_corpus
    from einthoven.corpora.mitdb import DS1
    from einthoven.explain.tcav import of_store
    from einthoven.store import open_store

    spec = load_model("arrhythminet-v2").card.stages[0].input
    store = open_store(open_corpus("mitdb"), spec)
    symbols = sorted(set(store.symbol[np.isin(store.record, DS1)].tolist()) - {"", "/", "f", "Q"})
    # The records of a symbol's beats follow each other, so each set is asked for record by record.
    windows, records = [], []
    for number, record in enumerate(DS1):
        found = of_store(store, {s: s for s in symbols}, records=[record], most=_EACH // 8)
        for items in found.values():
            windows.append(items.window[:, 0])
            records.append(np.full(len(items), number))
    window = np.concatenate(windows).astype(np.float64)
    space = learnt(window.reshape(len(window), SAMPLES, 2).mean(axis=2), np.concatenate(records))
    with path.open("wb") as file:
        np.savez_compressed(
            file, mean=space.mean.astype(np.float16), parts=space.parts.astype(np.float16),
            spread=space.spread.astype(np.float32), beats=space.beats.astype(np.float16),
            far=np.float32(space.far),
        )  # fmt: skip
