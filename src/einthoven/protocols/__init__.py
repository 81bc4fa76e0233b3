"""Floor 5. Who may be tested on whom; a leak is refused."""

from einthoven.protocols._leaks import Duplicate, audit, near_duplicates, reader
from einthoven.protocols._records import Examples, RecordProtocol, RecordSplit
from einthoven.protocols._split import (
    Beats,
    Protocol,
    Side,
    Split,
    TestSide,
    TrainingSide,
    ValidationSide,
)
from einthoven.record.registry import Registry

# Beats and whole records are divided by different rules, so each has its own catalogue.
PROTOCOLS: Registry[Protocol] = Registry("protocol", "einthoven.protocols")
RECORD_PROTOCOLS: Registry[RecordProtocol] = Registry("protocol", "einthoven.protocols")

__all__ = [
    "PROTOCOLS", "RECORD_PROTOCOLS", "Beats", "Duplicate", "Examples", "Protocol",
    "RecordProtocol", "RecordSplit", "Side", "Split", "TestSide", "TrainingSide",
    "ValidationSide", "audit", "near_duplicates", "reader",
]  # fmt: skip
