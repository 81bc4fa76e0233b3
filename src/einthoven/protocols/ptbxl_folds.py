"""``ptbxl-folds``: the ten folds that PTB-XL publishes.

Wagner et al. 2020 (10.1038/s41597-020-0495-6) train on 1-8, choose on 9 and test on 10; no patient
is in two folds, and people validated all of 9 and 10. Those are the ``published`` sides. Without
fold 10, ours move down by one: train on 1-7, choose on 8, test on 9.

Held out in turn, folds 1-8 give a steadier figure than one fold of 9: pairs are tested, the fold
after the pair chooses (1 after 7 and 8), the other five train. Fold 9 is on no side then.

A record that no class of the label set is true of is left out, as the benchmark of PTB-XL does
(Strodthoff et al. 2021, 10.1109/JBHI.2020.3022989).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from einthoven.protocols import RECORD_PROTOCOLS
from einthoven.protocols._records import Examples, RecordProtocol, RecordSplit
from einthoven.record.errors import UsageError

# (training, validation, test)
_HERE = ((1, 2, 3, 4, 5, 6, 7), (8,), (9,))
_PUBLISHED = ((1, 2, 3, 4, 5, 6, 7, 8), (9,), (10,))
_HELD_OUT = ((1, 2), (3, 4), (5, 6), (7, 8))


class PtbxlFolds(RecordProtocol):
    """Sides by the publisher's fold.

    Options: ``out_of_fold`` gives the four splits of folds 1-8; ``published`` the publisher's own
    sides, for whom fold 10 is needed.
    """

    name = "ptbxl-folds"
    options = MappingProxyType({"out_of_fold": False, "published": False})

    def _divide(
        self, examples: Examples, seed: int, options: Mapping[str, Any]
    ) -> tuple[RecordSplit, ...]:
        del seed  # nothing is drawn
        if options["out_of_fold"] and options["published"]:
            raise UsageError(
                "protocol", "asks for the published sides and for folds held out", "Choose one"
            )
        if options["out_of_fold"]:
            plans = [_around(pair) for pair in _HELD_OUT]
        else:
            plans = [_PUBLISHED if options["published"] else _HERE]
        has_class = (examples.label == 1).any(axis=1)
        splits = []
        for plan in plans:
            rows = [np.flatnonzero(has_class & np.isin(examples.fold, folds)) for folds in plan]
            for folds, side in zip(plan, rows, strict=True):
                if not len(side):
                    told = ", ".join(map(str, folds))
                    raise UsageError(
                        f"protocol {self.name}", f"no record of fold {told} with a class is here",
                        "Use records of ptbxl, and without fold 10 leave `published` out",
                    )  # fmt: skip
            used = np.isin(examples.fold, sum(plan, ()))
            part = f"folds {'+'.join(map(str, plan[2]))} held out" if options["out_of_fold"] else (
                "published" if options["published"] else "train 1-7, validate 8, test 9"
            )  # fmt: skip
            splits.append(
                RecordSplit(
                    protocol=self.name, examples=examples, part=part,
                    training=rows[0], validation=rows[1], test=rows[2],
                    left_out={
                        "of no class": int((used & ~has_class).sum()),
                        "of no fold used": int((~used).sum()),
                    },
                )
            )  # fmt: skip
        return tuple(splits)


def _around(pair: tuple[int, int]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    chooses = pair[1] % 8 + 1
    trains = tuple(f for f in range(1, 9) if f not in (*pair, chooses))
    return trains, (chooses,), pair


RECORD_PROTOCOLS.add(PtbxlFolds.name, PtbxlFolds())
