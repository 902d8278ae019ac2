"""The page of faults: every kind `verify` can name, how each is mended, and which explains which.

A fault leaves traces: with a scene's row go its kept frames and vectors, its files stay behind, and the
ledger counts more rows than there are. Only the cause is named. `EXPLAINED` says, for each kind, which kinds
would have caused it; a finding is dropped where such a cause was found in the same asset and in the same
place. A cause without a place (say, a scene's row is missing) stands for the whole asset. Whatever mends a
cause has to mend what it explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from heimdex.entities import Fault


class Mend(StrEnum):
    """What `repair` does."""

    RUN = "run"  # put the stage back to pending; the index run that follows does the rest
    DROP_ENTRY = "drop entry"
    DROP_VECTORS = "drop vectors"
    DROP_ASSET = "drop asset"
    DROP_ORPHANS = "drop orphans"
    ADOPT = "adopt"
    REFRESH = "refresh"
    SETTLE = "settle"  # derive the columns of an asset from its other columns and its files
    MISS = "miss"
    VISIT = "visit"  # the index run that follows looks at the path
    READ_AGAIN = "read again"  # the same, and reads the content although nothing about the file has changed
    PROBE = "probe"
    SWEEP = "sweep"
    RESTATE = "restate"
    INDEX = "index"  # the index run that follows does it by itself
    HAND = "hand"  # only an administrator can


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FaultKind:
    """A kind of fault. `does` says in words what mending it will do."""

    what: str
    mend: Mend
    does: str
    stage: str | None = None  # the stage to run again


KINDS: list[FaultKind] = []


def _kind(what: str, mend: Mend, does: str, stage: str | None = None) -> FaultKind:
    kind = FaultKind(what=what, mend=mend, does=does, stage=stage)
    KINDS.append(kind)
    return kind


_RUN = "runs the stage again"
_SCENES = "looks at the file again"
_PICTURE = "computes its vectors again"

# The ledger. A stage's own name is added by the finding.
NO_ENTRY = _kind("the ledger has no entry for this stage", Mend.RUN, "runs the stage")
STALE_RUNNING = _kind("the stage is said to be running, and nobody runs it", Mend.RUN, _RUN)
PENDING = _kind("the stage is still pending", Mend.RUN, "runs the stage")
OTHER_VERSION = _kind("the stage was run by another version of it", Mend.RUN, _RUN)
OTHER_CONTENT = _kind("the stage was run on other content than the asset's", Mend.RUN, _RUN)
OTHER_WEIGHTS = _kind("the stage was run with other weights of the model", Mend.RUN, _RUN)
NO_ROWS = _kind("the stage is done and has no rows", Mend.RUN, _RUN)
FEWER_ROWS = _kind("fewer rows are stored than the stage wrote", Mend.RUN, _RUN)
MORE_ROWS = _kind("more rows are stored than the stage wrote", Mend.RUN, _RUN)
EMPTY_WITH_ROWS = _kind("the stage found nothing, and has rows", Mend.RUN, _RUN)
WRONGLY_EMPTY = _kind("the stage found nothing where there is something", Mend.RUN, _RUN)
UNFINISHED = _kind("the stage has ended without a time", Mend.RUN, _RUN)
UNKNOWN_STAGE = _kind("the ledger has an entry of a stage that does not exist", Mend.DROP_ENTRY, "drops it")
UNKNOWN_MODEL = _kind("the ledger has an entry of a model that does not exist", Mend.DROP_ENTRY, "drops it")

# Scenes
SCENE_MISSING = _kind("a scene is missing", Mend.RUN, _SCENES, "scenes")
SCENE_SURPLUS = _kind("there is a scene too many", Mend.RUN, _SCENES, "scenes")
SCENE_TORN = _kind("a scene does not begin where the one before ends", Mend.RUN, _SCENES, "scenes")
SCENE_IMPOSSIBLE = _kind("a scene's times are impossible", Mend.RUN, _SCENES, "scenes")
SCENE_RESTLESS = _kind("a scene's motion is not a number", Mend.RUN, _SCENES, "scenes")
SCENE_BARE = _kind("a scene has lost its kept frames", Mend.RUN, _SCENES, "scenes")

# Kept frames
FRAME_MISSING = _kind("a kept frame is missing", Mend.RUN, _SCENES, "scenes")
FRAME_LOST = _kind("a kept frame's row is gone, its files are there", Mend.RUN, _SCENES, "scenes")
FRAME_OUTSIDE = _kind("a kept frame lies outside of its scene", Mend.RUN, _SCENES, "scenes")
FRAME_ASTRAY = _kind("a kept frame stands under another asset than its scene", Mend.ADOPT, "moves it back")
FRAME_UNJUDGED = _kind("a kept frame's quality is missing or no quality", Mend.RUN, _SCENES, "scenes")
FRAME_MISNAMED = _kind("a kept frame points to files that are not its own", Mend.RUN, _SCENES, "scenes")
FILE_MISSING = _kind("a kept file is missing", Mend.RUN, _SCENES, "scenes")
FILE_UNREADABLE = _kind("a kept file cannot be read", Mend.RUN, _SCENES, "scenes")
FILE_ALTERED = _kind("a kept file is not what was written", Mend.RUN, _SCENES, "scenes")
FILE_SIZE = _kind("a kept file's size on record is wrong", Mend.RUN, _SCENES, "scenes")
FILE_DAMAGED = _kind("a kept file is no picture", Mend.RUN, _SCENES, "scenes")
FILE_DIMENSIONS = _kind("a kept frame's width and height on record are wrong", Mend.RUN, _SCENES, "scenes")
FILE_FOREIGN = _kind("a thumbnail shows another picture than its frame", Mend.RUN, _SCENES, "scenes")
FOLDER_MISSING = _kind("the folder of an asset's kept files is missing", Mend.RUN, _SCENES, "scenes")

# Vectors
VECTOR_MISSING = _kind("vectors are missing", Mend.RUN, _PICTURE, "picture")
VECTOR_ABSENT = _kind("vectors are empty in a stage that is done", Mend.RUN, _PICTURE, "picture")
VECTOR_SHAPE = _kind("vectors are of another length than their space", Mend.RUN, _PICTURE, "picture")
VECTOR_NORM = _kind("vectors are not of norm 1", Mend.RUN, _PICTURE, "picture")
VECTOR_SWAPPED = _kind("vectors are swapped", Mend.RUN, _PICTURE, "picture")
VECTOR_ALTERED = _kind("vectors are not what was written", Mend.RUN, _PICTURE, "picture")
VECTOR_FOREIGN = _kind("vectors are not those of their frame", Mend.RUN, _PICTURE, "picture")
VECTOR_ASTRAY = _kind("vectors stand beside their frame", Mend.RUN, _PICTURE, "picture")
VECTOR_RECORD = _kind("the record of vectors is wrong", Mend.RUN, _PICTURE, "picture")
VECTOR_UNRECORDED = _kind("vectors of a model that the ledger does not know", Mend.DROP_VECTORS, "drops them")

# Words
_TEXT = "writes the words' terms and vectors again"
TEXT_MISSING = _kind("a text of a scene has no vector", Mend.RUN, _TEXT, "text")
TEXT_ALTERED = _kind("text vectors are not what was written", Mend.RUN, _TEXT, "text")
TEXT_ASTRAY = _kind("text vectors stand under another asset than their scene", Mend.RUN, _TEXT, "text")
TERMS_MISSING = _kind("words of a scene have no terms", Mend.RUN, _TEXT, "text")
TERMS_ASTRAY = _kind("terms point to scenes that are not there", Mend.RUN, _TEXT, "text")

# Paths and facts
PATH_GONE = _kind("the file is gone", Mend.MISS, "marks it missing")
PATH_BACK = _kind("the file is said to be missing, and is there", Mend.VISIT, "takes it in again")
PATH_CHANGED = _kind("the file has changed since it was indexed", Mend.VISIT, "looks at it again")
PATH_TEXT = _kind("the path's text is not what its bytes say", Mend.REFRESH, "writes it anew")
PATH_WORDS = _kind("the words of the paths are wrong", Mend.REFRESH, "writes them anew")
PRESENCE = _kind("the asset's presence disagrees with its paths", Mend.REFRESH, "writes it anew")
NO_PATH = _kind("no path leads to the asset", Mend.DROP_ASSET, "drops it; its file, if there is one, is new")
CONTENT = _kind("the file's content is not the asset's", Mend.READ_AGAIN, "indexes what is there")
FACTS = _kind("the asset's facts are not those of its file", Mend.PROBE, "writes them and looks again")
SIZE = _kind("the asset's size is not that of its files", Mend.SETTLE, "writes it anew")
TIME = _kind("the asset is filed under another time than it was taken", Mend.SETTLE, "writes it anew")

# Derived files
FOLDER_UNKNOWN = _kind("a folder of kept files belongs to no asset", Mend.SWEEP, "removes it")
FOLDER_OLD = _kind("a folder of kept files is of an attempt that is over", Mend.SWEEP, "removes it")
FILE_UNKNOWN = _kind("a file among the kept files belongs to no row", Mend.SWEEP, "removes it")
FILE_TEMPORARY = _kind("a half-written file was left behind", Mend.SWEEP, "removes it")

# Uploads. Nothing is done to them unasked: they may be all there is of a film.
UPLOAD_GONE = _kind("an upload is not in the object store", Mend.HAND, "")
UPLOAD_UNKNOWN = _kind("an object is in the store of which no upload is known", Mend.HAND, "")

# The database
ORPHANS = _kind("rows whose parent row is gone", Mend.DROP_ORPHANS, "drops them and looks at the file again")
TABLE_OPEN = _kind("a table does not keep its owners apart", Mend.HAND, "")
INDEX_INVALID = _kind("an index is invalid", Mend.HAND, "")
INDEX_MISSING = _kind("an index is missing", Mend.HAND, "")
SPACE_MISSTATED = _kind("a space's dimension is not its model's", Mend.RESTATE, "writes it anew")
SPACE_UNINDEXED = _kind("a large space has no index", Mend.INDEX, "builds it")
MODEL_UNLOADABLE = _kind("the model cannot be loaded, so no vector was computed again", Mend.HAND, "")

_ROWS_GONE = (SCENE_MISSING, SCENE_BARE, FRAME_MISSING, FRAME_LOST, NO_ROWS, ORPHANS)
_FILE_FAULTS = (
    FRAME_MISNAMED, FILE_MISSING, FILE_UNREADABLE, FILE_ALTERED, FILE_DAMAGED, FILE_FOREIGN, FOLDER_MISSING,
)  # fmt: skip
EXPLAINED: dict[FaultKind, tuple[FaultKind, ...]] = {
    NO_ENTRY: (UNKNOWN_STAGE, UNKNOWN_MODEL),
    OTHER_CONTENT: (CONTENT,),
    NO_ROWS: (NO_ROWS, OTHER_WEIGHTS, ORPHANS),
    WRONGLY_EMPTY: (FACTS,),
    FEWER_ROWS: (*_ROWS_GONE, VECTOR_MISSING),
    MORE_ROWS: (SCENE_SURPLUS,),
    SCENE_MISSING: (ORPHANS,),
    SCENE_IMPOSSIBLE: (FACTS,),
    SCENE_SURPLUS: (FACTS,),
    SCENE_TORN: (SCENE_SURPLUS, SCENE_IMPOSSIBLE),
    SCENE_BARE: (SCENE_SURPLUS, ORPHANS, FACTS),
    FRAME_LOST: (SCENE_MISSING, SCENE_BARE, FRAME_MISSING, NO_ROWS, ORPHANS),
    FRAME_OUTSIDE: (SCENE_TORN, SCENE_IMPOSSIBLE),
    FILE_MISSING: (FRAME_MISNAMED, FOLDER_MISSING),
    FILE_UNREADABLE: (FRAME_MISNAMED,),
    FILE_ALTERED: (FRAME_MISNAMED,),
    FILE_SIZE: (FRAME_MISNAMED,),
    FILE_DIMENSIONS: (FRAME_MISNAMED,),
    FILE_FOREIGN: (FRAME_MISNAMED,),
    FILE_UNKNOWN: (FRAME_MISNAMED, STALE_RUNNING),
    FILE_TEMPORARY: (STALE_RUNNING,),
    FOLDER_OLD: (STALE_RUNNING, FRAME_MISNAMED),
    FOLDER_UNKNOWN: (ORPHANS,),
    VECTOR_MISSING: (NO_ROWS, FRAME_MISNAMED, ORPHANS),
    VECTOR_RECORD: (FRAME_MISNAMED,),
    VECTOR_FOREIGN: _FILE_FAULTS,
    VECTOR_ASTRAY: (FRAME_MISSING,),
    VECTOR_UNRECORDED: (NO_ENTRY, OTHER_WEIGHTS, UNKNOWN_STAGE, UNKNOWN_MODEL),
    TERMS_MISSING: (SCENE_MISSING, ORPHANS),
    TERMS_ASTRAY: (SCENE_MISSING, ORPHANS),
    PATH_GONE: (PATH_TEXT,),
    PATH_WORDS: (NO_PATH, PATH_TEXT, CONTENT),
    PRESENCE: (NO_PATH, PATH_GONE, PATH_BACK, PATH_TEXT),
    CONTENT: (PATH_CHANGED,),
    FACTS: (PATH_CHANGED, CONTENT),
    SIZE: (PATH_CHANGED, CONTENT),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something wrong, with what its mending needs. `places` are the ids, and the sorts of rows, that it is
    about; none: the whole asset.
    """

    kind: FaultKind
    where: str
    asset_id: str | None = None
    places: frozenset[str] = frozenset()
    stage: str | None = None  # the stage to run again, where the kind leaves it open
    model_id: int = 0
    target: Any = None  # the path (bytes) or file (Path) to mend
    group: str = ""  # findings of one kind and group are told as one
    detail: str = ""  # what is told of each in the group


def causes_only(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that no other finding explains."""
    found = list(findings)
    by_asset: dict[str | None, list[Finding]] = {}
    for finding in found:
        by_asset.setdefault(finding.asset_id, []).append(finding)
    return [
        finding
        for finding in found
        if not any(_explains(cause, finding) for cause in by_asset[finding.asset_id] if cause is not finding)
    ]


def _explains(cause: Finding, finding: Finding) -> bool:
    if cause.kind not in EXPLAINED.get(finding.kind, ()):
        return False
    if cause.kind is finding.kind and not cause.places < finding.places:
        return False
    return not cause.places or bool(cause.places & finding.places)


DETAILS_SHOWN = 6


def told(findings: Sequence[Finding]) -> list[Finding]:
    """Findings as they are told: those of one kind, asset and group as one, with what each is about."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for number, finding in enumerate(findings):
        key = (finding.kind, finding.asset_id, finding.group or number)
        groups.setdefault(key, []).append(finding)
    result = []
    for group in groups.values():
        by_hand = group[0].kind.mend is Mend.HAND  # then they say what to do
        details = [finding.detail for finding in group if finding.detail and not by_hand]
        more = f" and {len(details) - DETAILS_SHOWN} more" if len(details) > DETAILS_SHOWN else ""
        shown = ", ".join(details[:DETAILS_SHOWN]) + more
        where = f"{group[0].where}: {shown}" if shown else group[0].where
        result.append(replace(group[0], where=where))
    return result


def as_fault(finding: Finding) -> Fault:
    """A finding in the words of the contract."""
    kind = finding.kind
    if kind.mend == Mend.HAND:
        mend = finding.detail or kind.does
    else:
        mend = f"`heimdex index PATH --repair` {kind.does}"
    stage = finding.stage or kind.stage
    return Fault(what=kind.what, where=finding.where, mend=mend, asset_id=finding.asset_id, stage=stage)
