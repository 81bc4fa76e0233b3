"""Run folder to bundle, whatever kind of model it trained."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from einthoven.bundle import load_model, zoo_names
from einthoven.record.errors import DataError, UsageError, nearest
from einthoven.record.files import beside, write_text
from einthoven.training._recipe import load_recipe

TARGETS = ("onnx",)
PLANNED = ("onnx-int8", "litert", "c99")


def export(run: str, to: str, out: Path | None = None, *, force: bool = False) -> Path:
    """Write the bundle of a run folder, or of a shipped model; return its folder.

    Parameters
    ----------
    run : folder of a finished run, or the name or folder of a bundle, which is copied.
    to : one of `TARGETS`.
    out : the folder to write; ``einthoven-out/NAME`` if not given.
    force : whether a bundle that is there may be overwritten.

    Raises
    ------
    UsageError : `to` or `run` is not known, or a bundle is there.
    DataError : the folder is no run and no bundle, or what was made does not agree with it.
    """
    if to in PLANNED:
        raise UsageError(f"--to {to}", "cannot be made yet", "Use --to onnx")
    if to not in TARGETS:
        raise UsageError(f"--to {to}", "is not known", f"Known: {', '.join(TARGETS + PLANNED)}")
    folder = Path(run)
    if not (folder / "recipe.toml").is_file():
        return _copy(run, out, force=force)
    recipe = load_recipe(str(folder / "recipe.toml"))
    out = _free(out or Path("einthoven-out") / recipe.name, force=force)
    kind = "nets"
    if recipe.task in ("peaks", "waves", "rhythm", "diagnosis"):
        kind = recipe.task
    elif recipe.model.library == "sklearn":
        kind = "boosting"
    try:
        made: Path = import_module(f"einthoven.export.{kind}").export(folder, out)
    except ModuleNotFoundError as fault:
        mend = "Run: pip install 'einthoven[train]'"
        raise UsageError("export", f"needs {fault.name}", mend) from fault
    return made


def _free(out: Path, *, force: bool) -> Path:
    if (out / "card.json").exists() and not force:
        raise UsageError(out, "holds a bundle", "Give --force, or another --out")
    return out


def _copy(name: str, out: Path | None, *, force: bool) -> Path:
    if name not in zoo_names() and not (Path(name) / "card.json").is_file():
        if not Path(name).exists():
            mend = nearest(name, zoo_names())
            raise UsageError(repr(name), "is neither a run folder nor a shipped model", mend)
        seeds = sorted(Path(name).glob("seed-*")) if Path(name).is_dir() else []
        mend = f"Give one of its seeds, e.g. {seeds[0]}" if seeds else "Give a run or a model"
        raise DataError(name, "is no run and no model", mend)
    bundle = load_model(name)
    out = _free(out or Path("einthoven-out") / bundle.card.name, force=force)
    for index, stage in enumerate(bundle.card.stages):
        with beside(out / stage.file) as temporary:
            temporary.write_bytes(bundle.stage_bytes(index))
    write_text(out / "card.json", bundle.card.to_json())
    return out
