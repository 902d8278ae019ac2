"""The client's upload, against a service whose connections break."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from heimdex.client.uploads import UploadPlan, upload
from heimdex.errors import QuotaExceeded, UnreadableFile, UploadBrokenOff, UploadExpired
from tests.uploading import Service, photo, service


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "photo.jpg"
    path.write_bytes(photo(1_000_000))
    return path


@pytest.fixture
def served(database_url: str, tmp_path: Path, owner: str) -> Iterator[Service]:
    with service(database_url, tmp_path / "home", owner, quota_gb=0.002) as found:
        yield found


class Breaking(httpx2.BaseTransport):
    """Breaks the answer of every second piece, and half of what the others send."""

    def __init__(self, every: int = 2) -> None:
        self._inner = httpx2.HTTPTransport()
        self._every = every
        self.pieces = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "PATCH":
            self.pieces += 1
            if self.pieces % self._every == 0:
                self._inner.handle_request(request).close()
                raise httpx2.ReadError("broken")
            if self.pieces % 3 == 0:
                raise httpx2.ConnectError("nobody there")
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_a_file_arrives_whole_over_connections_that_break(served: Service, film: Path) -> None:
    told: list[int] = []
    plan = UploadPlan(piece_bytes=100_000, pause_s=0.01)
    with httpx2.Client(base_url=served.url, transport=Breaking()) as client:
        done = upload(client, film, lambda there, _: told.append(there), plan=plan)
    assert (done.state, done.error) == ("stored", None)
    assert done.sha256 == hashlib.sha256(film.read_bytes()).hexdigest()
    assert told == sorted(told)
    assert told[-1] == 1_000_000


def test_an_upload_is_gone_on_with_later(served: Service, film: Path) -> None:
    plan = UploadPlan(piece_bytes=400_000, pause_s=0.001, attempts=1)
    with (
        httpx2.Client(base_url=served.url, transport=Breaking(every=1)) as client,
        pytest.raises(UploadBrokenOff) as caught,
    ):
        upload(client, film, plan=plan)
    place = str(caught.value).rpartition(" ")[2]
    told: list[int] = []
    again = UploadPlan(piece_bytes=plan.piece_bytes, place=place)
    done = upload(served.client, film, lambda there, _: told.append(there), plan=again)
    assert done.state == "stored"
    assert told[0] == 400_000


def test_what_the_service_says_is_raised(served: Service, film: Path, tmp_path: Path) -> None:
    assert upload(served.client, film).state == "stored"
    assert upload(served.client, film).state == "stored"
    with pytest.raises(QuotaExceeded, match="are taken"):
        upload(served.client, film)
    with pytest.raises(UnreadableFile):
        upload(served.client, tmp_path / "none")
    text = tmp_path / "text.mp4"
    text.write_bytes(b"no film")
    served.heimdex.incoming.uploads.set_quota(served.heimdex.owner, 1 << 30)
    refused = upload(served.client, text)
    assert (refused.state, refused.asset_id) == ("refused", None)
    assert "text" in (refused.error or "")
    with pytest.raises(UploadExpired):
        upload(served.client, text, plan=UploadPlan(place=refused.place))
