"""Draws thirty composed electrocardiograms with their masks: docs/assets/composed.svg.

    einthoven data get ludb
    python benchmarks/composed.py [SEED]

The pool is LUDB's training part. The traces are drawn by their number and not picked.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.corpora.ludb import TEST, TRAIN, VALIDATION
from einthoven.signal.compose import RHYTHMS, Composed, Lead, Pool, composed
from einthoven.signal.paper import trace_path

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "assets" / "composed.svg"
SECONDS, RATE = 5.0, 250.0
WIDE, ROW, COLUMNS = 1250, 260, 2  # tenths of a millimetre: 25 mm a second, 10 mm a millivolt
GAP, HEAD = 60, 100
MARGIN = 40
COLOURS = {"P": "#4c9bd6", "QRS": "#e0553d", "T": "#58a65c"}
# How often each rhythm stands on the page; in a training they come by their chances.
SHOWN = {"sinus": 6, "tachycardia": 4, "af": 3, "flutter": 1, "vt": 3, "av-block-1": 2,
         "av-block-2": 3, "av-block-3": 3, "arrest": 2, "junctional": 1, "paced": 1,
         "silence": 1}  # fmt: skip


def pool(records=TRAIN):
    """Return the pool of LUDB's training subjects."""
    corpus = open_corpus("ludb")
    leads = []
    for record in records:
        source = corpus.open(record)
        signal = source.read(0, source.samples)
        for row, waves in zip(signal, corpus.marks(record), strict=True):
            leads.append(
                Lead(subject=corpus.subject(record), signal=row, rate=source.rate,
                     kinds=waves.kinds, onsets=waves.onsets, offsets=waves.offsets)
            )  # fmt: skip
    sealed = {corpus.subject(record) for record in (*VALIDATION, *TEST)}
    return Pool.of(leads, sealed=sealed)


def panel(made: Composed, x: int, y: int, name: str) -> str:
    """Return one trace on paper with a band of colour under each wave."""
    level = float(np.median(made.signal))
    low, high = np.percentile(made.signal - level, [0.2, 99.8])
    scale = 1.0 if high - low < 0.0095 * ROW else 0.5
    zero = y + round((ROW + 100 * scale * (high + low)) / 2)
    drawn = (made.signal - level) * np.float32(scale)
    path, _ = trace_path(drawn, RATE, x, zero, 0.0, y - 30, y + ROW + 30)
    name += ", 5 mm a millivolt" if scale < 1 else ""
    bands = []
    for kind, colour in COLOURS.items():
        d = "".join(
            f"M{x + max(on, 0)} {y}h{min(off, 1249) - max(on, 0) + 1}v{ROW}H{x + max(on, 0)}z"
            for what, on, off in made.waves
            if what == kind
        )
        bands.append(f'<path d="{d}" fill="{colour}" fill-opacity=".28"/>')
    across = "".join(f"M{x + k} {y}v{ROW}" for k in range(0, WIDE + 1, 50))
    return (
        f'<path d="{across}" stroke="#eee" stroke-width="2"/>{"".join(bands)}'
        f'<path d="{path}" fill="none" stroke="#111" stroke-width="3" stroke-linejoin="round"/>'
        f'<text x="{x}" y="{y - 8}" font-size="26" fill="#555">{escape(name)}</text>'
    )


def page(traces: list[Composed]) -> str:
    """Return the picture."""
    rows = -(-len(traces) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * WIDE + (COLUMNS - 1) * GAP
    height = HEAD + rows * (ROW + GAP)
    title = f"{len(traces)} composed electrocardiograms"
    legend = "".join(
        f'<rect x="{MARGIN + 150 * k}" y="20" width="36" height="26" fill="{colour}" '
        f'fill-opacity=".4"/><text x="{MARGIN + 150 * k + 46}" y="43" font-size="28">{kind}</text>'
        for k, (kind, colour) in enumerate(COLOURS.items())
    )
    panels = "\n".join(
        panel(made, MARGIN + (k % COLUMNS) * (WIDE + GAP), HEAD + k // COLUMNS * (ROW + GAP),
              f"{k + 1} {made.rhythm}")
        for k, made in enumerate(traces)
    )  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" '
        f'width="{width / 10:g}mm" height="{height / 10:g}mm" viewBox="0 0 {width} {height}" '
        f'font-family="Helvetica, Arial, sans-serif"><title>{title}</title>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{legend}'
        f'<text x="{MARGIN + 520}" y="43" font-size="26" fill="#555">25 mm a second, 10 mm a '
        f"millivolt</text>\n{panels}</svg>\n"
    )


def main(seed: int = 0) -> None:
    """Compose and draw."""
    assert set(SHOWN) == set(RHYTHMS)
    segments = pool()
    names = [rhythm for rhythm, count in SHOWN.items() for _ in range(count)]
    traces = [
        composed(segments, np.random.default_rng([seed, k]), SECONDS, name)
        for k, name in enumerate(names)
    ]
    PICTURE.write_text(page(traces), encoding="utf-8")
    print(PICTURE, PICTURE.stat().st_size)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
