"""Classify beats whose places you know, with a shipped model and nothing else of the engine.

    python examples/use_bundle.py [MODEL]

Without a name, the default answers. A bundle says itself what it eats; `InputStream` makes it,
as it did in training.
"""

from __future__ import annotations

import sys

import numpy as np

import einthoven
from einthoven.bundle import default_model
from einthoven.corpora import demo_record
from einthoven.inputs import InputStream
from einthoven.record.vocabulary import is_beat


def main(name: str | None = None) -> None:
    model = einthoven.load_model(name) if name else default_model("beat", "review")
    assert model is not None, "no model is shipped"
    card = model.card
    print(f"{card.name}: {card.title}; classes {' '.join(card.classes)}")
    record = demo_record()
    marks = record.annotations
    assert marks is not None
    known = marks.samples[is_beat(marks.symbols)]
    stream = InputStream(card.stages[0].input, record.rate, record.leads)
    batches = stream.push(record.signal, known, record.samples) + stream.flush()
    for batch in (b for b in batches if len(b.samples)):
        p = model.predict({"window": batch.window, "side": batch.side})
        best = p.argmax(axis=1)
        for index in np.unique(best):
            here = best == index
            mean = p[here, index].mean()
            print(f"{card.classes[index]}: {int(here.sum())} beats, mean probability {mean:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
