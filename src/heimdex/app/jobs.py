"""Jobs and workers of a library: what the command line and the server are doors on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heimdex.app.change_options import StartOptions, arguments_of, options_of
from heimdex.errors import SettingsError
from heimdex.jobs.board import Board
from heimdex.jobs.kinds import standard_kinds

if TYPE_CHECKING:
    from heimdex.app import Heimdex
    from heimdex.config import Settings
    from heimdex.entities import Job
    from heimdex.jobs.kind import Makers, Registry
    from heimdex.jobs.worker import WorkerOptions
    from heimdex.pipeline.selection import Chosen
    from heimdex.pipeline.shadow import OnChange
    from heimdex.pipeline.tools import Tools

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Jobs(Board):
    """The jobs of a library's owner: see Board; and short ways to enqueue those there are."""

    def __init__(self, heimdex: Heimdex, registry: Registry, makers: Makers) -> None:
        super().__init__(lambda: heimdex.database, heimdex.owner, registry)
        self._makers = makers
        self._check_change = heimdex.model_change.check

    def add_index(
        self, *paths: PathLike, stages: Sequence[str] | None = None, retry: bool = False, priority: int = 0
    ) -> Job:
        """Have workers index folders or files that they can see under these paths. Raises UsageError."""
        from heimdex.jobs.paths import pack

        roots = [os.path.abspath(os.path.expanduser(os.fsencode(path))) for path in paths]
        given = {"paths": pack(roots), "stages": list(stages) if stages else None, "retry": retry or None}
        return self.enqueue("index", _given(given), priority=priority)

    def add_backfill(self, model: str | None = None, *, priority: int = 0, **options: Any) -> Job:
        """Have a worker make the vectors of a model; `query` chooses whose. Raises UsageError."""
        return self.enqueue("backfill", _given({"model": model, **options}), priority=priority)

    def add_reprocess(self, query: str = "", *, priority: int = 0, **options: Any) -> Job:
        """Have workers run stages again. `options`: stages, only, force, per_minute. Raises UsageError."""
        return self.enqueue("reprocess", _given({"query": query, **options}), priority=priority)

    def add_model_change(self, model: str, options: StartOptions | None = None, *, priority: int = 0) -> Job:
        """Have a worker take another picture model into use: `ModelChange.start` as a job.

        Raises UsageError, NotFound, ModelUnavailable where the model is not installed on this machine.
        """
        from heimdex.jobs.kinds.model_changing import NAME

        options = options or StartOptions()
        arguments = {"model": self._check_change(model, options), **arguments_of(options)}
        return self.enqueue(NAME, arguments, priority=priority)

    def choose(
        self, query: str = "", *, stages: Sequence[str] | None = None, only: str | None = None
    ) -> Chosen:
        """What a reprocess would work on, and about how much work that is. Raises UsageError, QueryError."""
        from heimdex.entities import NewJob
        from heimdex.jobs.changes import fresh_job
        from heimdex.jobs.kind import JobRun
        from heimdex.jobs.kinds.choosing import choice_of
        from heimdex.pipeline.selection import choose_assets

        arguments = {"query": query, "stages": list(stages) if stages else None, "only": only}
        job = fresh_job(NewJob(kind="reprocess", arguments=arguments), "backfill", None)
        run = JobRun(owner=self.owner, job=job, makers=self._makers)
        return choose_assets(run.tools, choice_of(run, arguments))


def make_jobs(heimdex: Heimdex) -> Jobs:
    """The jobs of a library."""
    return Jobs(heimdex, standard_kinds(limits_of(heimdex.settings.job_limits)), make_makers(heimdex))


def make_makers(heimdex: Heimdex) -> Makers:
    """How the parts of any owner are made, over this library's connections."""
    from heimdex.jobs.kind import Makers

    def library(owner: str) -> Heimdex:
        return heimdex if owner == heimdex.owner else heimdex.for_owner(owner)

    def tools(owner: str, model: str | None) -> Tools:
        return library(owner).tools_of(model)

    def change_model(
        owner: str, arguments: Mapping[str, Any], stop: Callable[[], bool], hear: OnChange
    ) -> dict[str, Any]:
        options = options_of(arguments)
        return library(owner).model_change.start(arguments["model"], options, stop=stop, on_progress=hear)

    return Makers(
        tools=tools,
        searcher=lambda owner: library(owner).searcher,
        hidden=heimdex.settings.hidden,
        change_model=change_model,
    )


def run_worker(heimdex: Heimdex, options: WorkerOptions, stop: threading.Event) -> bool:
    """Work on the jobs of all owners until `stop` is set; see heimdex.jobs.worker.

    For a thread, or a process of its own. Raises UsageError, StoreError.
    """
    from heimdex.jobs.worker import run_worker as work

    return work(heimdex.database, heimdex.jobs.registry, make_makers(heimdex), options, stop)


def worker_options(settings: Settings, **more: Any) -> WorkerOptions:
    """The options of a worker as the settings say; `more` are further ones. Raises UsageError."""
    from heimdex.jobs.worker import WorkerOptions

    options = WorkerOptions(
        heartbeat_s=settings.worker_heartbeat_s,
        stalled_s=settings.worker_stalled_s,
        sweep_s=min(10.0, settings.worker_heartbeat_s),
        **more,
    )
    options.check()
    return options


def limits_of(text: str) -> dict[str, int]:
    """`backfill=1,index_files=4` as numbers. Raises SettingsError."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, _, number = part.partition("=")
        if not number.strip().isdecimal() or int(number) < 1:
            raise SettingsError(f"HEIMDEX_JOB_LIMITS: {part!r} is not KIND=NUMBER, as in index_files=4")
        found[kind.strip()] = int(number)
    return found


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
