"""Jobs: asking for work, watching it, stopping it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, cast

import anyio
from fastapi import APIRouter, Query, Request, Response
from sse_starlette import EventSourceResponse

from heimdex.app import Heimdex, job_shapes
from heimdex.client.documents.jobs import IndexJob, JobChange, JobCursor, JobPage, JobRequest, JobShape, State
from heimdex.client.documents.words import Id, Text
from heimdex.entities import Job, JobState
from heimdex.errors import AccessError, NotAllowed, RateLimited
from heimdex.jobs.kinds.model_changing import NAME as CHANGE
from heimdex.jobs.kinds.model_changing import is_own
from heimdex.server import cursors
from heimdex.server.auth.caller import Caller, ReadCaller, WriteCaller
from heimdex.server.auth.gate import gate_of
from heimdex.server.etags import answer
from heimdex.server.shapes.problems import problems
from heimdex.server.watching import Watchers
from heimdex.store.jobs import JobFilter

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=problems(404))

POLL_S = 0.5
ASK_AGAIN_S = 10.0  # whether who watches may still do so
FOLDERS = ("index", "index_files")  # kinds of jobs that read whatever paths they were given
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "One event `job` for each change.", "content": {"text/event-stream": {}}}
}


@router.post("", operation_id="add_job", response_model=JobShape, status_code=201)
def add_job(request: Request, caller: WriteCaller, wanted: JobRequest) -> dict[str, Any]:
    """Ask workers for something. Only administrators may name folders of the service's machines."""
    if isinstance(wanted.work, IndexJob) and "admin" not in caller.scopes:
        raise NotAllowed("Folders of the server are indexed for administrators only; upload files instead.")
    return job_shapes.job(_enter(_library(request, caller), wanted))


@router.get("", operation_id="list_jobs", response_model=JobPage)
def list_jobs(
    request: Request,
    caller: ReadCaller,
    state: State | None = None,
    kind: Annotated[Text | None, Query(max_length=100)] = None,
    cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Jobs, the newest first; not the parts into which workers divide them."""
    before = None
    if cursor is not None:
        kept = cursors.unpack(cursor, JobCursor)
        before, state, kind = str(kept.before), kept.state, kept.kind
    wanted = JobFilter(
        states=() if state is None else (JobState(state),), kind=kind, before=before, limit=limit + 1
    )
    found = _library(request, caller).jobs.list(wanted)
    page = job_shapes.jobs(found[:limit])
    if len(found) > limit:
        last = page["jobs"][-1]["job_id"]
        page["next_cursor"] = cursors.pack(JobCursor(before=last, state=state, kind=kind))
    return answer(request, page)


@router.get("/{job_id}", operation_id="get_job", response_model=JobShape)
def get_job(request: Request, caller: ReadCaller, job_id: Id) -> Response:
    """One job: how far it has come, what it gave, why it failed."""
    return answer(request, job_shapes.job(_library(request, caller).jobs.get(job_id)))


@router.patch("/{job_id}", operation_id="prioritise_job", response_model=JobShape)
def prioritise_job(request: Request, caller: WriteCaller, job_id: Id, wanted: JobChange) -> dict[str, Any]:
    """Put a job that has not ended, and its parts, further to the front of its queue or back."""
    jobs = _library(request, caller).jobs
    _check_own(caller, jobs.get(job_id))
    return job_shapes.job(jobs.prioritise(job_id, wanted.priority))


@router.post("/{job_id}/{verb}", operation_id="change_job", response_model=JobShape)
def change_job(
    request: Request,
    caller: WriteCaller,
    job_id: Id,
    verb: Literal["cancel", "pause", "resume", "retry"],
) -> dict[str, Any]:
    """Cancel a job, have it wait, go on, or try again."""
    jobs = _library(request, caller).jobs
    job = jobs.get(job_id)
    _check_own(caller, job)
    if verb in ("resume", "retry") and job.kind in FOLDERS and "admin" not in caller.scopes:
        raise NotAllowed("Folders of the server are indexed for administrators only, also once more.")
    work = {"cancel": jobs.cancel, "pause": jobs.pause, "resume": jobs.resume, "retry": jobs.retry}
    return job_shapes.job(work[verb](job_id))


@router.get(
    "/{job_id}/events", operation_id="job_events", responses=EVENTS, response_class=EventSourceResponse
)
async def job_events(request: Request, caller: ReadCaller, job_id: Id) -> EventSourceResponse:
    """A job's progress as server-sent events, until it has ended."""
    jobs, watchers = _library(request, caller).jobs, cast("Watchers", request.app.state.watchers)
    watchers.check(caller.owner)
    first = await anyio.to_thread.run_sync(jobs.get, job_id)  # not found: a problem, not an empty stream
    looks = request.app.state.watch_limiter

    async def changes() -> AsyncIterator[dict[str, str]]:
        job, told, asked_s = first, "", time.monotonic()
        with watchers.watching(caller.owner):
            while True:
                text = json.dumps(job_shapes.job(job), ensure_ascii=False)
                if text != told:
                    yield {"event": "job", "data": text}
                    told = text
                if job.state.has_ended:
                    return
                await anyio.sleep(POLL_S)
                if time.monotonic() - asked_s >= ASK_AGAIN_S:
                    if not await anyio.to_thread.run_sync(_may_still, request, caller, limiter=looks):
                        return
                    asked_s = time.monotonic()
                job = await anyio.to_thread.run_sync(jobs.get, job_id, limiter=looks)

    return EventSourceResponse(changes())


def _may_still(request: Request, before: Caller) -> bool:
    """Whether a key or session that opened a stream is valid yet, and sees the same library."""
    try:
        now = gate_of(request).caller_of(request)
    except RateLimited:  # it is known, and busy
        return True
    except AccessError:
        return False
    return now.owner == before.owner and "read" in now.scopes


def _check_own(caller: Caller, job: Job) -> None:
    if job.kind == CHANGE and not is_own(caller.owner, job.arguments) and "admin" not in caller.scopes:
        raise NotAllowed("A change of the installation's model is for administrators to stop or go on with.")


def _enter(library: Heimdex, wanted: JobRequest) -> Job:
    work = wanted.work.model_dump(exclude_none=True)
    kind = work.pop("kind")
    jobs = library.jobs
    if kind == "index":
        return jobs.add_index(*work.pop("paths"), priority=wanted.priority, **work)
    if kind == "backfill":
        return jobs.add_backfill(priority=wanted.priority, **work)
    if kind == "reprocess":
        return jobs.add_reprocess(priority=wanted.priority, **work)
    return jobs.enqueue(kind, work, priority=wanted.priority)


def _library(request: Request, caller: Caller) -> Heimdex:
    return cast("Heimdex", request.app.state.libraries.of(caller.owner))
