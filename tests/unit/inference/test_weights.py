from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.errors import ModelUnavailable, WeightsCorrupt
from heimdex.inference import weights
from heimdex.inference.weights import check_file, open_weights, read_manifest
from tests.unit.inference.tiny_graph import weights_folder

CONTENT = b"weights" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return weights_folder(tmp_path / "weights", {"a.onnx": CONTENT, "b.onnx": b"other"})


@pytest.fixture(autouse=True)
def _a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_checked", set())


def same_size_other_bytes(path: Path) -> None:
    facts = path.stat()
    path.write_bytes(b"W" + path.read_bytes()[1:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))


def test_sound_weights_open_with_their_checksum(folder: Path) -> None:
    found = open_weights(folder, "a.onnx")
    assert found.path.read_bytes() == CONTENT
    assert found.sha256 == read_manifest(folder)[0].sha256


def test_a_file_cut_short_is_refused_with_its_mend(folder: Path) -> None:
    (folder / "a.onnx").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsCorrupt, match=r"699 bytes where 700 belong.*models pull"):
        open_weights(folder, "a.onnx")


def test_a_changed_byte_is_refused(folder: Path) -> None:
    same_size_other_bytes(folder / "a.onnx")
    with pytest.raises(WeightsCorrupt, match="checksum"):
        open_weights(folder, "a.onnx")


def test_a_byte_changed_after_the_first_opening_is_still_noticed(folder: Path, tmp_path: Path) -> None:
    open_weights(folder, "a.onnx", tmp_path / "memo")
    same_size_other_bytes(folder / "a.onnx")
    with pytest.raises(WeightsCorrupt, match="checksum"):
        open_weights(folder, "a.onnx", tmp_path / "memo")


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    checked: list[str] = []
    true_check = check_file

    def counting(folder: Path, entry: weights.WeightsFile) -> None:
        checked.append(entry.name)
        true_check(folder, entry)

    monkeypatch.setattr(weights, "check_file", counting)
    return checked


def test_a_file_is_read_through_once_in_a_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = count_checks(monkeypatch)
    open_weights(folder, "a.onnx")
    open_weights(folder, "a.onnx")
    open_weights(folder, "b.onnx")
    assert checked == ["a.onnx", "b.onnx"]


def test_the_next_process_takes_the_memo_s_word(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = count_checks(monkeypatch)
    for _ in range(2):
        monkeypatch.setattr(weights, "_checked", set())
        open_weights(folder, "a.onnx", tmp_path / "memo")
    assert checked == ["a.onnx"]


def test_a_memo_folder_that_cannot_be_made_only_means_checking_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "memo").touch()
    assert open_weights(folder, "a.onnx", tmp_path / "memo").path.exists()


def test_a_missing_file_and_a_missing_folder_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    (folder / "a.onnx").unlink()
    for where, name in ((folder, "a.onnx"), (folder, "c.onnx"), (tmp_path / "none", "a.onnx")):
        with pytest.raises(ModelUnavailable, match="models pull"):
            open_weights(where, name)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": [{"name": "a"}]}', '{"files": 3}'])
def test_a_manifest_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(WeightsCorrupt, match="manifest"):
        read_manifest(folder)


def test_the_packaged_weights_are_what_their_manifest_says_and_small() -> None:
    entries = read_manifest(WEIGHTS_FOLDER)
    for entry in entries:
        check_file(WEIGHTS_FOLDER, entry)
        assert "Apache-2.0" in entry.licence
    assert sum(entry.size_bytes for entry in entries) <= 30_000_000
    listed = {entry.name for entry in entries} | {"manifest.json"}
    assert {path.name for path in WEIGHTS_FOLDER.iterdir()} == listed
    assert json.loads((WEIGHTS_FOLDER / "manifest.json").read_bytes())["files"]
