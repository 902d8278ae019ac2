"""The tables of an open index: their columns and types, the same in Parquet and in JSON lines.

docs/reference/open-index.md says what each means; a test compares both, and this with the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FORMAT = "heimdex-open-index"
VERSION = 1
"""Rises when somebody who reads an open index by its description would read it wrong."""


class Type(StrEnum):
    """What a column holds. In Parquet and in JSON it stands as the comment says."""

    TEXT = "text"  # string
    ID = "id"  # string, a UUID in lower case
    HEX = "hex"  # string, bytes in hexadecimal
    INTEGER = "integer"  # int64, number
    REAL = "real"  # float32, number
    DOUBLE = "double"  # float64, number
    BOOLEAN = "boolean"
    TIME = "time"  # timestamp in microseconds, UTC; a string in ISO 8601
    JSON = "json"  # a string that is JSON; the value itself
    VECTOR = "vector"  # list of float32, of numbers; each a half float (16 bits) exactly
    REALS = "reals"  # list of float32, of numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table: its name, which is also its file's, and its columns in order."""

    name: str
    columns: Mapping[str, Type]


def _columns(told: str) -> dict[str, Type]:
    pairs = (part.split(":") for part in told.split())
    return {name: Type(kind) for name, kind in pairs}


_MODEL = "model:text precision:text weights_sha256:text"

# In the order in which they are written into a database: what others hang on comes first.
TABLES = (
    Table(
        name="assets",
        columns=_columns(
            "asset_id:id content_hash:hex size_bytes:integer kind:text present:boolean container:text "
            "video_codec:text audio_codec:text width:integer height:integer rotation:integer "
            "duration_us:integer frame_rate:real zero_us:integer video_offset_us:integer "
            "audio_offset_us:integer interlaced:boolean transfer:text clock_breaks:boolean captured_at:time "
            "taken_at:time camera:text latitude:double longitude:double note:text title:text "
            "corrected_at:time created_at:time"
        ),
    ),
    Table(
        name="files",
        columns=_columns(
            "asset_id:id path_bytes:hex path:text state:text size_bytes:integer modified_ns:integer "
            "stage:text error:text seen_at:time"
        ),
    ),
    Table(
        name="scenes",
        columns=_columns(
            "asset_id:id scene_id:id position:integer start_us:integer end_us:integer motion_energy:real "
            "motion_pan:real motion_tilt:real motion_zoom:real motion_change:real"
        ),
    ),
    Table(
        name="keyframes",
        columns=_columns(
            "asset_id:id scene_id:id keyframe_id:id rank:integer at_us:integer width:integer height:integer "
            "frame_quality:json frame_key:text frame_sha256:text frame_bytes:integer thumbnail_key:text "
            "thumbnail_sha256:text thumbnail_bytes:integer"
        ),
    ),
    Table(
        name="vectors",
        columns=_columns(
            f"asset_id:id scene_id:id keyframe_id:id rank:integer {_MODEL} space:text embedding:vector "
            "checksum:hex metadata:json"
        ),
    ),
    Table(
        name="calibrations",
        columns=_columns(
            f"asset_id:id scene_id:id rank:integer {_MODEL} space:text version:integer mean:real "
            "deviation:real draw:double"
        ),
    ),
    Table(
        name="transcripts",
        columns=_columns(
            "asset_id:id source:text model:text language:text origin:text note:text beside:json "
            "listened_in:text"
        ),
    ),
    Table(
        name="utterances",
        columns=_columns(
            "asset_id:id utterance_id:id position:integer start_us:integer end_us:integer text:text "
            "language:text confidence:real words:json"
        ),
    ),
    Table(
        name="text_lines",
        columns=_columns(
            "asset_id:id line_id:id scene_id:id at_us:integer start_us:integer end_us:integer text:text "
            "box:reals confidence:real script:text"
        ),
    ),
    Table(
        name="descriptions",
        columns=_columns("asset_id:id scene_id:id text:text language:text model:text metadata:json"),
    ),
    Table(
        name="text_vectors",
        columns=_columns(
            f"asset_id:id scene_id:id channel:text {_MODEL} space:text text:text at_us:integer "
            "embedding:vector checksum:hex metadata:json"
        ),
    ),
    Table(
        name="ledger",
        columns=_columns(
            f"asset_id:id stage:text {_MODEL} stage_version:integer state:text content_hash:hex "
            "row_count:integer attempt:integer started_at:time finished_at:time duration_ms:double error:text"
        ),
    ),
)
BY_NAME = {table.name: table for table in TABLES}
