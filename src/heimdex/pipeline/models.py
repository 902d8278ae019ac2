"""The picture model in use: described without loading it, found and entered in the database, kept warm."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import LoadOptions
from heimdex.pipeline.tools import PictureModel, Tools
from heimdex.pipeline.warmth import warm_encoder
from heimdex.store import nearest, pointers, vectors
from heimdex.store.vectors import StoredModel


def describe(name: str, options: LoadOptions) -> PictureModel:
    """What the flow and the database need to know of a model. Raises NotFound for an unknown name."""
    row = catalog.find(name, options.models_dir)
    return PictureModel(
        row=row,
        options=options,
        spaces=warm_encoder(name, options).picture_spaces,  # weights are opened on first use only
        weights_sha256=catalog.fingerprint(row, options),
    )


def load(model: PictureModel) -> Encoder:
    """The encoder of a model, the same one each time."""
    return warm_encoder(model.row.name, model.options)


def find(connection: Connection[Any], model: PictureModel) -> StoredModel | None:
    """The model as the database knows it; None before anything was indexed with it."""
    return vectors.find_model(connection, model.row.name, model.row.precision, model.weights_sha256)


def register(connection: Connection[Any], model: PictureModel) -> StoredModel:
    """Enter the model and its spaces in the database, or find them."""
    return vectors.register_model(connection, model.spaces, model.row.precision, model.weights_sha256)


def take_up(tools: Tools) -> StoredModel:
    """Enter the model that is about to be indexed with; the first ever becomes the one in use."""

    def enter(connection: Connection[Any]) -> StoredModel:
        model = register(connection, tools.model)
        if tools.pictures:
            pointers.adopt(connection, tools.owner, model.model_id)
        return model

    return tools.database.run(tools.owner, enter)


def index_large_spaces(tools: Tools, model: StoredModel) -> None:
    """Give every space of the model that has outgrown the exact scan its HNSW index."""

    def build(connection: Connection[Any]) -> None:
        for stored in model.spaces:
            if vectors.rows_at_least(connection, tools.owner, stored.space_id, nearest.EXACT_ROWS):
                vectors.build_index(connection, stored.space_id)

    tools.database.run(tools.owner, build)
