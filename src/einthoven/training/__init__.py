"""Floor 7. Recipe in, run folder out."""

from einthoven.training._recipe import Recipe, load_recipe, names, to_toml
from einthoven.training._train import runs, train

__all__ = ["Recipe", "load_recipe", "names", "runs", "to_toml", "train"]
