"""A service on a free port of this machine, for tests of uploads."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn
from PIL import Image

from heimdex.app import Heimdex
from heimdex.app.incoming import Incoming
from heimdex.config import read_settings
from heimdex.entities.uploads import Upload
from heimdex.server.application import create_app
from heimdex.store import uploads

T = TypeVar("T")

PATIENCE_S = 60.0  # far above what anything here takes; only a hang reaches it
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service; `stored` are the uploads it would have indexed."""

    heimdex: Heimdex
    url: str
    port: int
    client: httpx2.Client
    stored: list[tuple[str, Upload]] = field(default_factory=list)

    def note_indexed(self, upload: Upload, asset_id: str | None, error: str | None) -> None:
        """As the job does that indexes it."""
        owner = upload.owner
        self.heimdex.database.run(
            owner, lambda c: uploads.note_indexed(c, owner, upload.upload_id, asset_id, error)
        )

    def kept(self, upload: Upload) -> Path:
        """Where a stored upload's object lies."""
        path = self.heimdex.objects.path(upload.object_key or "")
        assert path is not None
        return path

    @property
    def folder(self) -> Path:
        """Where its owner's uploads are received."""
        return self.heimdex.settings.home / "uploads" / self.heimdex.owner

    def begin(self, size: int, name: str = "film.mp4", **said: str) -> str:
        """Begin an upload; its address."""
        answer = self.client.post("/api/v1/uploads", headers=begin_headers(size, name, **said))
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def write(self, place: str, at: int, body: bytes, **headers: str) -> httpx2.Response:
        """Go on with an upload."""
        given = TUS | OCTETS | {"Upload-Offset": str(at)} | headers
        return self.client.patch(place, content=body, headers=given)

    def offset(self, place: str) -> int:
        """How far an upload has come."""
        answer = self.client.head(place, headers=TUS)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def ended(self, place: str) -> dict[str, Any]:
        """The upload, once it is neither being received nor checked."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.client.get(place).json()
            return found if found["state"] not in ("receiving", "checking") else None

        found = until(look)
        assert found is not None
        return found


def begin_headers(size: int, name: str = "film.mp4", **said: str) -> dict[str, str]:
    """The headers that begin an upload."""
    pairs = {"filename": name} | said
    told = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
    return TUS | {"Upload-Length": str(size), "Upload-Metadata": told}


def checksum(body: bytes, algorithm: str = "sha256") -> str:
    """An Upload-Checksum."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


def until(look: Callable[[], T]) -> T:
    """What `look` gives once it is something."""
    ends_s = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < ends_s, "it never came"
        time.sleep(0.02)
    return found


def photo(size: int = 0, side: int = 64) -> bytes:
    """A JPEG; zeros behind its end where `size` is more."""
    out = BytesIO()
    Image.linear_gradient("L").resize((side, side)).convert("RGB").save(out, "JPEG")
    return out.getvalue().ljust(size, b"\0")


@contextmanager
def service(database_url: str, home: Path, owner: str, **settings: Any) -> Iterator[Service]:
    """A service that does not index what it stores."""
    stored: list[tuple[str, Upload]] = []
    given = read_settings(home=home, database_url=database_url, owner=owner, **settings)
    with Heimdex(given) as heimdex:
        heimdex.__dict__["incoming"] = Incoming(
            heimdex, on_stored=lambda who, upload: stored.append((who, upload))
        )
        with (
            running(heimdex) as port,
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S) as client,
        ):
            yield Service(
                heimdex=heimdex, url=f"http://127.0.0.1:{port}", port=port, client=client, stored=stored
            )


@contextmanager
def running(heimdex: Heimdex) -> Iterator[int]:
    """A server in a thread; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(heimdex), log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
