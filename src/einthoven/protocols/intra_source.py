"""``intra-source``: train, choose and test within one source, by patient.

The figure that is usually published. Against `leave_one_domain_out` on the same test records it
tells what is lost where nobody has trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from einthoven.protocols import RECORD_PROTOCOLS
from einthoven.protocols._records import (
    Examples,
    Indices,
    Names,
    RecordProtocol,
    RecordSplit,
    rows_of,
    shuffled,
    without,
)
from einthoven.record.errors import UsageError

# Of the patients: training, validation, test.
SHARES = (0.7, 0.1, 0.2)
FIFTHS = tuple(f"fifth {k}" for k in range(1, 6))


class IntraSource(RecordProtocol):
    """70/10/20 of the patients of each domain; one split a domain.

    Options: ``pooled`` gives one split whose sides are those of all domains together; ``domains``
    names those to divide, all by default; ``out_of_fold`` gives five splits, each of which tests
    another fifth of the patients, so that everybody is tested once, whatever the seed.
    """

    name = "intra-source"
    options = MappingProxyType({"pooled": False, "domains": (), "out_of_fold": False})

    def _divide(
        self, examples: Examples, seed: int, options: Mapping[str, Any]
    ) -> tuple[RecordSplit, ...]:
        if not options["out_of_fold"]:
            return self._once(examples, seed, options, None)
        found = (self._once(examples, seed, options, k) for k in range(len(FIFTHS)))
        return tuple(split for splits in found for split in splits)

    def _once(
        self, examples: Examples, seed: int, options: Mapping[str, Any], fifth: int | None
    ) -> tuple[RecordSplit, ...]:
        """Return a split a domain, or one of all; `fifth` counts from 0, None: drawn by `seed`."""
        person, labelled = examples.person, examples.labelled
        sides: dict[str, tuple[Indices, Indices, Indices]] = {}
        small = []
        for domain in chosen_domains(examples, options["domains"]):
            within = labelled & (examples.domain == domain)
            people = shuffled(person[within], seed if fifth is None else 0, "intra-source")
            if len(people) < len(SHARES):
                small.append(domain)
                continue
            first, second, third = (rows_of(person, p, within) for p in _parted(people, fifth))
            sides[domain] = first, second, third
        notes = (f"too few people to divide in {', '.join(small)}",) if small else ()
        if not sides:
            raise UsageError(
                f"protocol {self.name}", "no domain has three people", "Give more records"
            )
        if options["pooled"]:
            joined = [np.concatenate([s[i] for s in sides.values()]) for i in range(3)]
            name = f"pooled: {', '.join(sides)}" if fifth is None else FIFTHS[fifth]
            sides = {name: (joined[0], joined[1], joined[2])}
        elif fifth is not None:
            sides = {f"{domain}, {FIFTHS[fifth]}": parts for domain, parts in sides.items()}
        splits = []
        for part, (training, validation, test) in sides.items():
            # Whoever was recorded in two domains can have been drawn for two sides.
            apart = without(person, training, validation, test), without(person, validation, test)
            gone = len(training) + len(validation) - len(apart[0]) - len(apart[1])
            splits.append(
                RecordSplit(
                    protocol=self.name, examples=examples, seed=seed, part=part, notes=notes,
                    training=apart[0], validation=apart[1], test=test,
                    left_out={
                        "of no label": int((~labelled).sum()),
                        "of people who are on another side in another domain": gone,
                    },
                )
            )  # fmt: skip
        return tuple(splits)


def chosen_domains(examples: Examples, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the `wanted` domains, or all that have a name and a label.

    Raises
    ------
    UsageError : one of them has no labelled record.
    """
    have = np.unique(examples.domain[examples.labelled]).tolist()
    for domain in wanted:
        if domain not in have:
            raise UsageError(
                "protocol.domains", f"{domain!r} has no labelled record", "Name one that has"
            )
    return tuple(wanted) or tuple(d for d in have if d)


def _parted(people: Names, fifth: int | None) -> tuple[Names, Names, Names]:
    """Cut shuffled people in three; nobody is left without a side.

    No side is without people, but for the test side of a fifth of fewer than five.
    """
    count = len(people)
    choosing = max(1, round(count * SHARES[1]))
    start, stop = 0, max(1, round(count * SHARES[2]))
    if fifth is not None:
        start, stop = (count * k // len(FIFTHS) for k in (fifth, fifth + 1))
    rest = np.concatenate([people[stop:], people[:start]])
    return rest[choosing:], rest[:choosing], people[start:stop]


RECORD_PROTOCOLS.add(IntraSource.name, IntraSource())
