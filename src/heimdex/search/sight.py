"""The model that a search looks at pictures with: what the pointer says now, as far as it is loaded here.

The pointer is read in every search, so one that another process moves counts from the next search on. What it
leads to is loaded in the background while searches go on with the model they had: its vectors stay for days
after a change, and nobody waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import Connection

from heimdex.encoders.encoder import Encoder
from heimdex.errors import HeimdexError
from heimdex.store import pointers, vectors
from heimdex.store.pointers import Key, PointedModel
from heimdex.store.vectors import StoredModel

log = logging.getLogger(__name__)

RETRY_S = (
    30.0  # after which a model that could not be loaded is tried again: it may have been pulled meanwhile
)
WARMING = "a photo"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """An encoder and its model in the database. `reason`: why this is not what the pointer leads to."""

    encoder: Encoder | None = None
    model: StoredModel | None = None
    reason: str | None = None


class SightSource(Protocol):
    """Where a search gets its sight from."""

    def find(self, connection: Connection[Any]) -> Sight:
        """The sight of one search, in whose transaction this is asked."""


class OneModel:
    """Always the same model, whatever the pointers say."""

    def __init__(
        self, load_encoder: Callable[[], Encoder], find_model: Callable[[Any], StoredModel | None]
    ) -> None:
        self._load_encoder = load_encoder
        self._find_model = find_model

    def find(self, connection: Connection[Any]) -> Sight:
        """That model."""
        return Sight(encoder=self._load_encoder(), model=self._find_model(connection))


class Fixed:
    """Always the same sight."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def find(self, connection: Connection[Any]) -> Sight:
        """That one."""
        return self._sight


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """A model as it is installed here."""

    encoder: Encoder
    key: Key


@dataclass(kw_only=True, slots=True)
class _Place:
    """A model that is installed here, is being loaded, or could not be."""

    done: threading.Event
    installed: Installed | None = None
    error: Exception | None = None
    due_s: float = 0.0  # when one that failed is tried again

    @property
    def failed(self) -> bool:
        """Whether there is no such model here."""
        return self.done.is_set() and self.installed is None


class PointedModels:
    """One owner's sight, search after search. Thread-safe."""

    def __init__(self, owner: str, default: str, describe: Callable[[str], Installed]) -> None:
        """`default` counts before anything was taken into use; `describe` raises what a load raises."""
        self._owner = owner
        self._default = default
        self._describe = describe
        self._places: dict[str, _Place] = {}
        self._last: Installed | None = None
        self._lock = threading.Lock()

    def find(self, connection: Connection[Any]) -> Sight:
        """The model in use where it is loaded, else what searches had until now; waits in the first one.

        Where the model in use is not installed here, the one before it stands in, and `reason` says so.
        Raises what loading raises only for the default, before anything was taken into use.
        """
        pointed = pointers.active_model(connection)
        if pointed is None:
            return self._of_default(connection)
        place = self._place(pointed.model.name)
        if not place.done.is_set():
            earlier = self._seeing(connection, self._last)
            if earlier is not None:
                return earlier
            place.done.wait()
        installed = place.installed
        if installed is not None and installed.key == pointed.key:
            self._last = installed
            return Sight(encoder=installed.encoder, model=pointed.model)
        return self._stand_in(connection, pointed, place)

    def _of_default(self, connection: Connection[Any]) -> Sight:
        place = self._place(self._default)
        place.done.wait()
        if place.installed is None:
            assert place.error is not None
            raise place.error
        self._last = place.installed
        return Sight(
            encoder=place.installed.encoder, model=vectors.find_model(connection, *place.installed.key)
        )

    def _stand_in(self, connection: Connection[Any], pointed: PointedModel, place: _Place) -> Sight:
        """What pictures are searched with where the model in use is not here."""
        name = pointed.model.name
        reason = f"the model in use, {name}, cannot be used on this machine: {place.error}"
        if place.installed is not None:
            reason = f"the weights of {name} on this machine are not those in use; run `heimdex index`"
        for other in (self._last, self._previous(connection), place.installed, self._opened(self._default)):
            found = self._seeing(connection, other)
            if found is not None and found.model is not None:
                return Sight(
                    encoder=found.encoder,
                    model=found.model,
                    reason=f"{reason}. Pictures were searched with {found.model.name}",
                )
        return Sight(reason=reason)

    def _previous(self, connection: Connection[Any]) -> Installed | None:
        """The model that was in use before, as far as it is here."""
        choice, default = pointers.find_choice(connection, self._owner), pointers.find_default(connection)
        ids = [choice.previous_id if choice else None]
        if default is not None:
            ids += [default.model_id, default.previous_id]
        for model_id in ids:
            pointed = None if model_id is None else pointers.model_by_id(connection, model_id)
            if pointed is not None:
                installed = self._opened(pointed.model.name)
                if installed is not None and installed.key == pointed.key:
                    return installed
        return None

    def _seeing(self, connection: Connection[Any], installed: Installed | None) -> Sight | None:
        """A model as a sight, where the owner has vectors of it."""
        if installed is None:
            return None
        model = vectors.find_model(connection, *installed.key)
        if model is None or not vectors.rows_at_least(connection, self._owner, model.spaces[0].space_id, 1):
            return None
        return Sight(encoder=installed.encoder, model=model)

    def _opened(self, name: str) -> Installed | None:
        """A model that is here, waited for."""
        place = self._place(name)
        place.done.wait()
        return place.installed

    def _place(self, name: str) -> _Place:
        """Where a model is loaded, or is being loaded from now on."""
        with self._lock:
            place = self._places.get(name)
            if place is not None and not (place.failed and time.monotonic() >= place.due_s):
                return place
            place = self._places[name] = _Place(done=threading.Event())
        # Not a daemon: a runtime that is torn down amid compiling takes the process with it.
        threading.Thread(target=self._load, args=(name, place), name="warm model").start()
        return place

    def _load(self, name: str, place: _Place) -> None:
        try:
            installed = self._describe(name)
            if installed.encoder.text_space is not None:
                list(installed.encoder.encode_words([WARMING]))
            place.installed = installed
        except Exception as error:
            if not isinstance(error, HeimdexError):
                log.exception("The model %s could not be loaded", name)
            place.error = error
            place.due_s = time.monotonic() + RETRY_S
        finally:
            place.done.set()
