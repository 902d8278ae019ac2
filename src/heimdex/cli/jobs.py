"""`heimdex jobs …`: what is left to workers. And `heimdex reprocess`, which leaves its work to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import FAILED, Home, Json
from heimdex.errors import UsageError

if TYPE_CHECKING:
    from heimdex.app.jobs import Jobs
    from heimdex.entities import Job

app = typer.Typer(help="Work that is left to workers (`heimdex worker`).", no_args_is_help=True)
adding = typer.Typer(help="Enter a job.", no_args_is_help=True)
app.add_typer(adding, name="add")

JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")]
Priority = Annotated[int, typer.Option(metavar="N", help="-400 to 400; higher goes first in its queue.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")]

LOOK_AGAIN_S = 5.0  # whether there is more to do here


@app.command("list")
def list_jobs(
    state: Annotated[str | None, typer.Option(metavar="A,B", help="Only in these states.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="JOB", help="The parts of this job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List jobs, the newest first."""
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.app import job_shapes
        from heimdex.entities import JobState
        from heimdex.store.jobs import JobFilter

        names = [name.strip() for name in (state or "").split(",") if name.strip()]
        unknown = [name for name in names if name not in set(JobState)]
        if unknown:
            raise UsageError(f"no state {unknown[0]!r}; there are: {', '.join(JobState)}")
        wanted = JobFilter(states=tuple(map(JobState, names)), kind=kind, parent_id=parent, limit=limit)
        found = heimdex.jobs.list(wanted)
        door.show(as_json, lambda: job_shapes.jobs(found), lambda: typer.echo("\n".join(map(_line, found))))


@app.command()
def show(job: JobId, as_json: Json = False, home: Home = None) -> None:
    """One job: what it is to do, how far it has come, what it gave."""
    _do(lambda jobs: jobs.get(job), as_json=as_json, home=home)


@app.command()
def cancel(job: JobId, as_json: Json = False, home: Home = None) -> None:
    """End a job, running or not. What it wrote stays."""
    _do(lambda jobs: jobs.cancel(job), as_json=as_json, home=home)


@app.command()
def pause(job: JobId, as_json: Json = False, home: Home = None) -> None:
    """Have a job wait; a running one stops within seconds and goes on there when it is resumed."""
    _do(lambda jobs: jobs.pause(job), as_json=as_json, home=home)


@app.command()
def resume(job: JobId, as_json: Json = False, home: Home = None) -> None:
    """Have a paused job go on."""
    _do(lambda jobs: jobs.resume(job), as_json=as_json, home=home)


@app.command()
def retry(job: JobId, as_json: Json = False, home: Home = None) -> None:
    """Try a job again that failed, was parked or cancelled; of one in parts, those that did."""
    _do(lambda jobs: jobs.retry(job), as_json=as_json, home=home)


@app.command()
def priority(
    job: JobId, value: Annotated[int, typer.Argument(metavar="N")], as_json: Json = False, home: Home = None
) -> None:
    """Put a job and its parts further to the front (up to 400) or back (-400) of its queue."""
    _do(lambda jobs: jobs.prioritise(job, value), as_json=as_json, home=home)


@app.command()
def wait(
    job: JobId,
    timeout: Annotated[float | None, typer.Option(metavar="S", help="No longer than this.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Wait until a job has ended or is paused; exit 1 unless it is done."""
    _do(lambda jobs: jobs.wait(job, timeout_s=timeout), as_json=as_json, home=home, has_to_succeed=True)


@adding.command("index")
def add_index(
    paths: Annotated[list[Path], typer.Argument(help="As the workers see them.", metavar="PATH…")],
    stages: Annotated[str | None, typer.Option(help="Only these stages, comma-separated.")] = None,
    repeat: Annotated[bool, typer.Option("--retry", help="Also what failed before.")] = False,
    priority: Priority = 0,
    wait: Wait = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Have workers index folders or files."""

    def add(jobs: Jobs) -> Job:
        return jobs.add_index(*paths, stages=_names(stages), retry=repeat, priority=priority)

    _do(_awaited(add, wait=wait), as_json=as_json, home=home, has_to_succeed=wait)


@adding.command("verify")
def add_verify(
    sample: Annotated[int, typer.Option(help="Frames and files to look at closely; -1 for all.")] = 64,
    priority: Priority = 0,
    wait: Wait = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Have a worker verify the library."""

    def add(jobs: Jobs) -> Job:
        return jobs.enqueue("verify", {"sample": sample}, priority=priority)

    _do(_awaited(add, wait=wait), as_json=as_json, home=home, has_to_succeed=wait)


def reprocess(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="Which files: filters of the query language, or words.")
    ] = "",
    stages: Annotated[str | None, typer.Option(help="Only these stages, comma-separated.")] = None,
    only: Annotated[
        str | None, typer.Option(metavar="failed|stale", help="Only where a stage failed, or is out of date.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Make again what is there.")] = False,
    per_minute: Annotated[
        float, typer.Option(metavar="N", min=0, help="Begin no more files a minute; 0 = no limit.")
    ] = 0.0,
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be done, and about how long it takes.")
    ] = False,
    background: Annotated[
        bool, typer.Option(help="Leave it to running workers, and return at once.")
    ] = False,
    priority: Priority = 0,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Run stages again for the files that a query chooses."""
    with door.opened(home, as_json=as_json) as heimdex:
        chosen = heimdex.jobs.choose(query, stages=_names(stages), only=only)
        estimate = {"assets": len(chosen.assets), "files": len(chosen.paths), "seconds": chosen.seconds}
        if dry_run:
            text = (
                f"Would work on {len(chosen.paths)} files, about {chosen.seconds:.1f} s of work by what "
                "these stages took before."
            )
            door.show(as_json, lambda: estimate | {"dry_run": True}, lambda: typer.echo(text))
            return
        job = heimdex.jobs.add_reprocess(
            query,
            stages=_names(stages),
            only=only,
            force=force or None,
            per_minute=per_minute or None,
            priority=priority,
        )
        if not background:
            job = work_out(heimdex, job)
        show_job(job, as_json=as_json, extra={"estimate": estimate})
    if not background and job.state != "done":
        raise typer.Exit(FAILED)


def work_out(heimdex: Any, job: Job) -> Job:
    """Work here until a job has ended or is paused, also for parts due later and those that others took."""
    while True:
        work_here(heimdex)
        job = heimdex.jobs.wait(job.job_id, timeout_s=LOOK_AGAIN_S)
        if job.state.has_ended or job.state == "paused":
            return job


def work_here(heimdex: Any) -> None:
    """Work on what is in the queue in this process, until nothing is left that is due."""
    import threading

    from heimdex.app.jobs import run_worker
    from heimdex.jobs.worker import WorkerOptions

    stop = threading.Event()
    settings = heimdex.settings
    options = WorkerOptions(
        once=True, heartbeat_s=settings.worker_heartbeat_s, stalled_s=settings.worker_stalled_s
    )
    try:
        run_worker(heimdex, options, stop)
    finally:
        stop.set()


def _do(
    work: Callable[[Jobs], Job], *, as_json: bool, home: Path | None, has_to_succeed: bool = False
) -> None:
    with door.opened(home, as_json=as_json) as heimdex:
        job = work(heimdex.jobs)
        show_job(job, as_json=as_json)
    if has_to_succeed and job.state != "done":
        raise typer.Exit(FAILED)


def _awaited(add: Callable[[Jobs], Job], *, wait: bool) -> Callable[[Jobs], Job]:
    def work(jobs: Jobs) -> Job:
        job = add(jobs)
        return jobs.wait(job.job_id) if wait else job

    return work


def show_job(job: Job, *, as_json: bool, extra: dict[str, Any] | None = None) -> None:
    """One job, as a document or as lines."""
    from heimdex.app import job_shapes
    from heimdex.cli import render

    document = job_shapes.job(job) | (extra or {})
    door.show(as_json, lambda: document, lambda: render.show_fields(document))


def _line(job: Job) -> str:
    progress = job.progress
    counted = f"{progress.done}/{progress.total}" if progress.total else ""
    eta = "" if progress.eta_s is None else f"about {progress.eta_s:.0f} s left"
    asked = f" (asked to {job.wish})" if job.wish else ""
    parts = (job.job_id, f"{job.kind:<12}", f"{job.state}{asked}".ljust(10), counted, eta, job.error or "")
    return "  ".join(part for part in parts if part)


def _names(stages: str | None) -> list[str] | None:
    return [name.strip() for name in stages.split(",") if name.strip()] if stages else None
