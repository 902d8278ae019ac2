"""Answers as they look, for the description of the API. A test holds each against the shape it stands for."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

ASSET, SCENE = "0199c1e0-3a52-7c10-8f4e-5d6a7b8c9d0e", "0199c1e0-7d6c-7aa0-9d3c-3f1b2c4d5e6f"
UPLOAD = "0199c1e1-0b7f-7d21-a3c5-6e8f9a0b1c2d"
FILM = "/films/harbour.mp4"
BEGAN = "2026-03-01T10:00:00+00:00"


def like(**example: Any) -> ConfigDict:
    """The configuration of a shape with an example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


HEALTH = like(
    status="healthy",
    version="0.1.0",
    features={"vision": True, "face": False, "speech": True, "ocr": True},
    models={"picture": "starter"},
)
ASSET_SHAPE = like(
    asset_id=ASSET, path=FILM, paths=[FILM], kind="video", state="done", duration=12.0, width=1920,
    height=1080, size_bytes=297_638, title=None, taken_at="2023-04-08T09:14:05+00:00",
    taken_at_corrected=False, note=None, words={"utterances": 2, "lines": 0, "descriptions": 0},
)  # fmt: skip
HIT = {
    "scene_id": SCENE, "asset_id": ASSET, "path": FILM, "kind": "video", "start": 3.0, "end": 6.2,
    "score": 0.929, "thumbnail": f"/api/v1/scenes/{SCENE}/thumbnail",
    "evidence": [
        {"signal": "picture", "contribution": 0.929, "raw": 0.942, "model": "starter", "text": None,
         "at": 3.32, "box": None},
    ],
}  # fmt: skip
SEARCH_ANSWER = like(
    query={"text": "a rocket", "limit": 1, "page": 1}, verdict="match", took_ms=14.1,
    models={"picture": "starter"}, unavailable=[], hits=[HIT], more=True,
    next_cursor="eJyrVipPzCtJTVGyqlYqSa0oUbJSSlQoyk_OTi1R0lHKTSxJzohPzi_NA0oY1-ooFSSmpypZGdUCAA4QEm0",
)  # fmt: skip
JOB = like(
    job_id=UPLOAD, kind="reprocess", queue="backfill", priority=10, state="running",
    progress={"done": 3, "total": 8, "current": "harbour.mp4", "eta": 12.5},
    arguments={"query": "kind:video"}, attempts=1, failures=0, worker="machine/4711",
    created_at=BEGAN, started_at=BEGAN,
)  # fmt: skip
UPLOAD_SHAPE = like(
    upload_id=UPLOAD, name="harbour.mp4", state="stored", size_bytes=297_638, offset_bytes=297_638,
    sha256="21b7632ed17498fe4078345591ca9698ccae41d1cd3bb85d1af12a2863c02571", source_url=None, problem=None,
    error=None, asset_id=ASSET, indexed=True, job_id=UPLOAD, created_at=BEGAN,
    expires_at="2026-03-02T10:00:00+00:00",
)  # fmt: skip
