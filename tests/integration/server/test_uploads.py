"""Uploads over a real connection, against a real database."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heimdex.entities.uploads import UploadState
from heimdex.errors import NotFound, QuotaExceeded, StorageFull, TooManyUploads
from heimdex.pipeline.incoming.options import NewUpload
from heimdex.store import parts
from tests.uploading import OCTETS, TUS, Service, begin_headers, checksum, photo, service, until

KILO = 1_000


@pytest.fixture(scope="module")
def body() -> bytes:
    return photo(300 * KILO)


@pytest.fixture
def served(database_url: str, tmp_path: Path, owner: str) -> Iterator[Service]:
    with service(database_url, tmp_path / "home", owner) as found:
        yield found


def cut_off(served: Service, place: str, at: int, body: bytes, said: int, **headers: str) -> None:
    """Send a part of a body, then hang up."""
    given = (
        TUS
        | OCTETS
        | {"Upload-Offset": str(at), "Content-Length": str(said), "Host": served.url[7:]}
        | headers
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode() + body)


def refused(served: Service, body: bytes, name: str) -> dict[str, Any]:
    place = served.begin(len(body), name)
    if body:
        assert served.write(place, 0, body).status_code == 204
    return served.ended(place)


def test_a_file_arrives_in_pieces_and_is_kept(served: Service, body: bytes) -> None:
    place = served.begin(len(body), "photo.jpg", sha256=hashlib.sha256(body).hexdigest())
    answer = served.write(place, 0, body[:100_000])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "100000")
    assert answer.headers["Upload-Expires"].endswith("GMT")
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert served.offset(place) == 100_000
    assert served.write(place, 100_000, body[100_000:]).status_code == 204
    ended = served.ended(place)
    assert (ended["state"], ended["error"]) == ("stored", None)
    assert ended["sha256"] == hashlib.sha256(body).hexdigest()
    ((_, upload),) = until(lambda: served.stored)
    assert served.kept(upload).read_bytes() == body
    assert ended["job_id"] == upload.upload_id
    assert list(served.folder.iterdir()) == []
    assert served.client.delete(place, headers=TUS).status_code == 409  # an asset is removed as an asset


def test_a_connection_that_is_cut_is_resumed_where_it_broke(served: Service, body: bytes) -> None:
    place = served.begin(len(body), "photo.jpg")
    cut_off(served, place, 0, body[:150_000], len(body))
    until(lambda: served.offset(place) == 150_000)
    wrong = until(lambda: _unless_busy(served.write(place, 0, body)))
    assert wrong is not None
    assert (wrong.status_code, wrong.json()["title"]) == (409, "Offset conflict")
    assert wrong.headers["Tus-Resumable"] == "1.0.0"
    assert served.write(place, 150_000, body[150_000:]).status_code == 204
    assert served.ended(place)["sha256"] == hashlib.sha256(body).hexdigest()


def _unless_busy(answer: httpx2.Response) -> httpx2.Response | None:
    return None if answer.status_code == 423 else answer


def test_a_piece_counts_only_with_its_checksum(served: Service, body: bytes) -> None:
    place = served.begin(len(body), "photo.jpg")
    first, second = body[:100_000], body[100_000:]
    assert served.write(place, 0, first, **{"Upload-Checksum": checksum(first, "sha1")}).status_code == 204
    wrong = served.write(place, len(first), second, **{"Upload-Checksum": checksum(first)})
    assert (wrong.status_code, wrong.json()["title"]) == (460, "Checksum mismatch")
    assert served.offset(place) == len(first)
    cut_off(served, place, len(first), second[:90_000], len(second), **{"Upload-Checksum": checksum(second)})
    again = until(
        lambda: _unless_busy(served.write(place, len(first), second, **{"Upload-Checksum": checksum(second)}))
    )
    assert again is not None
    assert again.status_code == 204
    assert served.ended(place)["sha256"] == hashlib.sha256(body).hexdigest()
    unknown = served.write(served.begin(1), 0, b"x", **{"Upload-Checksum": "crc32 AAAA"})
    assert unknown.status_code == 400


def test_unproven_bytes_of_a_process_that_died_are_taken_back(tmp_path: Path) -> None:
    path = tmp_path / f"{uuid.uuid4()}.part"
    part = parts.Part.hold(path, make=True)
    part.append(b"proven")
    part.begin_unproven()
    part.append(b"perhaps")
    part.close()  # as a kill does
    assert parts.received_bytes(path) == len(b"proven")
    parts.Part.hold(path).close()
    assert path.read_bytes() == b"proven"


def test_the_whole_file_is_compared_with_its_checksum(served: Service, body: bytes) -> None:
    place = served.begin(len(body), "photo.jpg", sha256="0" * 64)
    assert served.write(place, 0, body).status_code == 204
    ended = served.ended(place)
    assert (ended["state"], ended["problem"]) == ("refused", "ChecksumMismatch")
    assert served.client.head(place, headers=TUS).status_code == 410


def test_two_writers_of_one_upload_do_not_mix(served: Service, body: bytes) -> None:
    place = served.begin(len(body), "photo.jpg")
    upload_id = place.rpartition("/")[2]
    held = served.heimdex.incoming.uploads.arrive(served.heimdex.owner, upload_id, 0)
    try:
        second = served.write(place, 0, body)
        assert second.status_code == 423
        assert "Retry-After" in second.headers
        held.write(body[:10])
        held.end()
    finally:
        held.close()
    assert served.write(place, 10, body[10:]).status_code == 204
    assert served.ended(place)["sha256"] == hashlib.sha256(body).hexdigest()


def test_the_first_bytes_may_come_with_the_beginning(served: Service, body: bytes) -> None:
    headers = begin_headers(len(body), "photo.jpg") | OCTETS
    answer = served.client.post("/api/v1/uploads", headers=headers, content=body)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(body)))
    assert served.ended(answer.headers["Location"])["state"] == "stored"


def test_what_is_ended_is_gone_even_while_it_is_written(served: Service, body: bytes) -> None:
    place = served.begin(len(body))
    upload_id = place.rpartition("/")[2]
    held = served.heimdex.incoming.uploads.arrive(served.heimdex.owner, upload_id, 0)
    assert served.client.delete(place, headers=TUS).status_code == 204
    held.write(b"into nothing")
    with pytest.raises(NotFound):
        held.end()
    held.close()
    assert list(served.folder.iterdir()) == []
    assert served.client.head(place, headers=TUS).status_code == 404
    assert served.client.delete(place, headers=TUS).status_code == 404


def test_uploads_of_others_are_not_there(served: Service, body: bytes) -> None:
    incoming = served.heimdex.incoming
    other = str(uuid.uuid4())
    theirs = incoming.uploads.begin(other, NewUpload(name="a.mp4", size_bytes=9))
    place = f"/api/v1/uploads/{theirs.upload_id}"
    answers = (
        served.client.head(place, headers=TUS),
        served.client.get(place),
        served.write(place, 0, b"123456789"),
        served.client.delete(place, headers=TUS),
    )
    assert [answer.status_code for answer in answers] == [404] * 4
    assert served.client.get("/api/v1/uploads").json()["uploads"] == []
    assert incoming.uploads.get(other, theirs.upload_id).state is UploadState.RECEIVING


def test_requests_that_are_no_tus_are_told_so(served: Service) -> None:
    place = served.begin(5)
    post, patch = served.client.post, served.client.patch
    told = served.client.options("/api/v1/uploads")
    assert told.headers["Tus-Version"] == "1.0.0"
    assert "checksum" in told.headers["Tus-Extension"]
    other = served.client.head(place, headers={"Tus-Resumable": "0.2.2"})
    assert (other.status_code, other.headers["Tus-Version"]) == (412, "1.0.0")
    assert post("/api/v1/uploads", headers=TUS).status_code == 400
    assert post("/api/v1/uploads", headers=TUS | {"Upload-Length": "-1"}).status_code == 400
    assert post("/api/v1/uploads", headers=TUS | {"Upload-Defer-Length": "1"}).status_code == 400
    bad = TUS | {"Upload-Length": "1", "Upload-Metadata": "filename ==="}
    assert post("/api/v1/uploads", headers=bad).status_code == 400
    assert patch(place, headers=TUS | {"Upload-Offset": "0"}, content=b"x").status_code == 415
    assert patch(place, headers=TUS | OCTETS, content=b"x").status_code == 400
    assert served.write(place, 0, b"too long").status_code == 413
    assert served.offset(place) == 0
    assert served.write("/api/v1/uploads/none", 0, b"x").status_code == 404
    override = TUS | {"X-HTTP-Method-Override": "DELETE"}
    assert post(place, headers=override).status_code == 204
    assert served.client.get(place).status_code == 404


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"", "empty.jpg", "UnknownFormat"),
        (b"<html>not found</html>" * 9, "film.mp4", "UnknownFormat"),
        (b"%PDF-1.7 a document", "notes.pdf", "UnknownFormat"),
        (bytes(5_000), "zeros.mov", "UnknownFormat"),
        (photo()[:400], "truncated.jpg", "DamagedFile"),
    ],
)
def test_files_that_are_no_media_are_refused(
    served_once: Service, content: bytes, name: str, problem: str
) -> None:
    served = served_once
    ended = refused(served, content, name)
    assert (ended["state"], ended["problem"]) == ("refused", problem), ended
    assert ended["error"].startswith(("the file ", "its ", "not one ")), ended["error"]
    until(lambda: not list(served.folder.iterdir()))
    assert served.heimdex.incoming.uploads.usage(served.heimdex.owner).used_bytes == 0
    status = {"UnknownFormat": 415, "DamagedFile": 422}[problem]
    single = served.client.post("/api/v1/assets", params={"name": name}, content=content)
    assert (single.status_code, single.headers["content-type"]) == (status, "application/problem+json")
    assert served.stored == []


def test_one_request_may_bring_a_file_raw_or_in_a_form(served: Service, body: bytes) -> None:
    digest = hashlib.sha256(body).hexdigest()
    raw = served.client.post("/api/v1/assets", params={"name": "a.jpg", "sha256": digest}, content=body)
    assert (raw.status_code, raw.json()["state"], raw.json()["sha256"]) == (201, "stored", digest)
    streamed = served.client.put(
        "/api/v1/assets", params={"name": "b.jpg"}, content=iter([body[:9], body[9:]])
    )
    assert (streamed.status_code, streamed.json()["size_bytes"]) == (201, len(body))
    form = served.client.post("/api/v1/assets", data={"note": "x"}, files={"file": ("c.jpg", body)})
    assert (form.status_code, form.json()["name"], form.json()["sha256"]) == (201, "c.jpg", digest)
    assert served.client.post("/api/v1/assets", files={"none": (None, b"x")}).status_code == 400
    wrong = served.client.post("/api/v1/assets", params={"sha256": "0" * 64}, content=body)
    assert (wrong.status_code, wrong.json()["title"]) == (460, "Checksum mismatch")
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    cut = b'--b\r\nContent-Disposition: form-data; name="f"; filename="d.jpg"\r\n\r\nhalf a file'
    assert served.client.post("/api/v1/assets", headers=boundary, content=cut).status_code == 400
    assert served.client.post("/api/v1/assets", headers=boundary, content=b"none").status_code == 400
    assert served.heimdex.incoming.uploads.usage(served.heimdex.owner).receiving == 0
    assert list(served.folder.iterdir()) == []


def test_no_two_uploads_take_the_last_of_a_quota(database_url: str, tmp_path: Path, owner: str) -> None:
    with service(database_url, tmp_path / "home", owner, quota_gb=0.000_001) as served:
        uploads = served.heimdex.incoming.uploads

        def begin(_: int) -> bool:
            try:
                uploads.begin(owner, NewUpload(name="a.mp4", size_bytes=300))
            except QuotaExceeded:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(begin, range(8))) == 3
        assert uploads.usage(owner).used_bytes == 900
        answer = served.client.post("/api/v1/uploads", headers=begin_headers(101))
        assert (answer.status_code, answer.json()["title"]) == (413, "Quota exceeded")
        assert served.client.post("/api/v1/uploads", headers=begin_headers(100)).status_code == 201
        streamed = served.client.post("/api/v1/assets", content=iter([b"x"]))
        assert streamed.status_code == 413
        uploads.set_quota(owner, 2_000)
        assert served.client.post("/api/v1/uploads", headers=begin_headers(1_000)).status_code == 201
        assert uploads.usage(str(uuid.uuid4())).quota_bytes == 1_000
        assert len(list(served.folder.iterdir())) == 5


def test_only_so_many_and_so_large_uploads_are_under_way(
    database_url: str, tmp_path: Path, owner: str
) -> None:
    limits = {"uploads_at_once": 2, "upload_limit_gb": 0.000_001}
    with service(database_url, tmp_path / "home", owner, **limits) as served:
        large = served.client.post("/api/v1/uploads", headers=begin_headers(1_001))
        assert (large.status_code, large.json()["title"]) == (413, "Upload too large")
        assert served.client.post("/api/v1/assets", content=iter([bytes(1_001)])).status_code == 413
        first, _ = served.begin(10), served.begin(10)
        third = served.client.post("/api/v1/uploads", headers=begin_headers(10))
        assert (third.status_code, third.headers["Retry-After"]) == (429, "2")
        with pytest.raises(TooManyUploads):
            served.heimdex.incoming.uploads.begin(owner, NewUpload(name=None, size_bytes=1))
        served.client.delete(first, headers=TUS)
        served.begin(10)


def test_abandoned_uploads_expire_and_free_their_room(served: Service) -> None:
    place = served.begin(900)
    upload_id = place.rpartition("/")[2]
    uploads = served.heimdex.incoming.uploads
    uploads.options = replace(uploads.options, kept_s=0.0)
    served.write(place, 0, b"x")
    assert uploads.usage(served.heimdex.owner).used_bytes == 0  # not swept yet, but not counted any more
    served.heimdex.incoming.finisher.sweep()
    assert uploads.get(served.heimdex.owner, upload_id).state is UploadState.EXPIRED
    assert list(served.folder.iterdir()) == []
    assert served.write(place, 1, b"x").status_code == 410
    assert served.client.head(place, headers=TUS).status_code == 410


def test_what_another_process_left_is_gone_on_with(served: Service, body: bytes) -> None:
    incoming, owner = served.heimdex.incoming, served.heimdex.owner
    begun = incoming.uploads.begin(owner, NewUpload(name="a.jpg", size_bytes=len(body)))
    arrival = incoming.uploads.arrive(owner, begun.upload_id, 0)
    arrival.write(body)
    arrival.end()
    arrival.close()  # killed before the row told that all is there
    stray = served.folder / f"{uuid.uuid4()}.part"
    stray.touch()
    fetching = incoming.uploads.begin(
        owner, NewUpload(name="b.jpg", size_bytes=None, source_url="https://example.org/b.jpg")
    )
    incoming.finisher.sweep()
    until(lambda: served.stored)
    assert served.stored[0][1].upload_id == begun.upload_id
    interrupted = incoming.uploads.get(owner, fetching.upload_id)
    assert (interrupted.state, interrupted.problem) == (UploadState.REFUSED, "FetchFailed")
    assert list(served.folder.iterdir()) == []
    incoming.finisher.sweep()  # stored, and not indexed yet: the index is told again
    assert [upload.upload_id for _, upload in served.stored] == [begun.upload_id] * 2
    served.note_indexed(served.stored[0][1], None, "no")
    incoming.finisher.sweep()
    assert len(served.stored) == 2


def test_a_full_disk_keeps_what_came(served: Service, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    place = served.begin(len(body), "photo.jpg")
    write = os.pwrite
    room = [100_000]

    def full(descriptor: int, block: Any, at: int) -> int:
        if at >= room[0]:
            raise OSError(28, "No space left on device")
        return write(descriptor, block[: room[0] - at], at)

    monkeypatch.setattr(os, "pwrite", full)
    answer = served.write(place, 0, body)
    assert (answer.status_code, answer.json()["title"]) == (507, "Storage full")
    assert served.offset(place) == 100_000
    room[0] = len(body)
    assert served.write(place, 100_000, body[100_000:]).status_code == 204
    assert served.ended(place)["sha256"] == hashlib.sha256(body).hexdigest()
    uploads = served.heimdex.incoming.uploads
    uploads.options = replace(uploads.options, spare_bytes=1 << 62)
    with pytest.raises(StorageFull):
        uploads.begin(served.heimdex.owner, NewUpload(name=None, size_bytes=1))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../../etc/passwd", "passwd"),
        ("/absolute/film.mp4", "film.mp4"),
        ("C:\\Users\\me\\film.mp4", "film.mp4"),
        ("..", "upload"),
        ("\x00\x01a\nb\x7f.mp4", "ab.mp4"),
        ("CON.mp4", "_CON.mp4"),
        (".hidden.jpg", "hidden.jpg"),
        ("a\uff0fb\u2215c.jpg", "c.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("e\u0301.jpg", "\u00e9.jpg"),
        ("x" * 5_000 + ".jpeg", "x" * 175 + ".jpeg"),
        ("\u6f22" * 100 + ".mp4", "\u6f22" * 58 + ".mp4"),
        ("a<b>|?*.mp4", "a_b____.mp4"),
        ("", "upload"),
    ],
)
def test_names_are_shown_and_lead_nowhere(served_once: Service, given: str, shown: str) -> None:
    encoded = base64.b64encode(given.encode()).decode()
    headers = TUS | {"Upload-Length": "4", "Upload-Metadata": f"filename {encoded}".strip()}
    answer = served_once.client.post("/api/v1/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    place = answer.headers["Location"]
    assert served_once.client.get(place).json()["name"] == shown
    upload_id = place.rpartition("/")[2]
    (found,) = served_once.folder.iterdir()
    assert found.name.startswith(f"{upload_id}.part")
    assert len(found.name) <= 36 + 5 + 9
    served_once.client.delete(place, headers=TUS)


@pytest.fixture(scope="module")
def served_once(database_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    database_server.admin("CREATE DATABASE names TEMPLATE heimdex_template")
    home = tmp_path_factory.mktemp("names")
    with service(database_server.url("names"), home, str(uuid.uuid4())) as found:
        yield found
