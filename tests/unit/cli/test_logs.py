"""Logs: the ids of requests and jobs in every record, and no secret in any."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from heimdex.cli import logs
from heimdex.jobs import job_ids
from heimdex.server import request_ids

log = logging.getLogger("heimdex.tests")


Lines = Callable[[], str]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What was logged; the loggers are put back afterwards."""
    loggers = [logging.getLogger(name) for name in ("heimdex", *logs.OTHERS)]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield lambda: capsys.readouterr().err
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def fail(said: str) -> None:
    raise ValueError(said)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_record_carries_the_request_and_the_job_it_arose_in(lines: Lines, form: str) -> None:
    logs.set_up("info", form)
    token = request_ids._current.set("asked-1")
    try:
        with job_ids.working_on("job-2"):
            log.info("inside")
    finally:
        request_ids._current.reset(token)
    log.info("outside")
    inside, outside = lines().splitlines()
    if form == "json":
        assert json.loads(inside)["request_id"] == "asked-1"
        assert json.loads(inside)["job_id"] == "job-2"
        assert not {"request_id", "job_id"} & json.loads(outside).keys()
    else:
        assert inside.endswith("inside [request_id=asked-1 job_id=job-2]")
        assert outside.endswith("outside")


def test_a_record_that_names_its_request_itself_keeps_it(lines: Lines) -> None:
    logs.set_up("info", "json")
    log.info("told", extra={"request_id": "its-own"})
    assert json.loads(lines())["request_id"] == "its-own"


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "said",
    [
        "postgresql://heimdex_app:s3cret-w0rd@db/heimdex is wrong",
        "Authorization: Bearer s3cret-w0rd",
        "the key hx_s3cret-w0rd was refused",
        "host=db password=s3cret-w0rd user=heimdex_app",
    ],
)
def test_no_secret_reaches_the_log(lines: Lines, form: str, said: str) -> None:
    logs.set_up("info", form)
    log.info("%s", said, extra={"url": said})
    try:
        fail(said)
    except ValueError:
        log.exception("failed: %s", said)
    told = lines()
    assert "failed" in told
    assert "s3cret-w0rd" not in told


def test_warnings_of_the_libraries_we_stand_on_are_told_and_their_chatter_is_not(lines: Lines) -> None:
    logs.set_up("debug", "json")
    logging.getLogger("uvicorn.error").info("chatter")
    logging.getLogger("uvicorn.error").warning("warned")
    log.debug("ours")
    assert [json.loads(line)["message"] for line in lines().splitlines()] == ["warned", "ours"]


def test_what_is_no_secret_stays_as_it_was() -> None:
    said = "GET /api/v1/search 200, see https://example.org/a@b and 3:4@5"
    assert logs.without_secrets(said) == said


def test_nobody_writes_lines_or_moves_the_cursor_by_what_they_ask_for(lines: Lines) -> None:
    logs.set_up("info", "text")
    log.info("%s %s", "GET", "/x\nINFO ada signed in\x1b[2J\u2028")
    (line,) = lines().splitlines()
    assert line.endswith(r"GET /x\x0aINFO ada signed in\x1b[2J\u2028")
