"""Indexing what was handed in, as a job of its own for every upload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from heimdex.entities import NewJob, Progress, is_uuid
from heimdex.errors import NotFound, UsageError
from heimdex.jobs.board import Board
from heimdex.jobs.kind import JobRun, Kind
from heimdex.jobs.kinds.catching_up import catch_up, model_of
from heimdex.jobs.kinds.indexing import report_of
from heimdex.store import uploads

if TYPE_CHECKING:
    from psycopg import Connection

    from heimdex.entities.uploads import Upload

NAME = "index_upload"


def enter_once(connection: Connection[Any], board: Board, upload: Upload) -> None:
    """Have a stored upload indexed, in a transaction of its owner, unless there is a job for that already.

    The upload is held meanwhile, and its job has its id: so there is never a second one. Where that job came
    to no good, the upload says so, and is left to who reads it: they may retry the job, or end the upload.
    """
    owner, upload_id = upload.owner, upload.upload_id
    if not uploads.hold_unindexed(connection, owner, upload_id):
        return
    job = board.find_in(connection, upload_id)
    if job is None:
        board.enqueue_in(connection, NewJob(kind=NAME, arguments={"upload": upload_id}, job_id=upload_id))
    elif job.state.has_ended:
        error = job.error or f"its indexing ended ({job.state})"
        uploads.note_indexed(connection, owner, upload_id, None, f"{error}; job {upload_id} may be retried")


def check(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError."""
    if not is_uuid(str(arguments.get("upload"))):
        raise UsageError("the id of an upload is wanted")


def index_upload(run: JobRun) -> Mapping[str, Any]:
    """Index an upload; what became of it stands on the upload, too."""
    from heimdex.pipeline.run_context import IndexOptions
    from heimdex.pipeline.uploads import index_upload as index

    def tell(progress: Progress) -> None:
        run.progress(progress.files_done, progress.files_total, progress.current)

    options, tools = IndexOptions(hidden=run.makers.hidden), run.tools
    try:
        found = index(tools, options, str(run.arguments["upload"]), tell, halt=run.stop)
    except NotFound as error:
        return {"asset_id": None, "error": str(error)}
    catch_up(run, [model_of(tools)])
    return report_of(found.report) | {"asset_id": found.asset_id, "error": found.error}


INDEX_UPLOAD = Kind(name=NAME, queue="index", work=index_upload, check=check)
