"""A service over a real library, answering on a free port, with two owners who must not meet."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from heimdex.app import Heimdex
from heimdex.client import Client
from heimdex.config import Settings
from heimdex.server.application import create_app
from heimdex.server.options import ServerOptions
from tests.conftest import TEMPLATE, ServerUnderTest

SAMPLES = Path(__file__).resolve().parents[3] / "src" / "heimdex" / "samples"
OTHER = "01999999-0000-7000-8000-0000000000b2"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service; `heimdex` is the library of its owner, `other` that of somebody else."""

    address: str
    heimdex: Heimdex
    other: Heimdex


@pytest.fixture(scope="module")
def service(database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    name = f"test_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    home = tmp_path_factory.mktemp("service")
    settings = Settings(home=home, database_url=database_server.url(name), speech="off", writing=False)
    try:
        with Heimdex(settings) as heimdex:
            other = heimdex.for_owner(OTHER)
            heimdex.index(SAMPLES / "2024")
            other.index(SAMPLES / "2023")
            with served(heimdex) as address:
                yield Service(address=address, heimdex=heimdex, other=other)
    finally:
        database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.address) as opened:
        yield opened


class served:  # noqa: N801  (a context manager)
    """The application on a free port of this machine, in a thread."""

    def __init__(self, heimdex: Heimdex, options: ServerOptions | None = None) -> None:
        config = uvicorn.Config(
            create_app(heimdex, options), host="127.0.0.1", port=0, log_config=None, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
