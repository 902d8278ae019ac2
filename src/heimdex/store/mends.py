"""What `repair` writes: rows put right by rows, entries put back so that the next index does their work."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("mends")


def pend_run(connection: Connection[Any], owner: str, asset_id: str, stage: str, model_id: int) -> None:
    """Put one stage of one asset, for one model, back to pending."""
    key = {"owner": owner, "asset": asset_id, "stage": stage, "model": model_id}
    connection.execute(SQL["pend_run"], key)


def delete_run(connection: Connection[Any], owner: str, asset_id: str, stage: str, model_id: int) -> None:
    """Drop an entry of the ledger."""
    key = {"owner": owner, "asset": asset_id, "stage": stage, "model": model_id}
    connection.execute(SQL["delete_run"], key)


def delete_vectors(connection: Connection[Any], owner: str, asset_id: str, model_id: int) -> None:
    """Drop an asset's vectors in all spaces of a model, wherever they stand."""
    connection.execute(SQL["delete_vectors_of_model"], {"owner": owner, "asset": asset_id, "model": model_id})


def adopt_keyframes(connection: Connection[Any], owner: str, asset_id: str) -> None:
    """Give the asset the kept frames of its scenes."""
    connection.execute(SQL["adopt_keyframes"], {"owner": owner, "asset": asset_id})


def delete_astray_vectors(connection: Connection[Any], owner: str, asset_id: str) -> None:
    """Drop vectors that do not stand with the kept frames they belong to."""
    connection.execute(SQL["delete_astray_vectors"], {"owner": owner, "asset": asset_id})


def delete_empty_runs(connection: Connection[Any], owner: str, asset_id: str, model_id: int) -> None:
    """Drop entries of other models than this that have no vectors."""
    connection.execute(SQL["delete_empty_runs"], {"owner": owner, "asset": asset_id, "model": model_id})


def restate_space(connection: Connection[Any], space_id: int, dim: int) -> None:
    """Write a space's dimension."""
    connection.execute(SQL["restate_space"], {"space": space_id, "dim": dim})


def unsettle_path(connection: Connection[Any], owner: str, path: bytes) -> None:
    """Have one path read again by the next index, content and all."""
    connection.execute(SQL["unsettle_path"], {"owner": owner, "path_bytes": path})


def unsettle_paths(connection: Connection[Any], owner: str, asset_id: str) -> None:
    """Have the paths of an asset read again by the next index, content and all."""
    connection.execute(SQL["unsettle_paths"], {"owner": owner, "asset": asset_id})


def settle(connection: Connection[Any], owner: str, asset_id: str, size_bytes: int | None) -> None:
    """Derive an asset's time from what it says itself, and set its size where one is given."""
    connection.execute(SQL["settle_time"], {"owner": owner, "asset": asset_id})
    if size_bytes is not None:
        connection.execute(SQL["settle_size"], {"owner": owner, "asset": asset_id, "size": size_bytes})


def settle_path_text(connection: Connection[Any], owner: str, path: bytes, text: str) -> None:
    """Write the text of a path."""
    connection.execute(SQL["settle_path_text"], {"owner": owner, "path_bytes": path, "path": text})


def delete_orphans(connection: Connection[Any], owner: str) -> None:
    """Drop every row whose parent is gone; children first."""
    pictures = ("vectors", "keyframes", "scenes", "runs", "files", "words")
    texts = ("texts", "compared", "lines", "descriptions", "sentences", "transcripts", "terms")
    for name in (*pictures, *texts):
        connection.execute(SQL[f"delete_orphan_{name}"], {"owner": owner})
