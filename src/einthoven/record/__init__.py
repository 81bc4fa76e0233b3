"""Floor 1. The nouns that two floors exchange."""

from einthoven.record.annotation import Annotations
from einthoven.record.errors import DataError, EinthovenError, FormatError, LeakError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.record.record import Patient, Record, Signal
from einthoven.record.source import Channel, RecordSource, Source

__all__ = [
    "Annotations", "Channel", "DataError", "EinthovenError", "FormatError", "InputSpec",
    "LeakError", "Patient", "Record", "RecordSource", "Signal", "Source", "UsageError",
]  # fmt: skip
