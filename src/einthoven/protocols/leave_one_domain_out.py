"""``leave-one-domain-out``: train on all domains but one, test on the whole of that one.

Nothing is chosen on the domain left out: not weights, epochs, thresholds, temperatures or the
statistics of the input. A patient of the test domain who was also recorded in another leaves the
training side, so that the test stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from einthoven.protocols import RECORD_PROTOCOLS
from einthoven.protocols._records import (
    Examples,
    RecordProtocol,
    RecordSplit,
    shuffled,
    without,
)
from einthoven.protocols.intra_source import chosen_domains
from einthoven.record.errors import UsageError

# Of the patients of each training domain.
VALIDATION_SHARE = 0.1


class LeaveOneDomainOut(RecordProtocol):
    """One split for each domain, named by it; a tenth of the other domains' patients chooses.

    Options: ``domains`` names those to leave out in turn, all by default; the others train all
    the same. A domain of one patient trains and chooses nothing.
    """

    name = "leave-one-domain-out"
    options = MappingProxyType({"domains": ()})

    def _divide(
        self, examples: Examples, seed: int, options: Mapping[str, Any]
    ) -> tuple[RecordSplit, ...]:
        person, labelled = examples.person, examples.labelled
        # Without a name it is not known whether a record belongs to the domain left out.
        named = labelled & (examples.domain != "")
        domains = chosen_domains(examples, ())
        if len(domains) < 2:
            raise UsageError(
                f"protocol {self.name}", f"there are {len(domains)} domains", "Give two or more"
            )
        splits = []
        for domain in chosen_domains(examples, options["domains"]):
            inside = named & (examples.domain == domain)
            test = np.flatnonzero(inside).astype(np.int64)
            others = np.flatnonzero(named & ~inside).astype(np.int64)
            apart = without(person, others, test)
            choosing: list[str] = []
            for other in domains:
                people = shuffled(
                    person[apart[examples.domain[apart] == other]], seed, "validation"
                )
                count = max(1, round(len(people) * VALIDATION_SHARE)) if len(people) > 1 else 0
                choosing += people[:count].tolist()
            validation = apart[np.isin(person[apart], choosing)]
            splits.append(
                RecordSplit(
                    protocol=self.name, examples=examples, seed=seed, part=domain,
                    training=np.setdiff1d(apart, validation), validation=validation, test=test,
                    left_out={
                        "of no label": int((~labelled).sum()),
                        "of no domain": int((labelled & ~named).sum()),
                        "of people of the test domain": len(others) - len(apart),
                    },
                )
            )  # fmt: skip
        return tuple(splits)


RECORD_PROTOCOLS.add(LeaveOneDomainOut.name, LeaveOneDomainOut())
