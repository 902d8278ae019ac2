"""Every broken file stops where it should, and says why in words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media.broken import BrokenCase, Expectation, make_broken

ROOT = Path(__file__).parents[3]
GROWTH_LIMIT_MIB = 300  # over all files; one 60,000 × 60,000 bomb alone would take 10 GiB
TECHNICAL = re.compile(r"errno|averror|0x[0-9a-f]|traceback|object at|\b\d{10,}\b|pyav|libav", re.IGNORECASE)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[BrokenCase]:
    return make_broken(tmp_path_factory.mktemp("broken") / "files")


@pytest.fixture(scope="module")
def report(cases: list[BrokenCase]) -> dict[str, dict[str, list[str]]]:
    """All files read in one process of its own: a crash or a bomb must not take the tests along."""
    paths = b"\0".join(case.path for case in cases)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-W", "error", "-m", "tests.media.reading"]
    done = subprocess.run(command, input=paths, capture_output=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_there_are_at_least_sixty_files_that_must_be_refused(cases: list[BrokenCase]) -> None:
    refused = [c for c in cases if c.expectation not in (Expectation.INDEXED, Expectation.IGNORED)]
    assert len(refused) >= 60


def test_every_broken_file_ends_where_it_should(
    cases: list[BrokenCase], report: dict[str, dict[str, list[str]]]
) -> None:
    outcomes = report["outcomes"]
    wrong = {
        case.name: (case.expectation.value, *outcomes[os.fsdecode(case.path)])
        for case in cases
        if outcomes[os.fsdecode(case.path)][0] != case.expectation
    }
    assert wrong == {}


def test_every_refusal_says_in_words_what_happened_and_what_to_do(
    report: dict[str, dict[str, list[str]]],
) -> None:
    messages = [message for _where, message in report["outcomes"].values() if message]
    assert len(messages) >= 60
    assert [m for m in messages if TECHNICAL.search(m.replace(",", "")) and "promises" not in m] == []
    assert [m for m in messages if ";" not in m or len(m) < 30] == []


def test_no_broken_file_takes_much_memory(report: dict[str, int]) -> None:
    assert report["grown_mib"] < GROWTH_LIMIT_MIB
