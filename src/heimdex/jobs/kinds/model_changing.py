"""Another picture model is taken into use as a job: built, checked, compared, then the pointer moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heimdex.entities import is_uuid
from heimdex.errors import ChangeRefused, UsageError
from heimdex.jobs.kind import JobRun, Kind

if TYPE_CHECKING:
    from heimdex.pipeline.shadow import ChangeProgress

NAME = "change_model"
OPTIONS = ("owners", "percent", "keep_days", "sample", "most_failed")
SUMMED = ("scenes", "vectors", "left_behind", "stragglers")


def check(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError."""
    unknown = sorted(arguments.keys() - {*OPTIONS, "model"})
    if unknown:
        raise UsageError(f"a change of model has no option {unknown[0]!r}; there are: {', '.join(OPTIONS)}")
    if not arguments.get("model"):
        raise UsageError("which model? Give its name")
    wrong = [owner for owner in arguments.get("owners") or () if not is_uuid(owner)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is no owner: a UUID is wanted")


def is_own(owner: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a change reaches nobody but the owner who asks for it."""
    return list(arguments.get("owners") or ()) == [owner]


def change(run: JobRun) -> Mapping[str, Any]:
    """Make the change; goes on where it was when it is run again."""

    def hear(progress: ChangeProgress) -> None:
        run.tell(progress.scenes_done, progress.scenes_total, progress.phase)

    assert run.makers.change_model is not None
    try:
        found = run.makers.change_model(run.owner, run.arguments, run.stop.is_set, hear)
    except ChangeRefused as error:
        if not error.is_of_library:
            raise  # another change is under way, or too much is indexed: it is tried again
        raise UsageError(_told(error, own=is_own(run.owner, run.arguments))) from error
    changes: Sequence[Mapping[str, Any]] = found["changes"]
    if any(one["state"] == "building" for one in changes):
        run.check_stop()
    return _summary(found["model"], changes)


def _told(error: ChangeRefused, *, own: bool) -> str:
    """The reason names files: whoever shares the library of who asked must not read those of other owners."""
    if own:
        return str(error)
    return (
        "It was refused in one of the libraries, and all go on with the model before. "
        "Administrators see why: GET /api/v1/models/libraries."
    )


def _summary(model: str, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers over all libraries: no paths, no queries; each finds those in its own state."""
    reports = [one["report"] for one in changes]
    overlaps = [report["comparison"]["overlap"] for report in reports if report["comparison"]]
    known = [overlap for overlap in overlaps if overlap is not None]
    return {
        "model": model,
        "libraries": len(changes),
        "switched": sum(one["state"] == "switched" for one in changes),
        **{name: sum(report[name] for report in reports) for name in SUMMED},
        "failed": sum(len(report["failed"]) for report in reports),
        "checked_again": sum(report["checked"].get("frames_encoded_again", 0) for report in reports),
        "overlap": round(sum(known) / len(known), 4) if known else None,
    }


CHANGE_MODEL = Kind(name=NAME, queue="backfill", work=change, check=check, at_once=1)
