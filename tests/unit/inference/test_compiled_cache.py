from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from heimdex.inference.compiled_cache import CompiledCache

SIZE = 200_000


def write_often(folder: Path, letter: bytes) -> None:
    for _ in range(40):
        CompiledCache(folder).write("key", letter * SIZE)


def kept(cache: CompiledCache) -> bytes | None:
    found = cache.read("key")
    return None if found is None else found.tobytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "a" / "b")
    assert kept(cache) is None
    cache.write("key", b"graph")
    assert kept(cache) == b"graph"


@pytest.mark.parametrize("place", [0, 20, 60, -1], ids=["mark", "checksum", "graph", "end"])
def test_any_changed_byte_drops_the_file(tmp_path: Path, place: int) -> None:
    cache = CompiledCache(tmp_path)
    cache.write("key", bytes(100))
    content = bytearray(cache.path("key").read_bytes())
    content[place] ^= 1
    cache.path("key").write_bytes(content)
    assert kept(cache) is None
    assert not cache.path("key").exists()


def test_a_file_cut_short_is_dropped(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path)
    cache.write("key", bytes(100))
    content = cache.path("key").read_bytes()
    cache.path("key").write_bytes(content[:-7])
    assert kept(cache) is None


def test_two_processes_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path)
    whole = {b"a" * SIZE, b"b" * SIZE}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(write_often, tmp_path, letter) for letter in (b"a", b"b")]
        while not all(task.done() for task in running):
            found = kept(cache)
            assert found is None or found in whole
        for task in running:
            task.result()
    assert kept(cache) in whole
    assert [path.name for path in tmp_path.iterdir()] == ["key.blob"]


def test_a_folder_that_cannot_be_written_keeps_nothing_and_does_not_fail(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = CompiledCache(tmp_path / "file")
    cache.write("key", b"graph")
    assert kept(cache) is None


def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path)
    cache.path("key").mkdir()  # the rename onto it fails
    cache.write("key", b"graph")
    assert [path.name for path in tmp_path.iterdir()] == ["key.blob"]
