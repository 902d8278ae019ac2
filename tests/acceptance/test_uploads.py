"""A film handed to a service that is killed meanwhile, resumed, and found; memory while a large one comes."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heimdex.client.uploads import UploadPlan, upload
from tests.acceptance.homes import Home, wait_for
from tests.uploading import OCTETS, TUS, begin_headers

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

FILM = Path(__file__).resolve().parents[3] / "shared/data/testvideo.mp4"
LARGE_BYTES = 60_000_000


@contextmanager
def serving(home: Home) -> Iterator[tuple[subprocess.Popen[str], httpx2.Client]]:
    """A service of the home, and a client of it; it ends as a user ends it."""
    process = home.start("serve", "--port", "0", "--json")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()
    base_url = json.loads(line)["listening"]
    with httpx2.Client(base_url=base_url, trust_env=False, timeout=60.0) as client:
        yield process, client
    process.terminate()
    process.communicate(timeout=60)


def peak_bytes(pid: int) -> int:
    """The most memory the process ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def send_half(client: httpx2.Client, place: str, body: bytes) -> socket.socket:
    """Send the first half of a body that never ends; the open line."""
    given = (
        TUS
        | OCTETS
        | {"Upload-Offset": "0", "Content-Length": str(len(body)), "Host": client.base_url.netloc.decode()}
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    line = socket.create_connection(("127.0.0.1", client.base_url.port or 0))
    line.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode() + body[: len(body) // 2])
    return line


def test_a_film_sent_to_a_service_that_was_killed_is_found(home: Home) -> None:
    if not FILM.exists():
        pytest.skip(f"no film at {FILM}")
    body = FILM.read_bytes()
    with serving(home) as (process, client):
        began = client.post("/api/v1/uploads", headers=begin_headers(len(body), "harbour.mp4"))
        place = began.headers["Location"]
        (part,) = (home.path / "uploads").rglob("*.part*")
        with send_half(client, place, body):
            assert wait_for(lambda: part.stat().st_size > len(body) // 4)
            process.kill()
            process.wait()
    came = part.stat().st_size
    assert came < len(body)
    with serving(home) as (_, client):
        there: list[int] = []
        done = upload(client, FILM, lambda at, _: there.append(at), plan=UploadPlan(place=place))
        assert there[0] == came
        assert (done.state, done.sha256) == ("stored", hashlib.sha256(body).hexdigest())
        assert_found(client, place)


def assert_found(client: httpx2.Client, place: str) -> None:
    """What was uploaded becomes an asset, and a search by one of its scenes finds that scene."""

    def state() -> dict[str, Any]:
        found: dict[str, Any] = client.get(place).json()
        return found

    assert wait_for(lambda: bool(state()["indexed"]))
    asset_id = state()["asset_id"]
    assert asset_id, state()
    listed = client.get(f"/api/v1/assets/{asset_id}").json()
    picture = client.get(listed["scenes"][1]["keyframes"][0]["frame"]).content
    answer = client.post("/api/v1/search/picture", files={"picture": ("asked.jpg", picture)})
    hits = answer.json()["hits"]
    assert [hit["asset_id"] for hit in hits[:1]] == [asset_id], answer.text
    assert hits[0]["scene_id"] == listed["scenes"][1]["scene_id"]


def test_memory_does_not_grow_with_a_file(home: Home, tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 4 * LARGE_BYTES:
        pytest.skip("too little disk")
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    for path, size in ((small, 2_000_000), (large, LARGE_BYTES)):
        with path.open("wb") as file:
            file.truncate(size)
    with serving(home) as (process, client):
        # A piece as large as the file: nothing but the service divides it.
        plan = UploadPlan(piece_bytes=LARGE_BYTES)
        assert upload(client, small, plan=plan).state == "refused"  # zeros are no film; all else is done
        before = peak_bytes(process.pid)
        assert upload(client, large, plan=plan).state == "refused"
        with large.open("rb") as file:
            assert client.post("/api/v1/assets", content=file).status_code == 415
        with large.open("rb") as file:
            assert client.post("/api/v1/assets", files={"file": ("large.mp4", file)}).status_code == 415
        assert peak_bytes(process.pid) - before < LARGE_BYTES // 2  # one copy of it would be twice that
