"""Which adapter a search uses: the version that is active for the model pictures were encoded with."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import Connection

from heimdex.entities import Unavailable
from heimdex.search.adapting.adapter import Adapter
from heimdex.store import adapters
from heimdex.store.vectors import StoredModel


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Chosen:
    """The adapter of one search, and why there is none where one is meant to be."""

    adapter: Adapter | None = None
    unavailable: tuple[Unavailable, ...] = ()


class AdapterSource(Protocol):
    """Where a search gets its adapter from."""

    def find(self, connection: Connection[Any], model: StoredModel | None) -> Chosen:
        """The adapter for the model of pictures; None where a search goes without pictures."""


class ActiveAdapters:
    """An owner's active versions. The pointer is read in every search, contents once. Thread-safe."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._loaded: Adapter | None = None
        self._lock = threading.Lock()

    def find(self, connection: Connection[Any], model: StoredModel | None) -> Chosen:
        """The active version for this model. One that is active for another is told, not used."""
        active = adapters.active_adapters(connection, self._owner)
        for one in active:
            if model is not None and one.model_id == model.model_id:
                return Chosen(adapter=self._load(connection, one.version))
        if not active:
            return Chosen()
        other = active[-1]
        reason = (
            f"adapter {other.version} was trained for other weights ({other.model}) than pictures are "
            "searched with; train one for these with `heimdex adapter train`"
        )
        return Chosen(unavailable=(Unavailable(signal="adapter", reason=reason, coverage=0.0),))

    def _load(self, connection: Connection[Any], version: int) -> Adapter:
        with self._lock:
            loaded = self._loaded
        if loaded is None or loaded.version != version:
            loaded = Adapter.of(version, adapters.load_adapter(connection, self._owner, version))
            with self._lock:
                self._loaded = loaded
        return loaded


class OnTrial:
    """An adapter that is being tried; for a searcher of its own, in one thread."""

    def __init__(self) -> None:
        self.adapter: Adapter | None = None

    def find(self, connection: Connection[Any], model: StoredModel | None) -> Chosen:
        """The adapter on trial, whatever the model."""
        return Chosen(adapter=self.adapter)
