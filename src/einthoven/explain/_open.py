"""Opens whatever can be asked why."""

from __future__ import annotations

import os
from pathlib import Path

from einthoven.bundle import Bundle, load_model
from einthoven.explain._model import BundleModel, Model
from einthoven.record.errors import UsageError

TASKS = ("beat", "rhythm", "diagnosis")


def open_model(name_or_path: str | os.PathLike[str] | Bundle) -> Model:
    """Return a model to be explained.

    Parameters
    ----------
    name_or_path : of a shipped model, or the folder of a bundle or of a run of a network.

    Raises
    ------
    DataError : there is no such model.
    UsageError : it answers nothing that can be explained.
    """
    if not isinstance(name_or_path, Bundle):
        folder = Path(name_or_path)
        if (folder / "recipe.toml").is_file() and not (folder / "card.json").is_file():
            return _run(folder)
    bundle = name_or_path if isinstance(name_or_path, Bundle) else load_model(Path(name_or_path))
    if bundle.card.task not in TASKS:
        fault = f"finds {bundle.card.task} and judges nothing"
        mend = f"Choose one whose task is {', '.join(TASKS)}"
        raise UsageError(f"model {bundle.card.name!r}", fault, mend)
    return BundleModel(bundle)


def _run(folder: Path) -> Model:
    """Return the network of a run folder."""
    try:
        from einthoven.explain._torch_model import of_run
    except ModuleNotFoundError as fault:
        mend = "Run: pip install 'einthoven[explain]', or give a bundle"
        raise UsageError(folder, f"is a run, which needs {fault.name}", mend) from fault
    return of_run(folder)
