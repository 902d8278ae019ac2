"""Lines of writing in pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection

from heimdex.entities import TextLine
from heimdex.store.sql import queries, uuid_array

SQL = queries("text_lines")


def replace_lines(connection: Connection[Any], owner: str, asset_id: str, lines: Iterable[TextLine]) -> None:
    """Write an asset's lines in place of those it had."""
    connection.execute(SQL["delete_lines"], {"owner": owner, "asset": asset_id})
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["insert_line"],
            (
                {
                    "owner": owner,
                    "line": line.line_id,
                    "asset": asset_id,
                    "scene": line.scene_id,
                    "at_us": line.at_us,
                    "start_us": line.start_us,
                    "end_us": line.end_us,
                    "text": line.text,
                    "box": list(line.box),
                    "confidence": line.confidence,
                    "script": line.script,
                }
                for line in lines
            ),
        )


def lines_of(connection: Connection[Any], owner: str, asset_id: str) -> list[TextLine]:
    """The lines of an asset by the time they appear."""
    rows = connection.execute(SQL["lines_of_asset"], {"owner": owner, "asset": asset_id})
    return [_line(row) for row in rows]


def lines_of_scenes(
    connection: Connection[Any], owner: str, scenes: Sequence[str]
) -> dict[str, list[TextLine]]:
    """The lines that can be seen in some scenes, by scene: those whose span overlaps it."""
    found: dict[str, list[TextLine]] = {scene_id: [] for scene_id in scenes}
    rows = connection.execute(SQL["lines_of_scenes"], {"owner": owner, "scenes": uuid_array(scenes)})
    for scene_id, *row in rows:
        found[scene_id].append(_line(row))
    return found


def _line(row: Sequence[Any]) -> TextLine:
    line_id, scene_id, at_us, start_us, end_us, text, box, confidence, script = row
    return TextLine(
        line_id=line_id,
        scene_id=scene_id,
        at_us=at_us,
        start_us=start_us,
        end_us=end_us,
        text=text,
        box=(box[0], box[1], box[2], box[3]),
        confidence=confidence,
        script=script,
    )
