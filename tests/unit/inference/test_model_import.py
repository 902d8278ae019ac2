"""Models from folders, for machines without internet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heimdex.errors import HubUnavailable, ModelError, ModelUnavailable, StorageFull, WeightsCorrupt
from heimdex.inference.hub_listing import Listing
from heimdex.inference.model_store import ModelStore
from tests.hub_stub import HubStub, hub_stub
from tests.unit.inference.store_kit import (
    CONFIG,
    CONTENT,
    GRAPH,
    REPOSITORY,
    WANTED,
    WORDS,
    installed,
    left_behind,
    manifest,
    publish,
    store_of,
)
from tests.unit.inference.test_model_store import a_cache, facts_below, flip

COMMIT = "0123456789" * 4


@pytest.fixture
def hub() -> Iterator[HubStub]:
    with hub_stub() as running:
        yield running


@pytest.fixture
def store(hub: HubStub, tmp_path: Path) -> ModelStore:
    return store_of(hub, tmp_path, offline=True)


def lay(folder: Path, content: dict[str, bytes]) -> Path:
    for name, body in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


@pytest.mark.parametrize("place", ["", "hub", "hub/models--somebody--clip"])
def test_a_hugging_face_cache_is_imported_with_its_commit(
    store: ModelStore, tmp_path: Path, place: str
) -> None:
    a_cache(tmp_path / "usb" / "hub", COMMIT, CONTENT)
    before = facts_below(tmp_path / "usb")
    done = store.take_in(WANTED, tmp_path / "usb" / place)
    assert (done.changed, done.commit, done.downloaded_bytes) == (True, COMMIT, 0)
    assert installed(store) == CONTENT
    assert store.faults(WANTED) == ()
    assert left_behind(store) == []
    assert facts_below(tmp_path / "usb") == before
    assert not (store.folder("clip") / GRAPH).is_symlink()


def test_a_snapshot_is_imported(store: ModelStore, tmp_path: Path) -> None:
    snapshot = a_cache(tmp_path / "hub", COMMIT, CONTENT)
    assert store.take_in(WANTED, snapshot).commit == COMMIT
    assert installed(store) == CONTENT


@pytest.mark.parametrize("flat", [True, False])
def test_plain_files_are_imported_and_what_they_are_is_recorded(
    store: ModelStore, tmp_path: Path, flat: bool
) -> None:
    content = {Path(name).name if flat else name: body for name, body in CONTENT.items()}
    store.take_in(WANTED, lay(tmp_path / "usb", {**content, "readme.txt": b"?"}))
    assert installed(store) == CONTENT
    assert manifest(store)["commit"] is None
    assert store.standing(WANTED).state == "installed"


def test_a_models_folder_of_another_machine_is_imported_and_checked(
    hub: HubStub, store: ModelStore, tmp_path: Path
) -> None:
    commit = publish(hub)
    other = store_of(hub, tmp_path / "other")
    other.pull(WANTED)
    assert store.take_in(WANTED, other.models_dir).commit == commit
    store.remove("clip")
    assert store.take_in(WANTED, other.folder("clip")).commit == commit
    store.remove("clip")
    flip(other.folder("clip") / WORDS)
    with pytest.raises(WeightsCorrupt, match=r"tokenizer\.json is damaged"):
        store.take_in(WANTED, other.models_dir)
    assert store.standing(WANTED).state != "installed"


def test_a_damaged_cache_is_refused(store: ModelStore, tmp_path: Path) -> None:
    snapshot = a_cache(tmp_path / "hub", COMMIT, CONTENT)
    flip((snapshot / GRAPH).resolve())
    with pytest.raises(WeightsCorrupt, match=r"vision_model\.onnx is damaged"):
        store.take_in(WANTED, tmp_path)
    assert not store.folder("clip").exists()


def test_missing_files_are_named(store: ModelStore, tmp_path: Path) -> None:
    lay(tmp_path / "usb", {GRAPH: CONTENT[GRAPH]})
    with pytest.raises(ModelUnavailable, match=r"lacks tokenizer\.json, config\.json for clip") as caught:
        store.take_in(WANTED, tmp_path / "usb")
    assert REPOSITORY in str(caught.value)
    with pytest.raises(ModelUnavailable, match="no folder"):
        store.take_in(WANTED, tmp_path / "nowhere")
    assert not store.folder("clip").exists()


def test_leftovers_that_are_links_into_a_cache_are_not_written_through(
    hub: HubStub, store: ModelStore, tmp_path: Path
) -> None:
    commit = publish(hub)
    cache = tmp_path / "cache"
    snapshot = a_cache(cache, commit, CONTENT)
    (snapshot / CONFIG).unlink()
    hub.repositories[REPOSITORY].files[CONFIG] = b""  # the pull stops there, links made
    stopped = store_of(hub, tmp_path, cache_dir=cache)
    with pytest.raises(ModelError):
        stopped.pull(WANTED, replace_checksum(stopped))
    before = facts_below(cache)
    other = {GRAPH: b"another graph", WORDS: b"other words", CONFIG: b"{}"}
    store.take_in(WANTED, lay(tmp_path / "usb", other))
    assert installed(store) == other
    assert facts_below(cache) == before


def replace_checksum(store: ModelStore) -> Listing:
    listing = store.offer(WANTED)
    files = tuple(
        replace(file, checksum=replace(file.checksum, value="0" * 40)) if file.name == CONFIG else file
        for file in listing.files
    )
    return replace(listing, files=files)


def test_too_little_room_is_said_first(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heimdex.inference.installing.free_bytes", lambda _: 1000)
    with pytest.raises(StorageFull, match="MB are needed"):
        store.take_in(WANTED, lay(tmp_path / "usb", CONTENT))
    assert left_behind(store) == []


def test_an_imported_model_is_mended_only_by_the_same_version(
    hub: HubStub, store: ModelStore, tmp_path: Path
) -> None:
    store.take_in(WANTED, lay(tmp_path / "usb", CONTENT))
    (store.folder("clip") / WORDS).unlink()
    with pytest.raises(HubUnavailable, match="OFFLINE"):
        store.mend(WANTED, store.faults(WANTED))
    online = store_of(hub, tmp_path)
    publish(hub, {**CONTENT, GRAPH: b"newer"})
    with pytest.raises(ModelError, match="another version"):
        online.mend(WANTED, store.faults(WANTED))
    publish(hub)
    assert online.mend(WANTED, store.faults(WANTED)).downloaded_bytes == len(CONTENT[WORDS])
    assert store.faults(WANTED) == ()


def test_an_import_replaces_what_is_installed(store: ModelStore, tmp_path: Path) -> None:
    store.take_in(WANTED, lay(tmp_path / "usb", CONTENT))
    newer = {**CONTENT, WORDS: b"newer"}
    shutil.rmtree(tmp_path / "usb")
    store.take_in(WANTED, lay(tmp_path / "usb", newer))
    assert installed(store) == newer
    assert json.loads((store.folder("clip") / "manifest.json").read_bytes())["model"] == "clip"
