"""Floor 4. InputSpec to arrays: windows of beats, RR and template numbers, chunk by chunk."""

from einthoven.inputs._neighbours import Inputs, Neighbours
from einthoven.inputs.record import RecordInputs, cut, record_side_names
from einthoven.inputs.stream import InputStream, side_names

__all__ = [
    "InputStream", "Inputs", "Neighbours", "RecordInputs", "cut", "record_side_names", "side_names",
]  # fmt: skip
