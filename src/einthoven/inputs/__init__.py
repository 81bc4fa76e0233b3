"""Floor 4. InputSpec to arrays: windows of beats, RR and template numbers, chunk by chunk."""

from einthoven.inputs.stream import Inputs, InputStream, side_names

__all__ = ["InputStream", "Inputs", "side_names"]
