"""The texts of scenes asked by meaning: which channels have any, and the query in the text model's terms."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import Connection

from heimdex.encoders.text_encoder import TextEncoder
from heimdex.entities import Filters, TextChannel, Vector
from heimdex.search.figures import Figure
from heimdex.search.meaning import MeaningSignal, Meant
from heimdex.search.signals import Signal
from heimdex.store import text_vectors
from heimdex.store.vectors import StoredModel, StoredSpace

Count = tuple[bool, bool]  # of a channel's rows: none, and few enough to be scanned


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSide:
    """The model that texts are compared with. `load` may raise ModelError; `find`: None before any index."""

    load: Callable[[], TextEncoder]
    find: Callable[[Connection[Any]], StoredModel | None]


class Meanings:
    """The signals by meaning of one owner's library. Thread-safe; the model is loaded on first need."""

    def __init__(self, owner: str, side: TextSide, exact_rows: int) -> None:
        self._owner = owner
        self._side = side
        self._exact_rows = exact_rows
        self._model: StoredModel | None = None
        self._small: dict[tuple[int, TextChannel], Figure[Count]] = {}
        self._lock = threading.Lock()

    def signals(
        self, connection: Connection[Any], text: str, filters: Filters, known: Vector | None = None
    ) -> list[Signal]:
        """A signal for each channel that has texts; none, and no model loaded, where nothing has.

        `known` is the text's vector where somebody has it already; it counts if it is of this model.
        """
        if not text:
            return []
        self._model = self._model or self._side.find(connection)  # its ids are for good
        model = self._model
        if model is None:
            return []
        stored = model.spaces[0]
        filled = [channel for channel in TextChannel if not self._count(connection, stored, channel)[0]]
        if not filled:
            return []
        if known is not None and known.space == stored.space:
            vector = known.values
        else:
            vector = next(iter(self._side.load().encode([text], "query"))).values
        is_small = partial(self._is_small, connection, filters)
        meant = Meant(stored=stored, channels=filled, vector=vector, is_small=is_small)
        return [MeaningSignal(meant, channel) for channel in filled]

    def _is_small(
        self, connection: Connection[Any], filters: Filters, stored: StoredSpace, channel: TextChannel
    ) -> bool:
        if filters == Filters():
            return self._count(connection, stored, channel)[1]
        return text_vectors.choose_exact(
            connection, self._owner, stored, channel, filters, exact_rows=self._exact_rows
        )

    def _count(self, connection: Connection[Any], stored: StoredSpace, channel: TextChannel) -> Count:
        def count() -> Count:
            place = (stored, channel)
            return (
                not text_vectors.has_rows(connection, self._owner, place),
                text_vectors.choose_exact(
                    connection, self._owner, *place, Filters(), exact_rows=self._exact_rows
                ),
            )

        with self._lock:
            figure = self._small.setdefault((stored.space_id, channel), Figure())
        return figure.get(count)
