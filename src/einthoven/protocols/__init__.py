"""Floor 5. Who may be tested on whom; a leak is refused."""

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

PROTOCOLS: Registry[Protocol] = Registry("protocol", "einthoven.protocols")

__all__ = [
    "PROTOCOLS", "Beats", "Protocol", "Side", "Split", "TestSide", "TrainingSide",
    "ValidationSide",
]  # fmt: skip
