"""``label-fraction``: how much is learnt from a share of the labels.

Of another protocol's training side only some patients keep their labels; who chooses and who tests
stays as it is. The shares of one seed are nested: whoever is in 5 % is in 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from einthoven.protocols import RECORD_PROTOCOLS
from einthoven.protocols._records import (
    Examples,
    RecordProtocol,
    RecordSplit,
    rows_of,
    shuffled,
)
from einthoven.record.errors import UsageError

PERCENTS = (1, 5, 10, 20, 30, 35, 50, 100)


class LabelFraction(RecordProtocol):
    """A share of the training patients, at least one; one split a share.

    Options: ``percents`` of the patients; ``base``, the protocol whose sides are taken.
    """

    name = "label-fraction"
    options = MappingProxyType({"percents": PERCENTS, "base": "ptbxl-folds"})

    def _divide(
        self, examples: Examples, seed: int, options: Mapping[str, Any]
    ) -> tuple[RecordSplit, ...]:
        percents = tuple(options["percents"])
        right = all(type(p) in (int, float) and 0 < p <= 100 for p in percents)
        if not percents or not right:
            raise UsageError(
                "protocol.percents", f"are {percents}", "Give shares above 0 and up to 100"
            )
        if options["base"] == self.name:
            raise UsageError("protocol.base", "is label-fraction itself", "Name another protocol")
        splits = []
        person = examples.person
        for whole in RECORD_PROTOCOLS[options["base"]].split(examples, seed=seed):
            within = np.zeros(len(examples), bool)
            within[whole.training] = True
            people = shuffled(person[within], seed, "label-fraction")
            for percent in percents:
                kept = people[: math.ceil(len(people) * percent / 100)]
                rows = rows_of(person, kept, within)
                splits.append(
                    replace(
                        whole, protocol=self.name, seed=seed, training=rows, notes=(),
                        part=f"{percent:g} % of the training patients, {whole.title}",
                        left_out={
                            **whole.left_out, "of training": len(whole.training) - len(rows)
                        },
                        unlabelled=np.setdiff1d(whole.training, rows),
                    )
                )  # fmt: skip
        return tuple(splits)


RECORD_PROTOCOLS.add(LabelFraction.name, LabelFraction())
