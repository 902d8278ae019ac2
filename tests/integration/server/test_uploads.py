"""Uploads over a real connection, against a real database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.uploading import Service, photo, service


@pytest.fixture
def served(database_url: str, tmp_path: Path, owner: str) -> Iterator[Service]:
    with service(database_url, tmp_path / "home", owner) as found:
        yield found


def test_a_file_arrives_in_pieces_and_is_kept(served: Service) -> None:
    body = photo(300_000)
    place = served.begin(len(body), "photo.jpg", sha256=hashlib.sha256(body).hexdigest())
    answer = served.write(place, 0, body[:100_000])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "100000")
    assert served.offset(place) == 100_000
    assert served.write(place, 100_000, body[100_000:]).status_code == 204
    ended = served.ended(place)
    assert (ended["state"], ended["error"]) == ("stored", None)
    assert ended["sha256"] == hashlib.sha256(body).hexdigest()
    ((_, upload),) = served.stored
    kept = served.heimdex.incoming.originals.path(upload.owner, upload.object_key or "")
    assert kept is not None
    assert kept.read_bytes() == body
    assert list(served.folder.iterdir()) == []
