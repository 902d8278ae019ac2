"""The interface of a kind of job, and what one run of a job is given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from heimdex.entities import Job, JobProgress, NewJob
from heimdex.errors import Stopped, UsageError

if TYPE_CHECKING:
    from heimdex.pipeline.shadow import OnChange
    from heimdex.pipeline.tools import Tools
    from heimdex.search import Searcher

Queue = Literal["interactive", "index", "backfill"]
QUEUES: dict[str, int] = {"interactive": 1000, "index": 0, "backfill": -1000}
"""The queues, with what is added to the priority of what stands in them."""
MOST_PRIORITY = 400

MakeTools = Callable[[str, str | None], "Tools"]
"""(owner, name of a picture model or None) → the tools of that owner."""
MakeSearcher = Callable[[str], "Searcher"]
ChangeModel = Callable[[str, Mapping[str, Any], Callable[[], bool], "OnChange"], Mapping[str, Any]]
"""(owner, what the job is to do, whether to stop, who is told) → {"model", "changes"}."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Makers:
    """How parts are made for an owner; handed in by the app."""

    tools: MakeTools
    searcher: MakeSearcher
    hidden: bool = False  # hidden files are indexed as well
    change_model: ChangeModel | None = None


@dataclass(kw_only=True)
class JobRun:
    """One run of one job: what its kind works with.

    `stop` is set when the run has to end (the worker stops, somebody cancelled or paused the job, another
    worker took it over): raise Stopped then, within seconds. What was entered in the ledger stays.
    """

    owner: str
    job: Job
    makers: Makers
    results: Callable[[], list[Mapping[str, Any]]] = list  # of the parts, when concluding
    stop: threading.Event = field(default_factory=threading.Event)
    parts: list[NewJob] = field(default_factory=list)
    followers: list[NewJob] = field(default_factory=list)
    latest: JobProgress = field(default_factory=JobProgress)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.job.job_id

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the job is to do, as it was enqueued: JSON."""
        return self.job.arguments

    @cached_property
    def tools(self) -> Tools:
        """The tools of the owner, with the picture model of the settings."""
        return self.makers.tools(self.owner, None)

    def tools_of(self, model: str | None) -> Tools:
        """The tools of the owner with a picture model. Raises NotFound, ModelUnavailable."""
        return self.makers.tools(self.owner, model)

    def progress(self, done: int, total: int, current: str = "", *, eta_s: float | None = None) -> None:
        """Say how far it has come. Costs nothing: it is written once a second. Raises Stopped."""
        self.latest = JobProgress(done=done, total=total, current=current, eta_s=eta_s)
        self.check_stop()

    def tell(self, done: int, total: int, current: str = "") -> None:
        """The same for work that looks at `stop` by itself."""
        self.latest = JobProgress(done=done, total=total, current=current)

    def check_stop(self) -> None:
        """Raise Stopped once the run has to end."""
        if self.stop.is_set():
            raise Stopped("the job was asked to stop; it goes on where it was")

    def split(self, parts: Iterable[NewJob]) -> None:
        """Have the rest done by parts, which other workers may take; `conclude` follows when all ended.

        They are entered when the run returns, in one transaction.
        """
        self.parts += parts

    def follow(self, job: NewJob) -> None:
        """Have a job of its own follow, entered in the transaction that ends this one well.

        Its id stands under `followed_by` in the result.
        """
        self.followers.append(job)


Work = Callable[[JobRun], Mapping[str, Any]]
"""Does a job; its result, JSON. Raises whatever is wrong: errors of usage fail it, others are tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of job. `at_once` is how many of one owner's run at the same time; None: any number."""

    name: str
    queue: Queue
    work: Work
    conclude: Work | None = None
    at_once: int | None = None
    most_failures: int = 5  # in a row and without progress; then the job is parked
    check: Callable[[Mapping[str, Any]], object] | None = None  # arguments; raises UsageError


class Registry:
    """The kinds there are, by name, and how many of a kind may run at once in the whole installation."""

    def __init__(self, kinds: Sequence[Kind] = (), limits: Mapping[str, int] | None = None) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self.limits = dict(limits or {})

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def add(self, kind: Kind) -> None:
        """Make a further kind known."""
        self._kinds[kind.name] = kind

    def find(self, name: str) -> Kind:
        """The kind of a name. Raises UsageError."""
        try:
            return self._kinds[name]
        except KeyError:
            known = ", ".join(sorted(self._kinds))
            raise UsageError(f"no kind of job is called {name!r}; there are: {known}") from None

    def lock(self, owner: str, job: Job, position: int) -> str | None:
        """What a job shares with those that must not run beside it; None: with nobody."""
        limit = self.limits.get(job.kind)
        if limit is not None:
            return f"{job.kind}/{position % max(1, limit)}"
        at_once = self.find(job.kind).at_once
        return None if at_once is None else f"{job.kind}/{owner}/{position % at_once}"
