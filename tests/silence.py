"""A load says nothing: a warning of a runtime or of our own, on stderr or in the log, fails the test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def silence(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Native code's words too: file descriptor 2 is watched, not sys.stderr alone."""
    caplog.set_level(logging.WARNING)
    yield
    assert capfd.readouterr().err == ""
    loud = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert loud == []
