"""Models by name in an open index, by number in a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from psycopg import Connection

from heimdex.entities import Space
from heimdex.errors import ArchiveFault
from heimdex.store import vectors
from heimdex.store.open_rows import JsonRow, ModelNote
from heimdex.store.vectors import StoredModel

_IN_SPACES = ("vectors", "calibrations", "text_vectors")
_TELLING = ("model", "precision", "weights_sha256", "space")

Key = tuple[str, str, str]  # name, precision, SHA-256 of the weights


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelKeys:
    """What the models of an open index are called in this database."""

    models: tuple[StoredModel, ...]  # those that make vectors of pictures
    model_ids: dict[Key, int]
    space_ids: dict[tuple[Key, str], int]

    @classmethod
    def enter(cls, connection: Connection[Any], notes: Iterable[ModelNote]) -> Self:
        """Enter the models that are not known yet. Raises ArchiveFault where a space has another length."""
        models: list[StoredModel] = []
        model_ids: dict[Key, int] = {}
        space_ids: dict[tuple[Key, str], int] = {}
        for note in notes:
            key = (note.name, note.precision, note.weights_sha256)
            if not note.spaces:
                model_ids[key] = vectors.register_plain(connection, *key)
                continue
            spaces = [Space(model=note.name, name=name, dim=dim) for name, dim in note.spaces]
            stored = vectors.register_model(connection, spaces, note.precision, note.weights_sha256)
            model_ids[key] = stored.model_id
            for space in spaces:
                here = stored.space(space.name)
                if here.space.dim != space.dim:
                    raise ArchiveFault(
                        f"vectors of {note.name} have {space.dim} numbers in the open index and "
                        f"{here.space.dim} in this database"
                    )
                space_ids[key, space.name] = here.space_id
            if "text" not in {space.name for space in spaces}:
                models.append(stored)
        return cls(models=tuple(models), model_ids=model_ids, space_ids=space_ids)

    def translate(self, table: str, row: JsonRow) -> JsonRow:
        """The same row with this database's numbers. Raises ArchiveFault for a model the manifest lacks."""
        if table != "ledger" and table not in _IN_SPACES:
            return row
        plain = {name: value for name, value in row.items() if name not in _TELLING}
        key = (row["model"], row["precision"], row["weights_sha256"])
        try:
            if table == "ledger":
                return plain | {"model_id": 0 if row["model"] is None else self.model_ids[key]}
            numbered = plain | {"space_id": self.space_ids[key, row["space"]]}
        except KeyError as error:
            raise ArchiveFault(f"{table} names {error}, which the manifest does not") from error
        if table == "calibrations":  # its asset stands with the scene
            numbered.pop("asset_id")
        return numbered
