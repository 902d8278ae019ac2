"""A bucket that is not there is made, where the login may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heimdex.cli import diagnosis
from heimdex.cli.commands import app
from heimdex.config import read_settings
from heimdex.errors import ObjectStoreRefused, ObjectStoreUnavailable
from heimdex.store import objects
from heimdex.store.buckets import location
from heimdex.store.objects import ObjectStore, open_objects
from heimdex.store.s3_shelf import S3Options
from tests.object_stores import BUCKET, FaultyProxy, faulty_server


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[S3Options, FaultyProxy]]:
    with faulty_server() as found:
        yield found


@pytest.fixture
def proxy(server: tuple[S3Options, FaultyProxy], monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    monkeypatch.setattr(objects, "FIRST_PAUSE_S", 0.01)
    yield server[1]
    server[1].faults.clear()
    server[1].is_down = False
    server[1].served.clear()


def store_of(server: tuple[S3Options, FaultyProxy], bucket: str, owner: str) -> ObjectStore:
    return open_objects(replace(server[0], bucket=bucket), owner)


def test_a_bucket_is_made_once_and_can_be_used(
    server: tuple[S3Options, FaultyProxy], proxy: FaultyProxy, owner: str
) -> None:
    store = store_of(server, "made-here", owner)
    with pytest.raises(ObjectStoreRefused, match="heimdex migrate"):
        store.probe()
    assert store.make_place() is True
    store.probe()
    proxy.served.clear()
    assert store.make_place() is False
    assert [request.split()[0] for request in proxy.served] == ["GET"]  # nothing is asked for that is there


def test_a_bucket_with_objects_in_it_stays_as_it_is(
    server: tuple[S3Options, FaultyProxy], proxy: FaultyProxy, owner: str, tmp_path: Path
) -> None:
    store = store_of(server, BUCKET, owner)
    (tmp_path / "file").write_bytes(b"kept")
    store.put_file(store.key("a"), tmp_path / "file")
    assert store.make_place() is False
    assert b"".join(store.read_range(store.key("a"))) == b"kept"
    store.delete(store.key("a"))


def test_making_a_bucket_is_tried_again_where_the_service_fails(
    server: tuple[S3Options, FaultyProxy], proxy: FaultyProxy, owner: str
) -> None:
    for fault in ("busy", "hang up"):
        store = store_of(server, f"made-after-{fault.replace(' ', '-')}", owner)
        proxy.faults.extend(["fine", fault])  # the look whether it is there, then the making
        assert store.make_place() is True
        assert f"PUT {fault}" in proxy.served


def test_a_login_that_may_make_no_bucket_is_told_so(
    server: tuple[S3Options, FaultyProxy], proxy: FaultyProxy, owner: str
) -> None:
    proxy.faults.extend(["fine", "refused"])
    with pytest.raises(ObjectStoreRefused, match="HEIMDEX_S3_KEY_ID may not make it"):
        store_of(server, "not-allowed", owner).make_place()
    proxy.is_down = True
    with pytest.raises(ObjectStoreUnavailable):
        open_objects(replace(server[0], bucket="b", tries=1, patience_s=0.1), owner).make_place()


@pytest.mark.parametrize(
    ("endpoint", "region", "told"),
    [
        (None, "us-east-1", False),
        (None, "eu-central-1", True),
        ("https://s3.eu-central-1.amazonaws.com", "eu-central-1", True),
        ("https://s3.example.org", "eu-central-1", False),
        ("https://notamazonaws.com", "eu-central-1", False),
    ],
)
def test_only_amazon_is_told_the_region_of_a_new_bucket(
    endpoint: str | None, region: str, told: bool
) -> None:
    assert (f"<LocationConstraint>{region}<" in location(endpoint, region)) is told


def test_migrate_makes_the_bucket_that_the_doctor_misses(
    server: tuple[S3Options, FaultyProxy],
    proxy: FaultyProxy,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = server[0]
    for name, value in {
        "HOME": tmp_path / "home",
        "DATABASE_URL": database_url,
        "OBJECT_STORE": "s3://for-the-doctor/films",
        "S3_ENDPOINT": options.endpoint,
        "S3_KEY_ID": options.key_id,
        "S3_SECRET": options.secret,
        "S3_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(f"HEIMDEX_{name}", str(value))

    def doctor() -> tuple[str, str]:
        check = diagnosis._check("objects", lambda: diagnosis._objects(read_settings()))
        return check["level"], check["detail"]

    level, detail = doctor()
    assert level == "error"
    assert "heimdex migrate" in detail
    said = []
    for _ in range(2):
        ran = CliRunner().invoke(app, ["migrate", "--json"])
        assert ran.exit_code == 0, ran.output
        said.append(json.loads(ran.stdout))
    assert [found["bucket_made"] for found in said] == [True, False]
    assert said[0]["object_store"] == "s3://for-the-doctor/films"
    assert doctor() == ("ok", "s3://for-the-doctor/films, an object was written, read and removed")
    assert "its bucket is there" in CliRunner().invoke(app, ["migrate"]).stdout
