"""What every object store does: the folder of this machine, and S3 (moto's server)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from heimdex.entities.objects import escaped, shown_name
from heimdex.errors import ObjectDamaged, ObjectMissing, UnreadableFile, UploadBusy, UsageError
from heimdex.store.objects import ObjectStore, open_objects
from heimdex.store.s3_shelf import S3Options
from heimdex.store.shelf import PIECE_BYTES, PutOptions
from tests.object_stores import s3_server

NAMES = [
    "film.mp4",
    "My Film (1).MOV",
    "Füße 100%.mp4",
    "電影.mkv",
    "../../etc/passwd",
    "..",
    ".hidden",
    "/absolute/film.mp4",
    "C:\\films\\a.avi",
    "a!2Fb?c#d&e=f+g~h*i",
    "line\nbreak\ttab",
    "'; DROP TABLE heimdex.asset; --",
    "e\u0301.mp4",  # decomposed: the name comes back composed
]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Options]:
    with s3_server() as options:
        yield options


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, owner: str) -> ObjectStore:
    place = tmp_path / "objects" if request.param == "folder" else request.getfixturevalue("s3")
    return open_objects(place, owner)


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / "source"
    path.write_bytes(content)
    return path


def put(store: ObjectStore, tmp_path: Path, *parts: str, content: bytes = b"some bytes") -> str:
    key = store.key(*parts)
    store.put_file(key, file_of(tmp_path, content))
    return key


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 5])
def test_what_was_put_comes_back(store: ObjectStore, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    sha256 = hashlib.sha256(content).hexdigest()
    key = store.key("originals", "1", "film.mp4")
    assert store.put_file(key, file_of(tmp_path, content), sha256) == sha256
    assert store.head(key).size_bytes == size
    back = tmp_path / "back"
    store.get_to(key, back, sha256)
    assert back.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    assert (tmp_path / "source").exists()


def test_a_range_is_read_and_what_lies_behind_the_end_is_left_out(store: ObjectStore, tmp_path: Path) -> None:
    content = os.urandom(PIECE_BYTES + 100)
    key = put(store, tmp_path, "a", content=content)
    assert b"".join(store.read_range(key, 5, 10)) == content[5:15]
    assert b"".join(store.read_range(key, PIECE_BYTES - 5)) == content[PIECE_BYTES - 5 :]
    assert b"".join(store.read_range(key, PIECE_BYTES + 99, 1000)) == content[-1:]
    assert b"".join(store.read_range(key, PIECE_BYTES + 100, 1)) == b""
    assert b"".join(store.read_range(key, 7, 0)) == b""
    with pytest.raises(UsageError):
        store.read_range(key, -1)


def test_an_object_of_another_checksum_is_not_stored(store: ObjectStore, tmp_path: Path) -> None:
    for size in (10, 2 * PIECE_BYTES):
        key = store.key("originals", "wrong")
        with pytest.raises(ObjectDamaged, match="send it again"):
            store.put_file(key, file_of(tmp_path, os.urandom(size)), "0" * 64)
        assert not store.exists(key)


def test_an_object_that_is_not_what_was_put_is_not_handed_out(store: ObjectStore, tmp_path: Path) -> None:
    key = put(store, tmp_path, "a", content=b"other bytes")
    target = tmp_path / "target"
    target.write_bytes(b"before")
    with pytest.raises(ObjectDamaged):
        store.get_to(key, target, "0" * 64)
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["source", "target"]


@pytest.mark.parametrize("size", [0, 9, 11])
def test_an_object_of_another_size_than_on_record_is_not_handed_out(
    store: ObjectStore, tmp_path: Path, size: int
) -> None:
    key = put(store, tmp_path, "a", content=b"0123456789")
    store.get_to(key, tmp_path / "back", hashlib.sha256(b"0123456789").hexdigest(), size_bytes=10)
    assert (tmp_path / "back").read_bytes() == b"0123456789"
    put(store, tmp_path, "a", content=b"0123456789"[:size] if size < 10 else b"0123456789+")
    with pytest.raises(ObjectDamaged):
        store.get_to(key, tmp_path / "new", hashlib.sha256(b"0123456789").hexdigest(), size_bytes=10)
    assert not (tmp_path / "new").exists()


def test_a_missing_object_is_named(store: ObjectStore, tmp_path: Path) -> None:
    key = store.key("originals", "none")
    for work in (
        lambda: store.head(key),
        lambda: store.get_to(key, tmp_path / "x"),
        lambda: store.read_range(key),
    ):
        with pytest.raises(ObjectMissing, match=key):
            work()
    assert not store.exists(key)
    store.delete(key)  # no fault
    assert store.delete_prefix(store.key("nothing")) == 0
    assert list(store.list(store.key("nothing"))) == []
    assert store.folders(store.key("nothing")) == []


def test_a_source_that_is_not_there_is_named_and_nothing_is_stored(
    store: ObjectStore, tmp_path: Path
) -> None:
    key = store.key("a")
    with pytest.raises(UnreadableFile, match="nowhere"):
        store.put_file(key, tmp_path / "nowhere")
    assert not store.exists(key)


def test_what_is_put_again_replaces(store: ObjectStore, tmp_path: Path) -> None:
    key = put(store, tmp_path, "a", content=b"one")
    put(store, tmp_path, "a", content=b"two")
    assert b"".join(store.read_range(key)) == b"two"


def test_objects_are_listed_and_removed_by_their_prefix(store: ObjectStore, tmp_path: Path) -> None:
    keys = [put(store, tmp_path, *name.split("/")) for name in ("a/1/x", "a/1/y", "a/10/x", "b/1/x", "c")]
    assert sorted(found.key for found in store.list(store.key("a", "1"))) == keys[:2]
    assert sorted(found.key for found in store.list()) == sorted(keys)
    assert store.folders("") == ["a", "b"]
    assert store.folders(store.key("a")) == ["1", "10"]
    assert store.delete_prefix(store.key("a", "1")) == 2
    assert sorted(found.key for found in store.list()) == sorted(keys[2:])
    store.delete(*keys)
    assert list(store.list()) == []


def test_an_owner_sees_and_names_only_its_own(store: ObjectStore, tmp_path: Path) -> None:
    key = put(store, tmp_path, "a")
    other = store.for_owner("01234567-89ab-7def-8123-456789abcdef")
    assert list(other.list()) == []
    for work in (
        lambda: other.head(key),
        lambda: other.delete(key),
        lambda: other.put_file(key, tmp_path / "source"),
        lambda: other.get_to(key, tmp_path / "x"),
        lambda: other.presign(key, 60),
        lambda: other.path(key),
        lambda: other.list(key),
        lambda: other.delete_prefix(store.owner),
        lambda: other.folders(store.owner),
    ):
        with pytest.raises(UsageError, match="another owner's"):
            work()
    assert store.exists(key)


@pytest.mark.parametrize(
    "rest", ["../x", "a/../b", "a//b", "", "a/", ".", "a/.b", "a b", "ü", "a\0b", "a%2e", "x" * 201, "a\n"]
)
def test_a_key_that_was_not_escaped_is_refused(store: ObjectStore, tmp_path: Path, rest: str) -> None:
    for work in (lambda k: store.put_file(k, file_of(tmp_path, b"x")), store.head, store.delete, store.path):
        with pytest.raises(UsageError):
            work(f"{store.owner}/{rest}")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_makes_a_key_and_comes_back(store: ObjectStore, tmp_path: Path, name: str) -> None:
    key = put(store, tmp_path, "originals", "1", escaped(name), content=name.encode())
    assert b"".join(store.read_range(key)) == name.encode()
    assert [found.key for found in store.list()] == [key]
    assert shown_name(key) == name.replace("e\u0301", "é")
    store.delete(key)


def test_a_file_that_may_be_taken_is_gone_afterwards(store: ObjectStore, tmp_path: Path) -> None:
    content = os.urandom(1000)
    path, key = file_of(tmp_path, content), store.key("a")
    with pytest.raises(ObjectDamaged):
        store.put_file(key, path, "0" * 64, PutOptions(take=True))
    assert path.exists()
    store.put_file(key, path, hashlib.sha256(content).hexdigest(), PutOptions(take=True))
    assert not path.exists()
    assert b"".join(store.read_range(key)) == content


def test_a_file_that_was_proven_is_compared_on_its_way_and_may_be_stopped(
    store: ObjectStore, tmp_path: Path
) -> None:
    path, key = file_of(tmp_path, os.urandom(PIECE_BYTES + 1)), store.key("a")
    if store.is_shared:  # a folder takes it over as it is
        with pytest.raises(ObjectDamaged):
            store.put_file(key, path, "0" * 64, PutOptions(take=True, is_proven=True))

    def stop() -> None:
        raise UploadBusy("stopping")

    with pytest.raises(UploadBusy):
        store.put_file(key, path, None, PutOptions(check_stop=stop))
    assert path.exists()
    assert list(store.list()) == []
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert store.put_file(key, path, sha256, PutOptions(take=True, is_proven=True)) == sha256
    assert not path.exists()
    assert store.head(key).size_bytes == PIECE_BYTES + 1


def test_only_a_bucket_gives_addresses_and_only_a_folder_paths(store: ObjectStore, tmp_path: Path) -> None:
    key = put(store, tmp_path, "originals", "1", escaped("Füße.mp4"), content=b"film")
    address, path = store.presign(key, 60), store.path(key)
    if store.is_shared:
        assert path is None
        assert address is not None
        with urlopen(address) as answer:
            assert answer.read() == b"film"
            assert answer.headers["Content-Type"] == "video/mp4"
            assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''F%C3%BC%C3%9Fe.mp4"
    else:
        assert address is None
        assert path is not None
        assert path.read_bytes() == b"film"
    for seconds in (0, 8 * 86_400):
        with pytest.raises(UsageError):
            store.presign(key, seconds)


def test_the_probe_leaves_nothing_behind(store: ObjectStore) -> None:
    store.probe()
    assert list(store.list()) == []
