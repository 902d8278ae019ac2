"""Trains adapters from labelled queries, keeps them as versions, and moves the pointer to the one in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Answer, Query
from heimdex.errors import UsageError
from heimdex.search.adapting.adapter import Adapter
from heimdex.search.adapting.marks import Marks, read_marks, vectors_of
from heimdex.search.adapting.training import Trained, Training
from heimdex.search.adapting.versions import OnTrial
from heimdex.search.assembly import SearchParts
from heimdex.search.evaluation import DEPTH
from heimdex.search.labels import Labelled, Moment
from heimdex.search.sight import Fixed, Sight
from heimdex.store import adapters
from heimdex.store.adapters import AdapterRecord
from heimdex.store.vectors import StoredModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Taught:
    """A version that was trained, and the moments of its marks that the library does not hold."""

    record: AdapterRecord
    missing: tuple[Moment, ...]


class Teacher:
    """One owner's adapters."""

    def __init__(self, parts: SearchParts) -> None:
        self._parts = parts
        self._database = parts.database
        self._owner = parts.owner

    def train(self, labels: Sequence[Labelled], on_step: Callable[[str], None] = lambda _: None) -> Taught:
        """A new version from labelled queries, in use from now on if it is better on those held out.

        Raises UsageError where there is too little to learn from, QueryError for a query that cannot be
        asked, and whatever a search raises.
        """
        sight = self._sight()
        model, found = self._read(labels, sight)
        trained = Training(found.marks, found.ground, self._asking(sight), on_step).run()
        record = self._database.run(self._owner, lambda c: self._keep(c, model, trained))
        return Taught(record=record, missing=found.missing)

    def versions(self) -> tuple[list[AdapterRecord], int | None]:
        """All versions, the newest first, and the id of the model that searches look at pictures with."""

        def work(connection: Connection[Any]) -> tuple[list[AdapterRecord], int | None]:
            model = None if self._parts.options.pictures_off else self._parts.sights.find(connection).model
            model_id = None if model is None else model.model_id
            return adapters.list_adapters(connection, self._owner), model_id

        return self._database.run(self._owner, work, read_only=True)

    def use(self, version: int) -> AdapterRecord:
        """Use a version from the next search on. Raises NotFound, UsageError for one that was refused."""
        return self._database.run(self._owner, lambda c: adapters.use_adapter(c, self._owner, version))

    def off(self) -> list[int]:
        """Use none; the versions that were in use."""
        return self._database.run(self._owner, lambda c: adapters.adapters_off(c, self._owner))

    def _sight(self) -> Sight:
        """The model in use; what is learnt is learnt for this one, also where the pointer moves meanwhile."""
        if self._parts.options.pictures_off is not None:
            raise UsageError(f"No adapter is trained: {self._parts.options.pictures_off}.")
        found = self._database.run(self._owner, self._parts.sights.find, read_only=True)
        if found.reason is not None:
            raise UsageError(f"No adapter is trained: {found.reason}.")
        return found

    def _read(self, labels: Sequence[Labelled], sight: Sight) -> tuple[StoredModel, Marks]:
        encoder, model = sight.encoder, sight.model
        if encoder is None or model is None:
            raise UsageError("Nothing is indexed with this model yet; run `heimdex index` first.")
        words = vectors_of(labels, encoder, self._parts.options.reading)
        background = self._parts.background(encoder)
        stored = None if encoder.text_space is None else model.space(encoder.text_space.name)
        found = self._database.run(
            self._owner,
            lambda c: read_marks(c, self._owner, stored, labels, words, background),
            read_only=True,
        )
        return model, found

    def _asking(self, sight: Sight) -> Callable[[str, Adapter | None], Answer]:
        """Searches of a searcher of our own, so that nobody else meets what is being tried."""
        trial = OnTrial()
        searcher = self._parts.searcher(trial, Fixed(sight))

        def ask(text: str, adapter: Adapter | None) -> Answer:
            trial.adapter = adapter
            return searcher.search(Query(text=text, limit=DEPTH, nearest=True))

        return ask

    def _keep(self, connection: Connection[Any], model: StoredModel, trained: Trained) -> AdapterRecord:
        residual = trained.adapter.residual
        dim = 1 if residual is None else residual.anchors.shape[1]
        return adapters.add_adapter(
            connection,
            self._owner,
            model.model_id,
            trained.adapter.content(dim),
            figures=trained.figures,
            reason=trained.reason,
        )
