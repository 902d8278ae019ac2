"""The usual monitoring queries, as they are, on a library that was really indexed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.pipeline import models
from heimdex.store.vectors import to_text
from tests.clip_sized import CLIP_SIZED, DEADLY, ClipSizedEncoder, clip_sized_model
from tests.media.clips import Clip, Sound, make
from tests.planting import COLOURS, lasting_workers

HOW_TO = Path(__file__).parents[3] / "docs" / "howto" / "sql.md"

COVERAGE = "SELECT COUNT(*) FILTER (WHERE embedding_visual_clip IS NOT NULL), COUNT(*) FROM video_scenes"
TIME = "SELECT AVG((visual_clip_metadata->>'inference_time_ms')::float) FROM video_scenes"
ERRORS = "SELECT visual_clip_metadata->>'error' AS error, COUNT(*) FROM video_scenes GROUP BY error"


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with clip_sized_model(), lasting_workers():
        yield


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    for name, colour in [*COLOURS.items(), ("deadly", DEADLY)]:
        picture = Image.new("RGB", (120, 120), colour)
        if name != "deadly":
            picture.paste((250, 250, 250), (40, 40, 60, 60))
        picture.save(folder / f"{name}.png")
    make(Clip(codec=None, ending="m4a", sound=Sound(seconds=1.0)), folder).rename(folder / "sound.m4a")
    return folder


def take_into_use(heimdex: Heimdex) -> None:
    def write(connection: Any) -> None:
        model = models.find(connection, heimdex.model)
        assert model is not None
        connection.execute(
            "INSERT INTO model_choice (owner_id, model_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [heimdex.owner, model.model_id],
        )

    heimdex.database.run(heimdex.owner, write)


def test_the_usual_queries_tell_coverage_time_and_errors(
    database_url: str, tmp_path: Path, media: Path
) -> None:
    settings: dict[str, Any] = {"home": tmp_path / "home", "database_url": database_url, "workers": 1}
    with Heimdex(**settings, picture_model=CLIP_SIZED.name) as heimdex:
        heimdex.index(media)
        take_into_use(heimdex)
        session = f"-c heimdex.owner={heimdex.owner} -c search_path=public,heimdex"
        with psycopg.connect(database_url, options=session) as connection:

            def ask(query: str) -> list[tuple[Any, ...]]:
                return connection.execute(query).fetchall()  # type: ignore[call-overload,unused-ignore,no-any-return]

            assert ask(COVERAGE) == [(4, 6)]  # one ended its process, one is sound
            assert ask(TIME)[0][0] > 0
            errors = {error: count for error, count in ask(ERRORS) if error is not None}
            assert list(errors.values()) == [1]
            assert re.search("died|crash|ended", next(iter(errors)))
            usual = re.findall(r"```sql\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)[2:]
            coverage, times, failed, by_hour, similar = map(ask, usual)
            assert (coverage[0][:2], float(coverage[0][2])) == ((4, 5), 80.0)  # of what has a picture
            assert times[0][1] <= times[0][0] <= times[0][2]
            assert (failed, len(by_hour), len(similar) > 0) == ([(next(iter(errors)), 1)], 1, True)
            record_of_failure = ask(
                "SELECT visual_clip_metadata, embedding_visual_clip FROM video_scenes "
                "WHERE visual_clip_metadata->>'error' IS NOT NULL"
            )[0]
            assert record_of_failure[1] is None
            assert record_of_failure[0] | {"error": "", "frame_path": "", "created_at": ""} == {
                "model_name": "clip-sized",
                "pretrained": CLIP_SIZED.pretrained,
                "embed_dim": 512,
                "normalized": True,
                "device": "cpu",
                "frame_path": "",
                "frame_quality": None,
                "inference_time_ms": None,
                "created_at": "",
                "error": "",
            }
            words, _ = ClipSizedEncoder().embed_words(["red"])
            found = connection.execute(
                "SELECT path, similarity FROM search_scenes_by_visual_clip_embedding(%s::vector, 0.3) s "
                "JOIN file f ON f.asset_id = s.video_id",
                [to_text(words[0])],
            ).fetchall()
            assert [path for path, _ in found] == [str(media / "red.png")]
            hit = heimdex.search("red", nearest=True).hits[0]
            raw = next(piece.raw for piece in hit.evidence if piece.signal == "picture")
            assert found[0][1] == pytest.approx(raw, abs=2e-3)
