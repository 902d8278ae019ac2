"""How much there is in the library, and how far each stage has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from psycopg import Connection

from heimdex.pipeline.library import seconds
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, runs, text_vectors, vectors, word_counts

SPACE_FIELDS = ("space_id", "model", "space", "dim", "filled", "failed")
TEXT_FIELDS = ("space_id", "model", "space", "dim", "channel", "filled", "failed")


def status(tools: Tools) -> dict[str, Any]:
    """Counts, and how far each stage has come, counted from rows."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> dict[str, Any]:
        counts = assets.count_library(connection, owner)
        spaces = vectors.count_vectors(connection, owner)
        stages: dict[str, dict[str, int]] = {}
        for stage, model, state, count in runs.count_runs(connection, owner):
            entry = stages.setdefault(f"{stage} ({model})" if model else stage, {})
            entry[state] = entry.get(state, 0) + count
        return {
            "home": str(tools.home),
            "assets": counts["assets"],
            "kinds": assets.count_kinds(connection, owner),
            "missing": counts["missing"],
            "refused": counts["refused"],
            "scenes": counts["scenes"],
            "keyframes": counts["keyframes"],
            "duration": seconds(counts["duration_us"]),
            "words": asdict(word_counts.count_words(connection, owner)),
            "stages": stages,
            "waiting": word_counts.count_waiting(connection, owner),
            "spaces": [{name: entry[name] for name in SPACE_FIELDS} for entry in spaces],
            "texts": [
                {name: entry[name] for name in TEXT_FIELDS}
                for entry in text_vectors.count_texts(connection, owner)
            ],
            "coverage": _by_model(spaces, counts["keyframes"]),
            "models": {"picture": tools.model.row.name} if tools.pictures else {},
        }

    found: dict[str, Any] = tools.database.run(owner, read, read_only=True)
    return found


def coverage(connection: Connection[Any], owner: str) -> list[dict[str, Any]]:
    """How many of an owner's kept frames have their vectors, model by model."""
    keyframes = assets.count_library(connection, owner)["keyframes"]
    return _by_model(vectors.count_vectors(connection, owner), keyframes)


def _by_model(spaces: Sequence[dict[str, Any]], keyframes: int) -> list[dict[str, Any]]:
    """Of a model's spaces the emptiest counts."""
    by_model: dict[int, list[dict[str, Any]]] = {}
    for space in spaces:
        by_model.setdefault(space["model_id"], []).append(space)
    found = []
    for own in by_model.values():
        filled = min(space["filled"] for space in own)
        found.append(
            {
                "model": own[0]["model"],
                "keyframes": keyframes,
                "filled": filled,
                "failed": max(space["failed"] for space in own),
                "share": round(filled / keyframes, 4) if keyframes else 1.0,
            }
        )
    return found
