"""Measurements of records as other beats, electrodes a little off and other gains would give them.

A tree splits at a number, and a hundred records say little about where. The median of some of a
record's beats is a little off that of all, as the next ten seconds would have been: such copies
blur the places at which a class begins. Rate and rhythm stay those of the whole record.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from einthoven.corpora import Corpus, open_corpus
from einthoven.inputs.record import stretches, usual_beat
from einthoven.record.errors import UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import LIMBS, STANDARD
from einthoven.signal import measurements12
from einthoven.signal.aligned_beat import AlignedBeat
from einthoven.signal.peaks import find_peaks
from einthoven.store.records import LONGEST
from einthoven.training._recipe import Recipe, check_keys

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_FEWEST = 3  # beats of a copy, where the record has as many
# The other leads of the limbs are sums of the first two.
_MEASURED = ("I", "II", *(name for name in STANDARD if name not in LIMBS))


@dataclass(frozen=True, kw_only=True)
class Variation:
    """The keys of ``[augment]`` for trees on measurements.

    Attributes
    ----------
    copies : varied copies of each record that is learnt, beside the record itself.
    beats : share of its beats that a copy is made of.
    gain, lead_gain : SD of the natural logarithm by which a copy, and each of its leads that is
        measured and no sum of others, is amplified.
    mix : SD of the share of every such lead that is added to each: electrodes a little off.
    """

    copies: int = 0
    beats: float = 1.0
    gain: float = 0.0
    lead_gain: float = 0.0
    mix: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value, whole, most = getattr(self, f.name), f.name == "copies", f.name == "beats"
            good = type(value) in ((int,) if whole else (int, float))
            if not (good and 0 <= value <= (1 if most else np.finfo(float).max)):
                kind = "a whole number" if whole else "a number"
                mend = f"Give {kind}, 0 {'to 1' if most else 'or more'}"
                raise UsageError(f"augment.{f.name}", f"is {value!r}", mend)

    @classmethod
    def of(cls, recipe: Recipe) -> Variation:
        """Return that of a recipe.

        Raises
        ------
        UsageError : a key or a value of ``[augment]`` is not for measurements.
        """
        check_keys("augment", recipe.augment, cls.__dataclass_fields__)
        return cls(**recipe.augment)


def moved(beat: AlignedBeat, variation: Variation, rng: np.random.Generator) -> AlignedBeat:
    """Return a beat in the twelve standard leads as other electrodes would have seen it."""
    own = beat.signal[[STANDARD.index(name) for name in _MEASURED]].astype(np.float64)
    count = len(own)
    own = own + variation.mix * rng.standard_normal((count, count)) @ own
    gain = variation.gain * rng.standard_normal() + variation.lead_gain * rng.standard_normal(count)
    own *= np.exp(gain)[:, None]
    limbs = np.array([LIMBS[name] for name in STANDARD if name in LIMBS]) @ own[:2]
    return replace(beat, signal=np.concatenate([limbs, own[2:]]).astype(np.float32))


def copies(
    whole: Array, seconds: Floats, variation: Variation, rng: np.random.Generator
) -> list[Array]:
    """Return measurements of varied copies of a stretch, as `inputs.record.stretches` gives it."""
    found = []
    for _ in range(variation.copies):
        count = min(len(seconds), max(_FEWEST, round(variation.beats * len(seconds))))
        some = np.sort(rng.choice(len(seconds), count, replace=False))
        # Those that are left may be the cut ones at the ends: then all are taken.
        beat = usual_beat(whole, seconds[some]) or usual_beat(whole, seconds)
        assert beat is not None
        found.append(measurements12.measure(moved(beat, variation, rng), np.diff(seconds)))
    return found


def varied(corpus: Corpus, record: str, spec: InputSpec, variation: Variation) -> Array:
    """Return (window, copy, number) measurements of the copies of one record.

    The windows are those of the record store. The chance is the record's own, whatever the run.
    """
    source = corpus.open(record)
    signal = source.read(0, min(source.samples, round(LONGEST * source.rate)))
    peaks = find_peaks(signal, source.rate, source.leads).samples
    rng = np.random.default_rng(zlib.crc32(record.encode()))
    parts = stretches(signal, source.rate, source.leads, peaks, spec, source.path)
    return np.array([copies(*part, variation, rng) for part in parts], np.float32)


def varied_sides(names: Sequence[tuple[str, str]], spec: InputSpec, variation: Variation) -> Array:
    """Return (window, copy, number) of records given as ``(corpus, record)``, one by one."""
    opened = {name: open_corpus(name) for name in {corpus for corpus, _ in names}}
    return np.concatenate([varied(opened[c], record, spec, variation) for c, record in names])
