from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from heimdex.encoders import catalog
from heimdex.encoders.catalog import LoadOptions
from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.errors import ModelUnavailable, NotFound, WeightsCorrupt
from heimdex.inference.weights import read_manifest


def test_names_are_unique_and_found() -> None:
    assert len({row.name for row in catalog.ROWS}) == len(catalog.ROWS)
    for row in catalog.ROWS:
        assert catalog.find(row.name) is row


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"'clip-999'.*starter"):
        catalog.load("clip-999")


def test_every_file_of_a_packaged_model_is_in_the_manifest() -> None:
    listed = {entry.name for entry in read_manifest(WEIGHTS_FOLDER)}
    assert set(catalog.find("starter").files) <= listed


def test_another_device_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="cuda"):
        catalog.load("starter", LoadOptions(device="cuda"))


def test_a_model_without_its_weights_says_so_on_first_use(tmp_path: Path) -> None:
    encoder = catalog.load("starter", LoadOptions(weights_dir=tmp_path))
    with pytest.raises(ModelUnavailable, match="No weights are installed"):
        next(encoder.encode_words(["a dog"]))


def test_a_model_with_a_damaged_file_says_so_on_first_use(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS_FOLDER, folder)
    with (folder / "starter-vocabulary.npz").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff\xff\xff\xff")
    encoder = catalog.load("starter", LoadOptions(weights_dir=folder))
    with pytest.raises(WeightsCorrupt, match=r"starter-vocabulary\.npz"):
        next(encoder.encode_words(["a dog"]))


def test_a_fingerprint_changes_with_the_weights_only(tmp_path: Path) -> None:
    row = catalog.find("starter")
    shutil.copy(WEIGHTS_FOLDER / "manifest.json", tmp_path)
    options = LoadOptions(weights_dir=tmp_path)
    before = catalog.fingerprint(row, options)
    assert before == catalog.fingerprint(row, replace(options, precision="bf16", threads=1))
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    manifest["files"][1]["sha256"] = "0" * 64
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert catalog.fingerprint(row, options) != before
    del manifest["files"][1]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelUnavailable, match=r"starter-words\.onnx"):
        catalog.fingerprint(row, options)
