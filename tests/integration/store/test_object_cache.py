"""Copies of objects below the home: bounded, whole, and there for as long as somebody reads them."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from heimdex.errors import ObjectDamaged, ObjectMissing, StorageFull
from heimdex.store import object_cache
from heimdex.store.object_cache import ObjectCache, Wanted
from heimdex.store.objects import ObjectStore, open_objects
from heimdex.store.s3_shelf import S3Options
from tests.object_stores import FaultyProxy, faulty_server

KIB = 1 << 10
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[S3Options, FaultyProxy]]:
    with faulty_server() as found:
        yield found


@pytest.fixture
def store(server: tuple[S3Options, FaultyProxy], owner: str) -> ObjectStore:
    return open_objects(server[0], owner)


def put(store: ObjectStore, tmp_path: Path, name: str, size: int) -> Wanted:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    key = store.key("originals", name)
    return Wanted(key=key, sha256=store.put_file(key, source), size_bytes=size)


def unused_for(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def copies(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_the_longest_unused_copies_go_when_there_are_too_many(store: ObjectStore, tmp_path: Path) -> None:
    wanted = [put(store, tmp_path, name, 40 * KIB) for name in "abcd"]
    cache = ObjectCache(store, tmp_path / "cache", 100 * KIB)
    for age, one in zip((3000, 9000), wanted, strict=False):
        unused_for(cache.fetch(one), age)
    cache.fetch(wanted[2])
    assert copies(tmp_path / "cache") == {"a", "c"}, "b was unused for longest"
    cache.fetch(wanted[3])
    assert copies(tmp_path / "cache") == {"c", "d"}
    # What was used a moment ago stays, whatever the limit.
    cache.fetch(wanted[0])
    assert copies(tmp_path / "cache") == {"a", "c", "d"}
    assert cache.fetch(wanted[1]).stat().st_size == 40 * KIB, "what was evicted is fetched again"


def test_a_copy_that_is_used_again_counts_as_new(store: ObjectStore, tmp_path: Path) -> None:
    wanted = [put(store, tmp_path, name, 40 * KIB) for name in "abc"]
    cache = ObjectCache(store, tmp_path / "cache", 100 * KIB)
    for one in wanted[:2]:
        unused_for(cache.fetch(one), 9000)
    cache.fetch(wanted[0])
    cache.fetch(wanted[2])
    assert copies(tmp_path / "cache") == {"a", "c"}


def test_a_copy_that_is_held_is_not_evicted(store: ObjectStore, tmp_path: Path) -> None:
    wanted = [put(store, tmp_path, name, 40 * KIB) for name in "ab"]
    cache = ObjectCache(store, tmp_path / "cache", 50 * KIB)
    with cache.hold(wanted[0]) as path:
        unused_for(path, 9000)
        cache.fetch(wanted[1])
        assert path.is_file()
    ObjectCache(store, tmp_path / "cache", 50 * KIB).fetch(put(store, tmp_path, "c", KIB))
    assert not path.is_file()


def test_a_copy_of_another_size_is_fetched_again(store: ObjectStore, tmp_path: Path) -> None:
    wanted = put(store, tmp_path, "a", 40 * KIB)
    cache = ObjectCache(store, tmp_path / "cache", 1 << 20)
    cache.fetch(wanted).write_bytes(b"torn")
    assert cache.fetch(wanted).stat().st_size == 40 * KIB


def test_several_who_want_the_same_fetch_it_once(
    store: ObjectStore, server: tuple[S3Options, FaultyProxy], tmp_path: Path
) -> None:
    wanted = put(store, tmp_path, "a", 40 * KIB)
    cache = ObjectCache(store, tmp_path / "cache", 1 << 20)
    server[1].served.clear()
    threads = [threading.Thread(target=cache.fetch, args=(wanted,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [request for request in server[1].served if request.startswith("GET")] == ["GET fine"]


def test_what_is_missing_stays_so_and_what_is_damaged_is_told(store: ObjectStore, tmp_path: Path) -> None:
    there, wrong = put(store, tmp_path, "a", 10), put(store, tmp_path, "b", 10)
    missing = Wanted(key=store.key("originals", "none"), sha256="0" * 64, size_bytes=1)
    cache = ObjectCache(store, tmp_path / "cache", 1 << 20)
    assert [path.exists() for path in cache.fetch_all([there, missing])] == [True, False]
    with pytest.raises(ObjectMissing):
        cache.fetch(missing)
    with pytest.raises(ObjectDamaged):
        cache.fetch_all([there, Wanted(key=wrong.key, sha256="0" * 64, size_bytes=10)])
    assert copies(tmp_path / "cache") == {"a"}


def test_an_object_in_a_folder_is_read_in_place(tmp_path: Path, owner: str) -> None:
    store = open_objects(tmp_path / "objects", owner)
    wanted = put(store, tmp_path, "a", 10)
    cache = ObjectCache(store, tmp_path / "cache", 1 << 20)
    with cache.hold(wanted) as path:
        assert path == store.path(wanted.key)
    cache.forget(wanted.key)
    assert path.is_file()
    assert not (tmp_path / "cache").exists()


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    store: ObjectStore,
    server: tuple[S3Options, FaultyProxy],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, wanted = put(store, tmp_path, "old", 40 * KIB), put(store, tmp_path, "a", 80 * KIB)
    cache = ObjectCache(store, tmp_path / "cache", 1 << 30)
    unused_for(cache.fetch(old), 9000)
    spare = object_cache.SPARE_BYTES
    free = spare + 20 * KIB
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))
    server[1].served.clear()
    with pytest.raises(StorageFull, match="free some"):
        cache.fetch(wanted)
    assert server[1].served == []
    assert copies(tmp_path / "cache") == set(), "an old copy made what room it could"


def test_a_disk_that_fills_up_on_the_way_leaves_nothing_half_written(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = put(store, tmp_path, "a", 3 << 20)
    disk = tmp_path / "cache"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "heimdex-test", disk], check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 1 << 40))
        with pytest.raises(StorageFull, match="No space left"):
            ObjectCache(store, disk, 1 << 30).fetch(wanted)
        assert copies(disk) == set()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
