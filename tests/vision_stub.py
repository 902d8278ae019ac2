"""An OpenAI-style chat endpoint on this machine that does what a test tells it, also the wrong thing."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-very-secret-0123456789"

Respond = Callable[["Handler", dict[str, Any]], None]
"""Writes an answer to a request, given its content."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news."""


@dataclass(kw_only=True)
class VisionStub:
    """What was asked, and what is to be answered next; `usual` where nothing is queued."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: list[Respond] = field(default_factory=list)
    usual: Respond = lambda handler, content: says(told_of(content))(handler, content)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prompts(self) -> list[str]:
        """The words of each request."""
        return [words_of(content) for content in self.asked]


class Handler(BaseHTTPRequestHandler):
    stub: VisionStub

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.stub.lock:
            self.stub.asked.append(content)
            self.stub.headers.append(dict(self.headers))
            self.stub.paths.append(self.path)
            answer = self.stub.answers.pop(0) if self.stub.answers else self.stub.usual
        answer(self, content)

    def do_GET(self) -> None:
        """Nobody should: a redirect was followed."""
        with self.stub.lock:
            self.stub.paths.append(f"GET {self.path}")
        self.reply(200, b"{}")

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer; `Retry_After="3"` is the header Retry-After."""
        self.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(body))} | given).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def vision_stub() -> Iterator[VisionStub]:
    """A running stub; its `url` is the API's base."""
    stub = VisionStub()
    handler = type("StubHandler", (Handler,), {"stub": stub})
    server = Server(("127.0.0.1", 0), handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def words_of(content: dict[str, Any]) -> str:
    """The text part of a request."""
    message = content["messages"][0]["content"]
    return str(message if isinstance(message, str) else message[0]["text"])


def pictures_of(content: dict[str, Any]) -> list[bytes]:
    """The pictures of a request, decoded."""
    message = content["messages"][0]["content"]
    parts = [] if isinstance(message, str) else message[1:]
    return [base64.b64decode(part["image_url"]["url"].partition("base64,")[2]) for part in parts]


def told_of(content: dict[str, Any]) -> str:
    """A sentence that tells pictures apart."""
    digest = hashlib.sha256(b"".join(pictures_of(content))).hexdigest()[:8]
    return f"A picture of the number {digest}."


def completion(text: Any, *, finish: str = "stop", **message: Any) -> bytes:
    """The body of an answer as it should be."""
    return json.dumps(
        {
            "choices": [
                {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
            ],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020},
        }
    ).encode()


def says(text: Any, **rest: Any) -> Respond:
    """An answer of these words."""
    return lambda handler, _: handler.reply(200, completion(text, **rest))


def answers(status: int, body: bytes = b"{}", **headers: str) -> Respond:
    """An answer of this status and body, whatever was asked."""
    return lambda handler, _: handler.reply(status, body, **headers)


def cut_off(handler: Handler, _: dict[str, Any]) -> None:
    """Half of what was promised."""
    handler.reply(200, completion("half")[:20], Content_Length="5000")
    handler.close_connection = True


def hang_up(handler: Handler, _: dict[str, Any]) -> None:
    """No answer at all."""
    handler.close_connection = True
    handler.connection.close()


def no_http(handler: Handler, _: dict[str, Any]) -> None:
    """Something that is no HTTP."""
    handler.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")
    handler.close_connection = True


def endless(handler: Handler, _: dict[str, Any]) -> None:
    """Megabytes without an end."""
    handler.send_response(200)
    handler.end_headers()
    for _number in range(64):
        handler.wfile.write(b" " * 65_536)
    handler.close_connection = True


def drip(handler: Handler, _: dict[str, Any]) -> None:
    """A byte now and then, for longer than anybody waits."""
    handler.send_response(200)
    handler.end_headers()
    pause = threading.Event()
    for _number in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        pause.wait(0.02)
    handler.close_connection = True


class Silent:
    """No answer until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def __call__(self, handler: Handler, content: dict[str, Any]) -> None:
        self.release.wait(20)
        says("too late")(handler, content)
