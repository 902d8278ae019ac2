"""Large files handed to a service: in pieces, each with its checksum, going on where a connection broke."""

from __future__ import annotations

import base64
import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from heimdex import errors
from heimdex.errors import HeimdexError, UnreadableFile, UploadBrokenOff, UploadError

OnProgress = Callable[[int, int], None]
"""Told how many bytes are safely there, and of how many."""

T = TypeVar("T")

TUS = {"Tus-Resumable": "1.0.0"}
PASSING = frozenset({408, 409, 423, 425, 429, 460, 500, 502, 503, 504})  # ask how far it is, and go on
LONGEST_PAUSE_S = 30.0
LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadPlan:
    """How a file is sent. `place` is the address of an upload that was begun before, to go on with it."""

    name: str | None = None  # else the file's own
    place: str | None = None
    piece_bytes: int = 16 << 20
    attempts: int = 10  # in a row without a byte more
    pause_s: float = 0.5  # after the first of them; twice as long after each other
    sha256: bool = True  # of the whole file too: it is read once more
    wait: bool = True  # until it is checked; False: only until all bytes are there


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploaded:
    """What became of it. `state` is checking, stored or refused, and then `error` says why."""

    place: str
    upload_id: str
    state: str
    size_bytes: int
    sha256: str | None
    asset_id: str | None
    error: str | None


def upload(
    client: httpx2.Client,
    path: Path,
    on_progress: OnProgress = lambda _, __: None,
    *,
    plan: UploadPlan | None = None,
) -> Uploaded:
    """Hand a file to the service of a client (base URL, login and time-outs are the client's).

    Raises UnreadableFile; UploadBrokenOff, whose message ends with the address to go on with, when the
    service stays away; and what the service says else: QuotaExceeded, UploadTooLarge, StorageFull, NotFound …
    """
    try:
        with path.open("rb") as file:
            return _Sending(client, file, path.name, plan or UploadPlan()).run(on_progress)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror or error})") from error


class _Sending:
    """One file on its way."""

    def __init__(self, client: httpx2.Client, file: BufferedReader, name: str, plan: UploadPlan) -> None:
        self._client, self._file, self._plan = client, file, plan
        self._name = plan.name or name
        self._size = file.seek(0, 2)
        self._place = plan.place
        self._failures = 0

    def run(self, on_progress: OnProgress) -> Uploaded:
        """Send what is not there yet."""
        offset = 0 if self._place is None else self._tried(self._offset)
        if self._place is None:
            self._tried(self._begin)
        on_progress(offset, self._size)
        while offset < self._size:
            there = self._tried(lambda at=offset: self._piece(at))  # type: ignore[misc]
            if there > offset:
                self._failures = 0
            offset = there
            on_progress(offset, self._size)
        while True:
            found = self._tried(self._state)
            if found.state != "receiving" and (not self._plan.wait or found.state != "checking"):
                return found
            time.sleep(LOOK_S)

    def _begin(self) -> int:
        said = {"filename": self._name}
        if self._plan.sha256:
            self._file.seek(0)
            said["sha256"] = hashlib.file_digest(self._file, "sha256").hexdigest()
        pairs = (f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())
        headers = TUS | {"Upload-Length": str(self._size), "Upload-Metadata": ",".join(pairs)}
        answer = _checked(self._client.post("/api/v1/uploads", headers=headers))
        self._place = answer.headers["Location"]
        return 0

    def _piece(self, at: int) -> int:
        self._file.seek(at)
        piece = self._file.read(min(self._plan.piece_bytes, self._size - at))
        if not piece:
            raise UploadError("the file has become shorter while it was sent; begin again")
        headers = TUS | {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(at),
            "Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(piece).digest()).decode()}",
        }
        try:
            answer = _checked(self._client.patch(self._place or "", content=piece, headers=headers))
            return int(answer.headers["Upload-Offset"])
        except (httpx2.TransportError, _Passing):
            self._rest()
            return self._offset()

    def _offset(self) -> int:
        answer = self._client.head(self._place or "", headers=TUS)
        if answer.status_code == 410:  # it has no body to say so
            raise errors.UploadExpired("the upload was given up or refused; begin it again")
        if answer.status_code == 404:
            raise errors.NotFound(f"no upload {self._place}")
        return int(_checked(answer).headers["Upload-Offset"])

    def _state(self) -> Uploaded:
        found: dict[str, Any] = _checked(self._client.get(self._place or "")).json()
        return Uploaded(
            place=self._place or "",
            upload_id=found["upload_id"],
            state=found["state"],
            size_bytes=self._size,
            sha256=found["sha256"],
            asset_id=found["asset_id"],
            error=found["error"],
        )

    def _tried(self, work: Callable[[], T]) -> T:
        """What `work` gives; again, after a pause, while the service is away."""
        while True:
            try:
                return work()
            except (httpx2.TransportError, _Passing) as error:
                self._rest(error)

    def _rest(self, error: Exception | None = None) -> None:
        self._failures += 1
        if self._failures >= self._plan.attempts:
            place = self._place or "a new upload"
            raise UploadBrokenOff(f"the service stays away; go on later with {place}") from error
        pause_s = min(self._plan.pause_s * 2 ** (self._failures - 1), LONGEST_PAUSE_S)
        time.sleep(pause_s * random.uniform(0.5, 1.0))


class _Passing(Exception):
    """An answer after which it makes sense to ask how far the upload is."""


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """The answer, where it is none of an error. Raises the error that the service had, by its name."""
    if answer.is_success:
        return answer
    if answer.status_code in PASSING:
        raise _Passing(answer.status_code)
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    told = problem.get("detail") or f"the service answers with status {answer.status_code}"
    name = "".join(word.capitalize() for word in str(problem.get("title", "")).split())
    kind = getattr(errors, name, UploadError)
    raise (kind if isinstance(kind, type) and issubclass(kind, HeimdexError) else UploadError)(told)
