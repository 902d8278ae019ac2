"""What `verify` reads of the rows: the nouns, each a line of a query in queries/verify.sql."""

from __future__ import annotations

from dataclasses import dataclass

from heimdex.entities import FileStamp


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedAsset:
    """An asset as its row has it. `mistimed`: it is filed under another time than it says it was taken.
    `fresh`: it was entered a moment ago, and whoever did that has not claimed it yet.
    """

    asset_id: str
    kind: str
    present: bool
    content_hash: str
    size_bytes: int
    mistimed: bool
    fresh: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line of the ledger. `model` is the name of its model, None where no model has that id."""

    asset_id: str
    stage: str
    model_id: int
    model: str | None
    version: int
    state: str
    content_hash: str
    row_count: int
    attempt: int
    finished: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneFlaw:
    """A scene with at least one of the flaws that are flags here; the one before ends at `before_us`."""

    asset_id: str
    scene_id: str
    position: int
    start_us: int
    before_id: str | None
    before_us: int | None
    expected: int  # the position it should have
    misplaced: bool
    torn: bool
    impossible: bool
    restless: bool
    surplus: bool
    bare: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyframeFlaw:
    """A kept frame with at least one of the flaws that are flags here."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    expected: int  # the rank it should have
    misranked: bool
    outside: bool
    astray: bool
    unjudged: bool
    misnamed: bool
    frame_key: str
    thumbnail_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingVector:
    """A kept frame without a vector in a space of a model that is done."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    model_id: int
    space: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorFlaw:
    """A vector with at least one flaw. `record` names the fields of its metadata that are wrong."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    model_id: int
    space: str
    unrecorded: bool
    absent: bool
    misshapen: bool
    stretched: bool
    altered: bool
    astray: bool
    record: tuple[str, ...]
    frame_key: str
    frame_path: str | None  # what the metadata says instead of `frame_key`
    checksum: str | None  # of the values as they were written
    actual: str | None  # of the values there are


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedPath:
    """A path that leads to an asset, as the record has it."""

    asset_id: str
    stamp: FileStamp
    text: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFiles:
    """A kept frame and its thumbnail, as the rows have them."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    width: int
    height: int
    frame_key: str
    frame_sha256: str
    frame_bytes: int
    thumbnail_key: str
    thumbnail_sha256: str
    thumbnail_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenTable:
    """A table with an owner in its rows that does not keep them apart."""

    name: str
    secured: bool
    forced: bool
    sound: bool  # has the policy it should have
    unsound: tuple[str, ...]  # policies it should not have


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingIndex:
    """An index of the schema that is not there, and the statement that makes it."""

    name: str
    statement: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some assets, all that was read about them, in one state of the database.

    `stored` counts rows by (asset, "scenes" | "keyframes" | "picture", model); `claimed` are those some
    process works on, and `fingerprints` tell whether one does before the checks are through.
    """

    assets: tuple[CheckedAsset, ...]
    claimed: frozenset[str]
    fingerprints: dict[str, str]
    ledger: tuple[Entry, ...]
    stored: dict[tuple[str, str, int], int]
    scenes: tuple[SceneFlaw, ...]
    keyframes: tuple[KeyframeFlaw, ...]
    missing: tuple[MissingVector, ...]
    vectors: tuple[VectorFlaw, ...]
    paths: tuple[CheckedPath, ...]
    words: dict[str, frozenset[str]]
