"""Bundle: a shipped model, a folder with one card and its ONNX stages; runs without torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle.card import Card
from einthoven.record.errors import DataError, UsageError, nearest

Array = npt.NDArray[np.float32]

_MAX_STAGE = 512 * 1024 * 1024
_MAX_CARD = 1024 * 1024
_ZOO = Path(__file__).resolve().parent.parent / "zoo"


class Bundle:
    """A model ready to answer.

    Attributes
    ----------
    card : what it is.
    path : its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        card = path / "card.json"
        if not card.is_file() or card.stat().st_size > _MAX_CARD:
            raise DataError(
                path,
                "has no card.json that could be one",
                "Give a bundle made by 'einthoven export'",
            )
        self.card = Card.from_json(card.read_text(encoding="utf-8"), str(card))

    @cached_property
    def sha256(self) -> str:
        """Digest of the whole bundle: the stages' digests in order."""
        return hashlib.sha256("".join(s.sha256 for s in self.card.stages).encode()).hexdigest()

    def stage_bytes(self, index: int) -> bytes:
        """Return the ONNX file of one stage, checked against the card.

        Raises
        ------
        DataError : the file is not there, or not the one of the card.
        """
        stage = self.card.stages[index]
        if Path(stage.file).name != stage.file:
            raise DataError(self.path, f"stage {stage.file!r} leaves the folder", "Export it again")
        file = self.path / stage.file
        if not file.is_file() or file.stat().st_size > _MAX_STAGE:
            raise DataError(file, "is missing or over 512 MB", "Export the model again")
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != stage.sha256:
            raise DataError(file, "does not have the SHA-256 on its card", "Export the model again")
        return data

    @cached_property
    def _session(self) -> Any:
        return self.session(0)

    def session(self, index: int) -> Any:
        """Return a new session of one stage."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        # One thread: the nets are small, and the same order of sums gives the same bits everywhere.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return ort.InferenceSession(
            self.stage_bytes(index), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return (item, output) float32: the raw first output for named inputs of equal length.

        The stage's ONNX inputs are named ``window`` (item, lead, time) and ``side``
        (item, number); those it does not have are left out. Of beats with their neighbours `side`
        is (before + item + after, number), or (sequence, before + item + after, number) with the
        windows of one sequence after those of the other.
        """
        given = eaten(self._session, inputs)
        output: Array = self._session.run([self._session.get_outputs()[0].name], given)[0]
        return output

    def predict(self, array: Array | Mapping[str, Array]) -> Array:
        """Return (item, class) calibrated probabilities.

        The ONNX gives logits (log probabilities up to a constant); the card's offsets are added
        and the sum is divided by the card's temperature before the softmax; of diagnoses, of which
        a record has any number, before the sigmoid.

        Parameters
        ----------
        array : (item, lead, time) or (item, number) float32 as the card's input says, or a mapping
            ``{"window": ..., "side": ...}`` where the model eats both.
        """
        if not isinstance(array, Mapping):
            name = self._session.get_inputs()[0].name
            array = {name: np.asarray(array, np.float32)}
        logits = self.run(array).astype(np.float64)
        if self.card.offsets:
            logits = logits + np.array(self.card.offsets)
        logits = logits / self.card.temperature
        if self.card.task == "diagnosis":
            each: Array = (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
            return each
        logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
        p = np.exp(logits)
        calibrated: Array = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
        return calibrated


def eaten(session: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return what a session eats of named inputs; one sequence of beats is one of one.

    Raises
    ------
    DataError : several sequences, for a graph made before it could be asked about several.
    UsageError : an input lacks, or has another shape.
    """
    given = {}
    for wanted in session.get_inputs():
        axes = len(wanted.shape)
        if wanted.name not in inputs:
            fault = f"lacks the input {wanted.name!r}"
            raise UsageError("model", fault, f"Give it, {_shape(wanted.shape)}")
        array = inputs[wanted.name]
        if wanted.name == "side" and array.ndim + 1 == axes:
            array = array[None]
        elif wanted.name == "side" and array.ndim == axes + 1:
            if len(array) != 1:
                fault = f"judges one sequence of beats at a time, not {len(array)}"
                raise DataError("model", fault, "Export it again")
            array = array[0]
        sizes = zip(array.shape, wanted.shape, strict=False)
        if array.ndim != axes or any(isinstance(w, int) and n != w for n, w in sizes):
            fault = f"{wanted.name!r} has the shape {_shape(array.shape)}"
            raise UsageError("model", fault, f"Give {_shape(wanted.shape)}")
        given[wanted.name] = array
    return given


def _shape(sizes: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, sizes))})"


def zoo_names() -> tuple[str, ...]:
    """Return the names of the shipped bundles."""
    return tuple(sorted(p.parent.name for p in _ZOO.glob("*/card.json")))


@cache
def _shipped(name: str) -> Bundle:
    """Return a shipped bundle, opened once: its sessions cost more than an answer does."""
    return Bundle(_ZOO / name)


def load_model(name_or_path: str | os.PathLike[str]) -> Bundle:
    """Open a shipped model by name, or a bundle folder by path.

    Raises
    ------
    DataError : no such model, or a damaged bundle.
    """
    text = os.fspath(name_or_path)
    if text in zoo_names():
        return _shipped(text)
    path = Path(text)
    if path.is_dir():
        return Bundle(path)
    if path.name == "card.json" and path.is_file():
        return Bundle(path.parent)
    raise DataError(
        f"model {text!r}", "is neither shipped nor a folder", nearest(text, zoo_names())
    )


def default_model(task: str, profile: str) -> Bundle | None:
    """Return the shipped default for a task in a profile, if there is one."""
    for name in zoo_names():
        bundle = _shipped(name)
        if bundle.card.default and bundle.card.task == task and profile in bundle.card.profiles:
            return bundle
    return None
