"""Writes ONNX without the onnx package, which the product does not need.

ONNX is protobuf: a field is its number and kind in one varint, then a varint, four bytes, or a length and
bytes (onnx.proto gives the numbers used here). Weights are streamed: a full-size graph costs one copy.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7}  # TensorProto.DataType
OPSET = 17
Shape = Sequence[int | None]


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def head(field: int, length: int) -> bytes:
    return varint(field << 3 | 2) + varint(length)


def blob(field: int, value: bytes | str) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return head(field, len(content)) + content


class OnnxWriter:
    """A graph in the making: operators by name, tensors by the names they give back."""

    def __init__(self, external: str | None = None) -> None:
        """`external`: the name of a file beside the graph for its weights; None: they go into the graph."""
        self.external = external
        self.nodes: list[bytes] = []
        self.tensors: list[tuple[bytes, NDArray[Any]]] = []
        self.ports: dict[int, list[bytes]] = {11: [], 12: []}
        self.metadata: dict[str, str] = {}  # what the graph says of itself
        self.count = 0

    def constant(self, values: Any, dtype: str = "float32") -> str:
        array = np.array(values, dtype=dtype, order="C")  # not ascontiguousarray: a number stays one
        name = self._name()
        header = b"".join(number(1, size) for size in array.shape) + number(2, DTYPES[dtype]) + blob(8, name)
        self.tensors.append((header, array))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.named(kind, self._name(), *inputs, **attributes)

    def named(self, kind: str, output: str, *inputs: str, **attributes: Any) -> str:
        node = b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(4, kind)
        node += b"".join(blob(5, _attribute(name, value)) for name, value in attributes.items())
        self.nodes.append(node)
        return output

    def input(self, name: str, dtype: str, shape: Shape) -> str:
        self.ports[11].append(_port(name, dtype, shape))
        return name

    def output(self, name: str, dtype: str, shape: Shape) -> None:
        self.ports[12].append(_port(name, dtype, shape))

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        ports = b"".join(blob(field, port) for field, ports in self.ports.items() for port in ports)
        nodes = b"".join(blob(1, node) for node in self.nodes) + blob(2, "made")
        headers = self._headers()
        sizes = [
            len(header) + (0 if self.external else array.nbytes)
            for header, (_, array) in zip(headers, self.tensors, strict=True)
        ]
        length = len(nodes) + len(ports) + sum(len(head(5, size)) + size for size in sizes)
        with path.open("wb") as target:
            target.write(number(1, 8) + head(7, length) + nodes)
            for header, size, (_, array) in zip(headers, sizes, self.tensors, strict=True):
                target.write(head(5, size) + header)
                if not self.external:
                    target.write(array.data)
            facts = (blob(14, blob(1, key) + blob(2, value)) for key, value in self.metadata.items())
            target.write(ports + blob(8, number(2, OPSET)) + b"".join(facts))
        if self.external:
            with path.with_name(self.external).open("wb") as target:
                for _, array in self.tensors:
                    target.write(array.data)
        return path

    def _headers(self) -> list[bytes]:
        """What stands before each tensor's bytes, or says where in the other file they are."""
        headers, offset = [], 0
        for header, array in self.tensors:
            if self.external is None:
                headers.append(header + head(9, array.nbytes))
                continue
            facts = {"location": self.external, "offset": str(offset), "length": str(array.nbytes)}
            places = b"".join(blob(13, blob(1, key) + blob(2, value)) for key, value in facts.items())
            headers.append(header + places + number(14, 1))
            offset += array.nbytes
        return headers

    def _name(self) -> str:
        self.count += 1
        return f"t{self.count}"


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return blob(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return blob(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return blob(1, name) + blob(4, value) + number(20, 3)
    return blob(1, name) + b"".join(number(8, one) for one in value) + number(20, 7)


def _port(name: str, dtype: str, shape: Shape) -> bytes:
    sizes = b"".join(
        blob(1, blob(2, f"free{place}") if size is None else number(1, size))
        for place, size in enumerate(shape)
    )
    return blob(1, name) + blob(2, blob(1, number(1, DTYPES[dtype]) + blob(2, sizes)))
