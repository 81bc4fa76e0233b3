"""Reads the graph of an ONNX file without the package of that name, which the core has not.

Protocol buffers of onnx.proto: only what networks and trees of ours are written with.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import DataError

Tensor = npt.NDArray[Any]

_TYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64,
    9: np.bool_, 10: np.float16, 11: np.float64,
}  # fmt: skip
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operator.

    Attributes
    ----------
    kind, domain : which, e.g. ``Conv``; ``""`` is the domain of ONNX itself.
    inputs, outputs : names of values; ``""`` for an input that is left out.
    attributes : by name.
    """

    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """Operators in the order in which they run.

    Attributes
    ----------
    nodes : the operators.
    constants : weights, by name.
    inputs, outputs : names of what goes in, constants left out, and of what comes out.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_graph(data: bytes, where: str) -> Graph:
    """Return the graph of an ONNX file.

    Parameters
    ----------
    data : of the file.
    where : names it in messages.

    Raises
    ------
    DataError : it is no such file, or keeps its weights elsewhere.
    """
    try:
        for number, value in _fields(data):
            if number == 7:
                return _graph(value)
    except (IndexError, KeyError, ValueError, struct.error, TypeError, AttributeError) as fault:
        raise DataError(where, f"is no ONNX file ({fault})", "Export the model again") from fault
    raise DataError(where, "is no ONNX file (no graph)", "Export the model again")


def _graph(data: bytes) -> Graph:
    nodes, constants = [], {}
    inputs: list[str] = []
    outputs: list[str] = []
    for number, value in _fields(data):
        if number == 1:
            nodes.append(_node(value))
        elif number == 5:
            name, tensor = _tensor(value)
            constants[name] = tensor
        elif number in (11, 12):
            (inputs if number == 11 else outputs).append(_first(value, 1).decode())
    return Graph(
        nodes=tuple(nodes), constants=constants, outputs=tuple(outputs),
        inputs=tuple(i for i in inputs if i not in constants),
    )  # fmt: skip


def _node(data: bytes) -> Node:
    inputs, outputs, attributes = [], [], {}
    kind = domain = ""
    for number, value in _fields(data):
        if number == 1:
            inputs.append(value.decode())
        elif number == 2:
            outputs.append(value.decode())
        elif number == 4:
            kind = value.decode()
        elif number == 7:
            domain = value.decode()
        elif number == 5:
            name, held = _attribute(value)
            attributes[name] = held
    return Node(
        kind=kind, domain=domain, inputs=tuple(inputs), outputs=tuple(outputs),
        attributes=attributes,
    )  # fmt: skip


def _attribute(data: bytes) -> tuple[str, Any]:
    name, single, many = "", None, []
    listed = False
    for number, value in _fields(data):
        if number == 1:
            name = value.decode()
        elif number == 2:
            single = struct.unpack("<f", value)[0]
        elif number == 3:
            single = _signed(value)
        elif number == 4:
            single = value
        elif number == 5:
            single = _tensor(value)[1]
        elif number == 7:
            listed = True
            many += np.frombuffer(value, "<f4").tolist()
        elif number == 8:
            listed = True
            many += _integers(value)
        elif number == 9:
            listed = True
            many.append(value)
        elif number == 20:
            listed = listed or value in (6, 7, 8)
    return name, many if listed else single


def _tensor(data: bytes) -> tuple[str, Tensor]:
    shape: list[int] = []
    name, kind, raw, listed = "", 1, b"", []
    for number, value in _fields(data):
        if number == 1:
            shape += _integers(value)
        elif number == 2:
            kind = int(value)
        elif number == 4:
            listed += np.frombuffer(value, "<f4").tolist()
        elif number in (5, 7):
            listed += _integers(value)
        elif number == 8:
            name = value.decode()
        elif number == 9:
            raw = value
        elif number == 10:
            listed += np.frombuffer(value, "<f8").tolist()
        elif number in (13, 14) and value:
            raise ValueError("weights lie in another file")
    kept = np.dtype(_TYPES[kind])
    if kind == 10 and listed:  # halves are listed by their bits
        flat: Tensor = np.array(listed, np.uint16).view(np.float16)
    elif listed:
        flat = np.array(listed, kept)
    else:
        flat = np.frombuffer(raw, kept.newbyteorder("<")).astype(kept)
    return name, flat.reshape(shape)


def _first(data: bytes, wanted: int) -> bytes:
    return next(bytes(value) for number, value in _fields(data) if number == wanted)


def _integers(value: Any) -> list[int]:
    """Return whole numbers, whether they came one by one or packed."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        found.append(_signed(one))
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number that does not end")


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each field: int of a varint, bytes of all others."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"field of kind {kind}")
        if at + size > end:
            raise ValueError("it is cut short")
        yield number, data[at : at + size]
        at += size
