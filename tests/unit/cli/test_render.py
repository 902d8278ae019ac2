"""What people are shown of a run and of the library."""

from __future__ import annotations

from typing import Any

import pytest

from heimdex.app import shapes
from heimdex.cli import render
from heimdex.entities import IndexReport, Want

REPORT = IndexReport(
    indexed=2,
    unchanged=0,
    moved=0,
    missing=0,
    duplicates=0,
    failed=(),
    scenes=2,
    seconds=1.0,
    wants=(Want(stage="speech", reason="The model faster-whisper-base is not installed."),),
)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_what_a_stage_waits_for_is_told_at_the_end_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    render.show_index(REPORT)
    assert "wanting speech: The model faster-whisper-base is not installed." in capsys.readouterr().out
    assert shapes.index_report(REPORT)["wants"] == [
        {"stage": "speech", "reason": "The model faster-whisper-base is not installed."}
    ]


def test_the_list_of_assets_says_how_many_words_each_has(capsys: pytest.CaptureFixture[str]) -> None:
    asset: dict[str, Any] = {
        "state": "done",
        "kind": "video",
        "duration": 2.0,
        "taken_at": "2024-05-17T00:00:00",
        "path": "/film.mp4",
        "paths": ["/film.mp4"],
        "asset_id": "1",
    }
    words = {"utterances": 12, "lines": 0, "descriptions": 3}
    render.show_assets({"assets": [asset | {"words": words}], "refused": []})
    assert "12 said, 3 described" in capsys.readouterr().out
