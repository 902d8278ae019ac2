"""The store on a hub, a disk and a folder that misbehave: a clear message, and never half a model."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from heimdex.errors import DownloadFailed, HeimdexError, HubUnavailable, ModelError, StorageFull
from heimdex.inference.model_store import ModelStore
from tests.hub_stub import OTHER_COMMIT, Fault, HubStub, hub_stub
from tests.unit.inference.store_kit import (
    CONFIG,
    CONTENT,
    GRAPH,
    REPOSITORY,
    WANTED,
    WORDS,
    installed,
    left_behind,
    publish,
    store_of,
)

HALF = len(CONTENT[GRAPH]) // 2
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def hub() -> Iterator[HubStub]:
    with hub_stub() as running:
        publish(running)
        yield running


def refused(store: ModelStore, error: type[HeimdexError], message: str) -> str:
    """The message of a pull that fails; nothing may be installed after it."""
    with pytest.raises(error, match=message) as caught:
        store.pull(WANTED)
    assert not store.folder("clip").exists()
    assert store.standing(WANTED).state in ("missing", "unfinished")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def then_all_is_well(hub: HubStub, store: ModelStore) -> None:
    hub.faults.clear()
    hub.repositories[REPOSITORY].fault = None
    store.pull(WANTED)
    assert installed(store) == CONTENT
    assert store.faults(WANTED) == ()
    assert left_behind(store) == []


def test_a_body_shorter_than_listed_is_no_model(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(short_by=7)
    store = store_of(hub, tmp_path)
    refused(store, DownloadFailed, r"sends 299,993 of the 300,000 bytes of onnx/vision_model\.onnx")
    then_all_is_well(hub, store)


def test_a_body_longer_than_listed_is_no_model(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(body=CONTENT[GRAPH] + b"more")
    store = store_of(hub, tmp_path)
    refused(store, DownloadFailed, "more than the 300,000 bytes")
    then_all_is_well(hub, store)


@pytest.mark.parametrize("name", [GRAPH, CONFIG])
def test_a_wrong_checksum_is_no_model_and_the_bytes_are_thrown_away(
    hub: HubStub, tmp_path: Path, name: str
) -> None:
    hub.faults[name] = Fault(flip=True)
    store = store_of(hub, tmp_path)
    refused(store, DownloadFailed, f"{name}.*another checksum.*thrown away")
    assert [path for path in left_behind(store) if path.endswith(".part")] == []
    then_all_is_well(hub, store)


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (404, {"X-Error-Code": "EntryNotFound"}, DownloadFailed, r"no file onnx/vision_model\.onnx"),
        (404, {}, DownloadFailed, "no file"),
        (401, {}, DownloadFailed, r"shows no repository somebody/clip \(401\).*HEIMDEX_HUB_TOKEN"),
        (403, {}, DownloadFailed, r"forbids somebody/clip \(as told\).*HEIMDEX_HUB_TOKEN"),
        (403, {"X-Error-Code": "GatedRepo"}, DownloadFailed, "gated: accept its licence at http"),
        (418, {}, DownloadFailed, "answered 418"),
        (429, {"Retry-After": "60"}, HubUnavailable, r"left alone for 60 s \(429\)"),
        (500, {}, HubUnavailable, r"ill \(500\)"),
        (503, {}, HubUnavailable, r"ill \(503\)"),
    ],
)
def test_a_file_that_is_refused_is_said_clearly(
    hub: HubStub,
    tmp_path: Path,
    status: int,
    headers: dict[str, str],
    error: type[HeimdexError],
    message: str,
) -> None:
    hub.faults[GRAPH] = Fault(status=status, headers=headers)
    store = store_of(hub, tmp_path)
    refused(store, error, message)
    then_all_is_well(hub, store)


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (401, {"X-Error-Code": "RepoNotFound"}, DownloadFailed, "no repository somebody/clip"),
        (401, {"X-Error-Code": "GatedRepo"}, DownloadFailed, "gated"),
        (403, {}, DownloadFailed, "forbids"),
        (404, {"X-Error-Code": "RevisionNotFound"}, DownloadFailed, "no longer has the revision"),
        (429, {"Retry-After": "60"}, HubUnavailable, "for 60 s"),
        (429, {"RateLimit": '"api";r=0;t=70'}, HubUnavailable, "for 70 s"),
        (500, {}, HubUnavailable, "ill"),
    ],
)
def test_a_repository_that_is_refused_is_said_clearly(
    hub: HubStub,
    tmp_path: Path,
    status: int,
    headers: dict[str, str],
    error: type[HeimdexError],
    message: str,
) -> None:
    hub.repositories[REPOSITORY].fault = Fault(status=status, headers=headers)
    store = store_of(hub, tmp_path)
    refused(store, error, message)
    then_all_is_well(hub, store)


def test_an_unknown_repository_is_said_clearly(hub: HubStub, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="no repository nobody/nothing"):
        store_of(hub, tmp_path).pull(replace(WANTED, repository="nobody/nothing"))


def test_a_file_that_was_moved_is_said_clearly(hub: HubStub, tmp_path: Path) -> None:
    del hub.repositories[REPOSITORY].files[WORDS]
    refused(store_of(hub, tmp_path), DownloadFailed, r"has no tokenizer\.json at main")
    assert hub.asked("/resolve/") == []


@pytest.mark.parametrize("where", ["listing", "file"])
def test_a_hub_that_asks_to_wait_is_waited_for(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("heimdex.inference.hub.time.sleep", waits.append)
    fault = Fault(status=429, headers={"Retry-After": "3"}, times=2)
    if where == "file":
        hub.faults[GRAPH] = fault
    else:
        hub.repositories[REPOSITORY].fault = fault
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    assert installed(store) == CONTENT
    assert waits == [3.0, 3.0]


def test_a_hub_that_falls_ill_for_a_while_is_asked_again(hub: HubStub, tmp_path: Path) -> None:
    hub.repositories[REPOSITORY].fault = Fault(status=502, times=2)
    hub.faults[GRAPH] = Fault(status=500, times=2)
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    assert installed(store) == CONTENT


def test_a_download_cut_at_half_goes_on_from_there(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(cut_at=HALF, times=1)
    store = store_of(hub, tmp_path)
    done = store.pull(WANTED)
    assert hub.ranges(GRAPH) == [None, None, f"bytes={HALF}-", f"bytes={HALF}-"]  # asked, then sent elsewhere
    assert done.downloaded_bytes == sum(map(len, CONTENT.values())) == hub.sent_bytes
    assert installed(store) == CONTENT


def test_a_pull_that_failed_goes_on_the_next_time(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[WORDS] = Fault(cut_at=20_000)
    store = store_of(hub, tmp_path)
    refused(store, HubUnavailable, "cannot be reached")
    assert store.standing(WANTED).size_bytes == len(CONTENT[GRAPH]) + 20_000
    hub.requests.clear()
    then_all_is_well(hub, store)
    assert hub.asked(GRAPH) == []
    assert hub.ranges(f"/cdn/{REPOSITORY}/{WORDS}") == ["bytes=20000-"]


def test_a_hub_without_ranges_sends_the_whole_again(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(cut_at=HALF)
    store = store_of(hub, tmp_path)
    refused(store, HubUnavailable, "cannot be reached")
    hub.faults[GRAPH] = Fault(no_ranges=True)
    done = store.pull(WANTED)
    assert done.downloaded_bytes == sum(map(len, CONTENT.values()))
    assert installed(store) == CONTENT


def test_a_beginning_damaged_on_this_disk_is_fetched_once_more(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(cut_at=HALF)
    store = store_of(hub, tmp_path)
    refused(store, HubUnavailable, "cannot be reached")
    (part,) = (store.models_dir / ".staging").rglob("*.part")
    part.write_bytes(bytes(HALF))
    then_all_is_well(hub, store)


def test_leftovers_of_another_version_are_not_gone_on_with(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(cut_at=HALF)
    store = store_of(hub, tmp_path)
    refused(store, HubUnavailable, "cannot be reached")
    newer = {**CONTENT, GRAPH: CONTENT[GRAPH][::-1]}
    publish(hub, newer)
    hub.faults.clear()
    store.pull(WANTED)
    assert installed(store) == newer
    assert left_behind(store) == []


def test_a_commit_that_changes_in_the_middle_of_a_pull_ends_it(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[WORDS] = Fault(commit=OTHER_COMMIT)
    store = store_of(hub, tmp_path)
    refused(store, DownloadFailed, r"tokenizer\.json comes from commit ffffffffffff")
    then_all_is_well(hub, store)


def test_a_hub_that_falls_silent_is_given_up_and_gone_on_with(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(cut_at=HALF, silent_s=2.0)
    store = store_of(hub, tmp_path, silence_s=0.5, attempts=2)
    refused(store, HubUnavailable, "timed out")
    then_all_is_well(hub, store)
    assert f"bytes={HALF}-" in hub.ranges()


def test_a_slow_hub_is_waited_for_while_bytes_come(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(bytes_per_s=200_000)
    store = store_of(hub, tmp_path, silence_s=1.0)
    store.pull(WANTED)
    assert installed(store) == CONTENT
    assert hub.ranges(f"/cdn/{REPOSITORY}/{GRAPH}") == [None]


def test_too_little_room_is_said_before_anything_is_downloaded(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 10**5, 10**5))
    refused(store_of(hub, tmp_path), StorageFull, r"0 MB are needed in .*models.*HEIMDEX_MODELS_DIR")
    assert hub.asked("/resolve/") == []


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory of its own; skips where none can be had."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_the_pull_and_keeps_what_fits(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 10**9))
    with mounted(tmp_path / "disk", "size=128k") as small:
        store = store_of(hub, small)
        refused(store, StorageFull, "No space left for models in")
        assert store.standing(WANTED).state == "unfinished"
        store.remove("clip")
        assert left_behind(store) == []


def test_a_read_only_disk_is_said_clearly(hub: HubStub, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "ro") as folder:
        refused(store_of(hub, folder), ModelError, r"Read-only file system.*HEIMDEX_MODELS_DIR")
    assert hub.requests == []


def test_no_space_while_writing_is_said_clearly(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = store_of(hub, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("heimdex.inference.staging.os.fsync", full)
        refused(store, StorageFull, "No space left for models in")
    then_all_is_well(hub, store)
    assert hub.sent_bytes == sum(map(len, CONTENT.values())), "nothing was downloaded twice"


def test_a_folder_that_cannot_be_made_is_said_clearly(hub: HubStub, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where a folder belongs")
    with pytest.raises(ModelError, match=r"cannot be kept in .*HEIMDEX_MODELS_DIR"):
        store_of(hub, tmp_path).pull(WANTED)
    assert hub.requests == []


def test_a_read_only_folder_is_verified_all_the_same(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    shutil.rmtree(store.models_dir / ".staging")
    before = sorted(store.models_dir.rglob("*"))
    assert store.faults(WANTED) == ()
    assert store.standing(WANTED).state == "installed"
    assert sorted(store.models_dir.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped", "a/../../escaped", "a\\..\\b", "", "a//b", "."]
)
def test_an_odd_name_never_leaves_the_folder(hub: HubStub, tmp_path: Path, name: str) -> None:
    publish(hub, {**CONTENT, name: b"escaped"})
    store = store_of(hub, tmp_path)
    with pytest.raises(ModelError, match="no place in a model's folder"):
        store.pull(replace(WANTED, files=(*WANTED.files, name)))
    assert not store.folder("clip").exists()
    assert list(tmp_path.rglob("*escaped*")) == []


def test_odd_names_in_the_hubs_listing_are_not_looked_at(hub: HubStub, tmp_path: Path) -> None:
    hub.repositories[REPOSITORY].listed_too = {"../escaped": b"x", "/etc/escaped": b"x", "": b"x"}
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    assert installed(store) == CONTENT
    assert list(tmp_path.rglob("*escaped*")) == []


def test_a_listing_without_checksums_downloads_nothing(hub: HubStub, tmp_path: Path) -> None:
    listing = (
        f'{{"id": "{REPOSITORY}", "sha": "{"a" * 40}", "siblings": ['
        + ", ".join(f'{{"rfilename": "{name}"}}' for name in CONTENT)
        + "]}"
    )
    hub.repositories[REPOSITORY].fault = Fault(body=listing.encode())
    refused(store_of(hub, tmp_path), DownloadFailed, "states no size and checksum")
    assert hub.asked("/resolve/") == []
