"""Indexing as jobs: one that looks around and splits itself, and one for the files of each part."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heimdex.entities import IndexReport, NewJob, Progress
from heimdex.entities.objects import is_object, key_of
from heimdex.errors import UsageError
from heimdex.jobs.kind import JobRun, Kind
from heimdex.jobs.kinds.catching_up import catch_up, model_of
from heimdex.jobs.paths import pack, unpack

if TYPE_CHECKING:
    from heimdex.pipeline.flow import Stage

COUNTS = ("indexed", "unchanged", "moved", "missing", "duplicates", "scenes")
FAILED_LISTED = 1000


def check(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError for arguments that are no list of absolute paths, or no stages."""
    _check(arguments, uploads=False)


def check_part(arguments: Mapping[str, Any]) -> None:
    """The same of a part, which may name uploads as well."""
    _check(arguments, uploads=True)


def _check(arguments: Mapping[str, Any], *, uploads: bool) -> None:
    from heimdex.pipeline.flow import choose

    paths = unpack(arguments.get("paths"))
    relative = [path for path in paths if not path.startswith(b"/") and not (uploads and is_object(path))]
    if not paths or relative:
        raise UsageError(f"absolute paths are wanted, not {os.fsdecode(b', '.join(relative)) or 'none'}")
    choose(arguments.get("stages"))


def index(run: JobRun) -> Mapping[str, Any]:
    """Walk, and split what is found among parts."""
    from heimdex.pipeline.sharing import survey

    found = survey(run.tools, _options(run), unpack(run.arguments["paths"]), run.check_stop)
    run.split(parts_of(found.parts, run.arguments))
    refused = [_readable(asdict(one)) for one in found.refusals[:FAILED_LISTED]]
    return {"refused": refused, "model": model_of(run.tools)}


def parts_of(
    parts: Iterable[Sequence[bytes]], arguments: Mapping[str, Any], *, per_minute: float = 0.0
) -> Iterable[NewJob]:
    """Jobs for lists of files. With `per_minute` each is due when as many files could be done before it."""
    now, before = datetime.now(UTC), 0
    passed = {name: arguments[name] for name in ("stages", "retry") if arguments.get(name)}
    for paths in parts:
        later = now + timedelta(minutes=before / per_minute) if per_minute > 0 and before else None
        yield NewJob(kind="index_files", arguments={"paths": pack(paths), **passed}, not_before=later)
        before += len(paths)


def conclude(run: JobRun) -> Mapping[str, Any]:
    """Mark what is missing, add up what the parts did, and catch up with a model that was changed."""
    from heimdex.pipeline.flow import choose
    from heimdex.pipeline.sharing import conclude as finish

    missing = finish(run.tools, _options(run), unpack(run.arguments["paths"]))
    catch_up_with(run, choose(run.arguments.get("stages")))
    return summed(run) | {"missing": missing}


def catch_up_with(run: JobRun, stages: Sequence[Stage]) -> None:
    """Where parts made vectors of a model that is not in use any more, have a backfill follow.

    The whole's own model counts too: a part that failed does not tell by which one it began.
    """
    from heimdex.pipeline.flow import PICTURE

    if PICTURE in stages:
        catch_up(run, [one.get("model") for one in (run.job.result or {}, *run.results())])


def summed(run: JobRun) -> dict[str, Any]:
    """The reports of all parts as one."""
    counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    failed = list((run.job.result or {}).get("refused", []))
    for part in run.results():
        counts.update({name: int(part.get(name, 0)) for name in COUNTS})
        failed += part.get("failed", [])
    return dict(counts) | {"failed": failed[:FAILED_LISTED], "failed_count": len(failed)}


def index_files(run: JobRun) -> Mapping[str, Any]:
    """Index some files, as a part of a run that others share."""
    from heimdex.pipeline.indexing import index as index_paths

    def tell(progress: Progress) -> None:
        run.progress(progress.files_done, progress.files_total, progress.current)

    options, paths = _options(run, is_part=True), unpack(run.arguments["paths"])
    for path in filter(is_object, paths):  # a machine that does not reach an upload leaves it to others
        run.tools.originals.objects.head(key_of(path))
    report = index_paths(run.tools, options, paths, tell, halt=run.stop)
    return report_of(report) | {"model": model_of(run.tools)}


def report_of(report: IndexReport) -> dict[str, Any]:
    """An index report as JSON."""
    failed = [asdict(refusal) for refusal in report.failed]
    return {name: getattr(report, name) for name in COUNTS} | {
        "failed": [_readable(one) for one in failed],
        "seconds": report.seconds,
        "wants": [asdict(want) for want in report.wants],
    }


def _readable(refusal: Mapping[str, Any]) -> dict[str, Any]:
    """JSON in the database takes neither lone surrogates nor zero bytes."""
    return {
        name: str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", "\\x00")
        for name, value in refusal.items()
    }


def _options(run: JobRun, *, is_part: bool = False) -> Any:
    from heimdex.pipeline.flow import choose
    from heimdex.pipeline.run_context import IndexOptions

    return IndexOptions(
        stages=choose(run.arguments.get("stages")),
        hidden=run.makers.hidden,
        retry=bool(run.arguments.get("retry")),
        is_part=is_part,
    )


INDEX = Kind(name="index", queue="index", work=index, conclude=conclude, check=check)
INDEX_FILES = Kind(name="index_files", queue="index", work=index_files, check=check_part)
