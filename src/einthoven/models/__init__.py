"""Floor 5. One file an architecture: windows in, logits out; knows shapes, nothing of files."""

from einthoven.models._entry import Entry
from einthoven.record.registry import Registry

MODELS: Registry[Entry] = Registry("model", "einthoven.models")

__all__ = ["MODELS", "Entry"]
