"""A library that looks at no pictures, and one that expects another model than it has."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdex import Heimdex
from heimdex.errors import SettingsError, UsageError
from heimdex.pipeline import vector_log
from tests.planting import lasting_workers, make_media
from tests.two_models import two_models

STARTER = "starter"


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_media(tmp_path_factory.mktemp("library") / "media")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"home": tmp_path / "home", "database_url": database_url, "picture_model": "fake", "workers": 2}


def states(heimdex: Heimdex) -> set[str]:
    return {asset["state"] for asset in heimdex.assets()["assets"]}


def test_without_pictures_the_stage_is_skipped_and_searches_say_so(
    settings: dict[str, Any], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heimdex.app.parts.STARTER", "fake")  # the one that is always there, here
    with Heimdex(**settings, pictures=False) as heimdex:
        monkeypatch.setattr("heimdex.pipeline.stages.Stages.expect_pictures", lambda _: pytest.fail("loaded"))
        report = heimdex.index(media)
        assert (report.failed, heimdex.status()["stages"]["picture (fake)"]["skipped"] > 0) == ((), True)
        assert heimdex.status()["spaces"][0]["filled"] == 0
        assert states(heimdex) == {"done"}
        assert heimdex.index(media).indexed == 0, "skipping once will do"
        assert heimdex.verify().faults == ()
        answer = heimdex.search("red")
        assert [hit.path for hit in answer.hits] == [str(media / "red.jpg")]
        assert "switched off" in answer.unavailable[0].reason
        with pytest.raises(UsageError, match="switched off"):
            heimdex.backfill()
    monkeypatch.undo()
    with two_models(), Heimdex(**settings) as heimdex:
        assert states(heimdex) == {"partial"}
        assert heimdex.search("red").unavailable[0].coverage == 0.0
        heimdex.index(media)
        assert states(heimdex) == {"done"}
        assert heimdex.verify().faults == ()
        assert "skipped" not in heimdex.status()["stages"]["picture (fake)"]


def test_a_length_that_is_not_the_model_s_is_refused_before_anything_is_done(
    settings: dict[str, Any], media: Path
) -> None:
    with Heimdex(**settings, picture_dim=512) as heimdex, pytest.raises(SettingsError, match="28 or 49"):
        heimdex.index(media)
    with Heimdex(**settings, max_image_px=32) as heimdex, pytest.raises(SettingsError, match="64 px"):
        heimdex.index(media)
    with Heimdex(**settings, picture_dim=49, max_image_px=64) as heimdex:
        assert heimdex.index(media / "red.jpg").failed == ()


class Kept(logging.Handler):
    """Keeps what it is told. On the logger itself: `caplog` depends on whom a test before this one set up."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_loading_and_every_vector_are_logged_in_the_inherited_words(
    settings: dict[str, Any], media: Path
) -> None:
    logger, kept = logging.getLogger("heimdex.vectors"), Kept()
    before = logger.level
    logger.addHandler(kept)
    try:
        with Heimdex(**settings, log_vectors=True) as heimdex:
            model = heimdex.model
            vector_log.loading(model)
            vector_log.loaded(model, 1.234)
            heimdex.index(media)
            frames = heimdex.status()["keyframes"]
    finally:
        logger.removeHandler(kept)
        logger.setLevel(before)
    lines = kept.lines
    assert lines[0] == "Loading CLIP model: fake"
    assert lines[1].startswith("CLIP model loaded successfully: fake (embed_dim=28+49, device=cpu, ")
    assert re.search(r", load_time=1\.23s, cache_dir=[^,]+\)$", lines[1])
    created = [line for line in lines if line.startswith("CLIP embedding created: ")]
    assert len(created) == 2 * frames
    pattern = r"CLIP embedding created: derived/\S+\.jpg, dim=(28|49), time=\d+\.\dms, norm=1\.000"
    assert all(re.fullmatch(pattern, line) for line in created)
