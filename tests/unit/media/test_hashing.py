"""A hash names content, or nothing at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import heimdex.media.hashing as hashing
from heimdex.errors import UnreadableFile


@pytest.mark.parametrize("size", [0, 1, hashing.READ_BYTES, 2 * hashing.READ_BYTES + 17])
def test_the_hash_is_sha256_of_the_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert hashing.content_hash(os.fsencode(path)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_file_that_changes_under_the_reader_has_no_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(bytes(3 * hashing.READ_BYTES))
    real = hashlib.sha256
    calls: list[int] = []

    class Meddling:
        def __init__(self) -> None:
            self._digest = real()

        def update(self, piece: memoryview) -> None:
            if not calls:
                with path.open(mode) as file:
                    file.write(b"more")
                os.utime(path, ns=(1, 1))
            calls.append(1)
            self._digest.update(piece)

        def hexdigest(self) -> str:
            return self._digest.hexdigest()

    monkeypatch.setattr(hashlib, "sha256", Meddling)
    with pytest.raises(UnreadableFile, match="changed while it was read"):
        hashing.content_hash(os.fsencode(path))


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        hashing.content_hash(os.fsencode(tmp_path / "gone"))
