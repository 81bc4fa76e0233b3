"""Floor 2. Shipped models: card, ONNX stages, session; no torch."""

from einthoven.bundle.bundle import Bundle, default_model, eaten, load_model, zoo_names
from einthoven.bundle.card import Card, Stage

__all__ = ["Bundle", "Card", "Stage", "default_model", "eaten", "load_model", "zoo_names"]
