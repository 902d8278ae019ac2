"""Vectors on their way to the database, in pgvector's binary form.

As text, a vector of 1,000 numbers takes the client half a millisecond to write and the server as long to
read, each time it stands in a statement.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Half:
    """A vector as a parameter of type halfvec."""

    values: NDArray[np.float32] | NDArray[np.float16]


class HalfDumper(Dumper):
    """What pgvector's `halfvec_recv` reads: dimension and a zero, 16 bits each, then the halves, big-endian.

    The type stays open (oid 0): the statement says `halfvec`, whose oid differs from database to database.
    """

    format = Format.BINARY
    oid = 0

    def dump(self, obj: Any) -> bytes:
        """The bytes of a Half."""
        halves: bytes = obj.values.astype(">f2").tobytes()
        return struct.pack(">HH", len(obj.values), 0) + halves


psycopg.adapters.register_dumper(Half, HalfDumper)
