"""A model hub on localhost that speaks the routes of the real one, with faults that can be switched on.

Routes as huggingface_hub 2.4 uses them: `/api/models/{repo}/revision/{revision}?blobs=True` lists a
repository; `/{repo}/resolve/{commit}/{path}` sends a small file, or redirects to where a large one lies.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

Content: TypeAlias = bytes | mmap
OTHER_COMMIT = "f" * 40


@dataclass(kw_only=True)
class Fault:
    """How an answer goes wrong. `times` is how often, then all is well; -1: always."""

    times: int = -1
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # in place of the right one
    cut_at: int | None = None  # bytes after which the connection is closed, the length promised being right
    short_by: int = 0  # bytes missing, the length told being that of what is sent
    flip: bool = False  # one bit is wrong
    no_ranges: bool = False  # the whole is sent whatever is asked
    commit: str | None = None  # another one than asked for
    silent_s: float = 0.0  # nothing is sent for so long, in the middle
    bytes_per_s: int = 0  # sent so slowly

    def spent(self) -> bool:
        """Whether it has happened often enough; counts."""
        if self.times == 0:
            return True
        self.times -= 1
        return False


@dataclass(kw_only=True)
class Repository:
    """One repository at one commit."""

    files: dict[str, Content]
    large: frozenset[str]  # stored by Git LFS
    commit: str
    fault: Fault | None = None  # of its listing
    listed_too: dict[str, Content] = field(default_factory=dict)  # names in the listing nobody asks for
    checksums: dict[str, str] = field(default_factory=dict)  # stated in place of the right ones


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case


class HubStub:
    """The stub's content and memory. `url` is its address."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.repositories: dict[str, Repository] = {}
        self.faults: dict[str, Fault] = {}  # by file name
        self.requests: list[Request] = []
        self.sent_bytes = 0
        self.store_url: str | None = None  # where large files lie; None: here

    def add(
        self,
        name: str,
        files: Mapping[str, Content],
        large: set[str] | None = None,
        commit: str | None = None,
    ) -> Repository:
        """A repository; without a commit that follows from its files. Gigabytes are better `mapped`."""
        listed = "".join(f"{path} {git_id(content)}\n" for path, content in sorted(files.items()))
        commit = commit or hashlib.sha1(listed.encode(), usedforsecurity=False).hexdigest()
        made = Repository(
            files=dict(files), large=frozenset(files if large is None else large), commit=commit
        )
        self.repositories[name] = made
        return made

    def asked(self, part: str) -> list[Request]:
        """The requests whose path holds this."""
        return [request for request in self.requests if part in request.path]

    def ranges(self, part: str = "/cdn/") -> list[str | None]:
        """The ranges asked for, in order; None where the whole was."""
        return [request.headers.get("range") for request in self.asked(part)]


@contextmanager
def hub_stub() -> Iterator[HubStub]:
    """A running stub on a free port."""
    hub = HubStub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: HubStub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Tests read `requests` instead."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append(Request(method="GET", path=self.path, headers=headers))
        try:
            if found := re.fullmatch(r"/api/models/(.+?)/revision/(.+)", path):
                self._list(found[1])
            elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
                self._send_file(found[1], found[2])
            elif found := re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path):
                self._resolve(found[1], found[3])
            else:
                self._answer(404, {}, b"{}")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _list(self, name: str) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._answer(404, {"X-Error-Code": "RepoNotFound"}, b'{"error": "Repository not found"}')
            return
        fault = repository.fault
        if fault is not None and not fault.spent():
            self._answer(fault.status, fault.headers, fault.body or b'{"error": "as told"}')
            return
        siblings = [
            _sibling(path, content, path in repository.large, repository.checksums.get(path))
            for path, content in {**repository.listed_too, **repository.files}.items()
        ]
        document = {"id": name, "sha": repository.commit, "siblings": siblings}
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def _resolve(self, name: str, path: str) -> None:
        repository = self.hub.repositories[name]
        fault = self.hub.faults.get(path)
        commit = fault.commit if fault is not None and fault.commit else repository.commit
        headers = {"X-Repo-Commit": commit}
        if fault is not None and fault.status != 200 and not fault.spent():
            self._answer(fault.status, headers | fault.headers, b'{"error": "as told"}')
        elif path not in repository.files:
            self._answer(404, headers | {"X-Error-Code": "EntryNotFound"}, b"{}")
        elif path in repository.large:
            self._answer(
                302, headers | {"Location": f"{self.hub.store_url or self.hub.url}/cdn/{name}/{path}"}, b""
            )
        else:
            self._send_file(name, path, headers)

    def _send_file(self, name: str, path: str, headers: dict[str, str] | None = None) -> None:
        content = self.hub.repositories[name].files[path]
        fault = self.hub.faults.get(path)
        if fault is None or fault.status != 200 or fault.spent():
            fault = Fault()
        body = content if fault.body is None else fault.body
        if fault.flip:
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault.short_by:
            body = body[: len(body) - fault.short_by]
        start, status = 0, 200
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not fault.no_ranges:
            start, status = int(asked[1]), 206
            if start >= len(body):
                self._answer(416, {"Content-Range": f"bytes */{len(body)}"}, b"")
                return
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self._pour(body, start, fault)

    def _pour(self, body: Content, start: int, fault: Fault) -> None:
        end = len(body) if fault.cut_at is None else min(len(body), max(start, fault.cut_at))
        step = 1 << 16 if not fault.bytes_per_s else max(1, fault.bytes_per_s // 20)
        for place in range(start, end, step):
            piece = body[place : min(end, place + step)]
            self.wfile.write(piece)
            self.hub.sent_bytes += len(piece)
            if fault.bytes_per_s:
                time.sleep(len(piece) / fault.bytes_per_s)
        if fault.silent_s:
            time.sleep(fault.silent_s)
        if end < len(body):
            self.close_connection = True

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def mapped(path: Path) -> mmap:
    """A file's content without reading it into memory."""
    with path.open("rb") as source:
        return mmap(source.fileno(), 0, access=ACCESS_READ)


def git_id(content: Content) -> str:
    """Git's object id of a file."""
    sha1 = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    sha1.update(content)
    return sha1.hexdigest()


def _sibling(path: str, content: Content, large: bool, checksum: str | None) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": checksum or git_id(content)}
    if large:
        sha256 = checksum or hashlib.sha256(content).hexdigest()
        sibling["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 135}
    return sibling
