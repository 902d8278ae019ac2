"""An S3 service that fails, refuses and goes away."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heimdex.errors import ObjectStoreRefused, ObjectStoreUnavailable, SettingsError
from heimdex.store import objects
from heimdex.store.objects import ObjectStore, open_objects
from heimdex.store.s3_shelf import S3Options
from heimdex.store.shelf import PIECE_BYTES
from tests.object_stores import FaultyProxy, faulty_server


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[S3Options, FaultyProxy]]:
    with faulty_server() as found:
        yield found


@pytest.fixture
def proxy(server: tuple[S3Options, FaultyProxy]) -> Iterator[FaultyProxy]:
    proxy = server[1]
    proxy.served.clear()
    yield proxy
    proxy.faults.clear()
    proxy.is_down = False


@pytest.fixture
def store(server: tuple[S3Options, FaultyProxy], owner: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(objects, "FIRST_PAUSE_S", 0.01)
    return open_objects(server[0], owner)


FAULTS = ["error", "busy", "hang up", "slow"]
LARGE = 2 * PIECE_BYTES + 100  # in three parts


@pytest.mark.parametrize(
    ("fault", "size"),
    [*((fault, 100) for fault in FAULTS), ("error", LARGE), ("hang up", LARGE)],
)
def test_an_upload_survives_each_request_failing_once(
    store: ObjectStore, proxy: FaultyProxy, tmp_path: Path, fault: str, size: int
) -> None:
    content = os.urandom(size)
    (tmp_path / "source").write_bytes(content)
    key = store.key("originals", "film")
    proxy.faults.extend([fault, "fine"] * 5)
    store.put_file(key, tmp_path / "source")
    assert sum(fault in request for request in proxy.served) >= (1 if size == 100 else 3)
    proxy.faults.clear()
    assert hashlib.sha256(b"".join(store.read_range(key))).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize("fault", [*FAULTS, "cut"])
def test_a_download_survives_faults(
    store: ObjectStore, proxy: FaultyProxy, tmp_path: Path, fault: str
) -> None:
    content = os.urandom(PIECE_BYTES + 100)
    (tmp_path / "source").write_bytes(content)
    key = store.key("film")
    sha256 = store.put_file(key, tmp_path / "source")
    proxy.faults.extend(["fine", fault, "fine", fault])
    store.get_to(key, tmp_path / "back", sha256)
    assert (tmp_path / "back").read_bytes() == content
    assert sum(request == f"GET {fault}" for request in proxy.served) >= 1


@pytest.mark.parametrize("fault", ["error", "hang up", "cut"])
def test_lists_and_removals_survive_faults(
    store: ObjectStore, proxy: FaultyProxy, tmp_path: Path, fault: str
) -> None:
    (tmp_path / "source").write_bytes(b"x")
    keys = [store.key("a", str(number)) for number in range(3)]
    for key in keys:
        store.put_file(key, tmp_path / "source")
    proxy.faults.append(fault)
    assert [found.key for found in store.list()] == keys
    proxy.faults.append(fault)
    assert store.folders("") == ["a"]
    proxy.faults.extend(["fine", fault])
    assert store.delete_prefix(store.key("a")) == 3
    assert list(store.list()) == []


def test_a_store_that_stays_down_is_named_and_works_again_when_it_is_back(
    store: ObjectStore, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "TRIES", 2)
    (tmp_path / "source").write_bytes(b"film")
    key = store.key("film")
    proxy.is_down = True
    for work in (
        lambda: store.put_file(key, tmp_path / "source"),
        lambda: store.head(key),
        store.list,
        lambda: store.delete(key),
        store.probe,
    ):
        with pytest.raises(ObjectStoreUnavailable, match=r"s3://films/some/where at http.*try again"):
            work()
    proxy.is_down = False
    store.put_file(key, tmp_path / "source")
    assert b"".join(store.read_range(key)) == b"film"
    proxy.is_down = True
    with pytest.raises(ObjectStoreUnavailable):
        store.get_to(key, tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_store_that_refuses_is_not_asked_again(
    store: ObjectStore, proxy: FaultyProxy, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(b"film")
    for work in (
        lambda: store.put_file(store.key("film"), tmp_path / "source"),
        lambda: store.head(store.key("film")),
        store.list,
    ):
        proxy.faults.extend(["refused"] * 20)
        proxy.served.clear()
        with pytest.raises(ObjectStoreRefused, match="HEIMDEX_S3_KEY_ID"):
            work()
        assert len(proxy.served) == 1
        proxy.faults.clear()


def test_a_bucket_that_does_not_exist_is_named(
    server: tuple[S3Options, FaultyProxy], proxy: FaultyProxy, owner: str
) -> None:
    store = open_objects(replace(server[0], bucket="nowhere"), owner)
    for work in (store.probe, store.list):
        with pytest.raises(ObjectStoreRefused, match="no bucket for s3://nowhere"):
            work()


@pytest.mark.parametrize("endpoint", ["nonsense", "http://", "https://host:port", "http://host"])
def test_an_address_that_is_none_or_open_is_a_wrong_setting(owner: str, endpoint: str) -> None:
    with pytest.raises(SettingsError, match="HEIMDEX_S3_ENDPOINT"):
        open_objects(S3Options(bucket="films", endpoint=endpoint, key_id="k", secret="s"), owner)


def test_the_secret_is_in_no_message_and_no_record(server: tuple[S3Options, FaultyProxy]) -> None:
    assert "secret=" not in repr(server[0])
