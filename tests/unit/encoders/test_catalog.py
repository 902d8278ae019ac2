from __future__ import annotations

import json
import re
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


def test_every_spelling_of_a_model_is_found_and_means_one() -> None:
    spellings: dict[str, str] = {}
    for row in catalog.ROWS:
        for spelling in (row.name, *row.aliases):
            assert spellings.setdefault(spelling, row.name) == row.name
            assert catalog.find(spelling) is row
    for spelling in ("ViT-B-32/openai", "ViT-B-32 (openai)", "openai/clip-vit-base-patch32"):
        assert spellings[spelling] == "clip-vit-b-32-openai"


def test_names_are_fit_for_folders_and_files_stay_inside() -> None:
    for row in catalog.ROWS:
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", row.name), row.name
        for name in row.files:
            parts = Path(name).parts
            assert not Path(name).is_absolute()
            assert ".." not in parts


def test_rows_say_all_that_their_encoder_needs() -> None:
    for row in catalog.ROWS:
        assert row.licence
        assert row.size_bytes > 0 or row.family == "starter"
        named = {row.picture_file, row.words_file, row.tokenizer_file} - {None}
        assert named <= set(row.files), row.name
        if row.family in ("clip", "siglip"):
            assert row.activation
            assert row.input_size
            assert row.context_length
            assert len(named) == 3
        if row.family == "text":
            assert row.pooling
            assert row.context_length


def test_only_quick_gelu_is_right_for_openai_s_weights_and_only_there() -> None:
    for row in catalog.ROWS:
        if row.family == "clip":
            assert (row.activation == "quick_gelu") == (row.pretrained == "openai"), row.name


@pytest.mark.parametrize("name", ["faster-whisper-turbo", "yunet", "sface", "transnetv2", "bge-m3"])
def test_a_model_for_something_else_is_not_loaded_for_pictures(name: str) -> None:
    row = catalog.find(name)
    with pytest.raises(ModelUnavailable, match=f"{name} is for {row.task}"):
        catalog.load(name)


def own(folder: Path, **changes: object) -> Path:
    """A model made here: its manifest says what it is."""
    row: dict[str, object] = {
        "name": "mine",
        "family": "clip",
        "pretrained": "mine.safetensors",
        "precision": "fp32",
        "licence": "MIT",
        "task": "pictures by words and by likeness",
        "files": ["picture.onnx"],
        "mean": [0.1, 0.2, 0.3],
        "later": "a field of a later version",
    }
    place = folder / "mine"
    place.mkdir(parents=True, exist_ok=True)
    content = {name: value for name, value in (row | changes).items() if value is not None}
    (place / "manifest.json").write_text(json.dumps({"files": [], "row": content}))
    return place


def test_a_model_made_here_is_found_by_the_row_in_its_manifest(tmp_path: Path) -> None:
    own(tmp_path)
    row = catalog.find("mine", tmp_path)
    assert (row.files, row.mean, row.filter) == (("picture.onnx",), (0.1, 0.2, 0.3), "bicubic")
    assert catalog.own_rows(tmp_path) == (row,)
    with pytest.raises(NotFound):
        catalog.find("mine")
    with pytest.raises(NotFound, match="mine"):
        catalog.find("other", tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"), [({"family": None}, "no family"), ({"name": "theirs"}, "called theirs")]
)
def test_a_row_that_does_not_fit_its_folder_is_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    own(tmp_path, **changes)
    with pytest.raises(WeightsCorrupt, match=said):
        catalog.find("mine", tmp_path)


def test_a_manifest_that_is_no_json_is_refused_only_where_it_is_needed(tmp_path: Path) -> None:
    (own(tmp_path) / "manifest.json").write_text("{")
    assert catalog.find("starter", tmp_path).name == "starter"
    with pytest.raises(WeightsCorrupt, match="manifest"):
        catalog.find("mine", tmp_path)
