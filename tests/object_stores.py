"""An S3 server of moto's in this process, and a proxy before it that fails as it is told to."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

from heimdex.store.s3_shelf import S3Options

BUCKET = "films"


@contextmanager
def s3_server() -> Iterator[S3Options]:
    """A server with an empty bucket, and how it is reached."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with urlopen(Request(f"http://{host}:{port}/{BUCKET}", method="PUT")):
            pass
        yield S3Options(
            bucket=BUCKET,
            prefix="some/where",
            endpoint=f"http://{host}:{port}",
            key_id="key",
            secret="secret",
            allow_http=True,
            timeout_s=10.0,
            tries=2,
            patience_s=5.0,
        )
    finally:
        server.stop()


class FaultyProxy:
    """Passes requests on to a server; each takes the next fault of `faults`, while there are any.

    error: 500 · cut: the answer ends in its middle · hang up: no answer at all · slow: some time late ·
    busy: 503 · refused: 403 · fine. `is_down`: every request is hung up on.
    """

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.faults: deque[str] = deque()
        self.is_down = False
        self.served: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def answer(self) -> None:
                proxy._answer(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # the client went away: that is what these tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = "hang up" if self.is_down else self.faults.popleft() if self.faults else "fine"
        self.served.append(f"{request.command} {fault}")
        if fault == "hang up":
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault in ("error", "busy", "refused"):
            request.send_response({"error": 500, "busy": 503, "refused": 403}[fault])
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if fault == "slow":
            time.sleep(0.2)
        self._pass_on(request, body, cut=fault == "cut")

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes, *, cut: bool) -> None:
        connection = http.client.HTTPConnection(self.target, timeout=30)
        try:
            connection.request(request.command, request.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            said = answer.read()
            request.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in (
                    "connection",
                    "transfer-encoding",
                    "content-length",
                    "server",
                    "date",
                ):
                    request.send_header(name, value)
            request.send_header("Content-Length", answer.getheader("Content-Length") or str(len(said)))
            request.end_headers()
            request.wfile.write(said[: len(said) // 2] if cut else said)
        finally:
            connection.close()


@contextmanager
def faulty_server() -> Iterator[tuple[S3Options, FaultyProxy]]:
    """A server behind a proxy."""
    with s3_server() as options:
        assert options.endpoint is not None
        proxy = FaultyProxy(options.endpoint)
        try:
            yield replace(options, endpoint=proxy.endpoint), proxy
        finally:
            proxy.close()
