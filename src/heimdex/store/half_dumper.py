"""How vectors are written for the database; without numpy, so that every connection knows it from the start.

A connection takes over what is registered when it is opened: one that was opened before vectors were needed
could not write them later.
"""

from __future__ import annotations

import struct
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format


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


psycopg.adapters.register_dumper("heimdex.store.halves.Half", HalfDumper)
