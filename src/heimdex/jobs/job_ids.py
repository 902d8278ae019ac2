"""The job a thread or task works on, so that what it logs can be told from what others log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("heimdex_job_id", default=None)


def job_id() -> str | None:
    """The id of the job that is being done; None outside of one."""
    return _current.get()


@contextmanager
def working_on(identity: str) -> Iterator[None]:
    """Everything logged within belongs to this job."""
    token = _current.set(identity)
    try:
        yield
    finally:
        _current.reset(token)
