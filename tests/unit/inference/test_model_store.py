"""The store on a sound hub: what is pulled, what is not asked twice, what is mended."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heimdex.errors import DownloadFailed, HubUnavailable, ModelError, ModelUnavailable
from heimdex.inference.installing import Transfer
from heimdex.inference.weights import open_weights, read_manifest
from tests.hub_stub import Fault, HubStub, git_id, hub_stub
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

TOTAL = sum(map(len, CONTENT.values()))


@pytest.fixture
def hub() -> Iterator[HubStub]:
    with hub_stub() as running:
        publish(running)
        yield running


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_pulled_model_has_its_files_and_a_manifest_that_opens_them(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    assert store.standing(WANTED).state == "missing"
    done = store.pull(WANTED)
    assert (done.changed, done.size_bytes, done.downloaded_bytes) == (True, TOTAL, TOTAL)
    assert installed(store) == CONTENT
    assert left_behind(store) == []
    assert manifest(store)["commit"] == done.commit == hub.repositories[REPOSITORY].commit
    assert manifest(store)["repository"] == REPOSITORY
    entries = {entry.name: entry for entry in read_manifest(store.folder("clip"))}
    assert {name: entry.sha256 for name, entry in entries.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()
    }
    assert {entry.licence for entry in entries.values()} == {"MIT"}
    assert open_weights(store.folder("clip"), GRAPH).path.read_bytes() == CONTENT[GRAPH]
    assert store.standing(WANTED).state == "installed"
    assert store.faults(WANTED) == ()


def test_what_is_installed_is_not_asked_for_again(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    asked = len(hub.requests)
    assert not store.pull(WANTED).changed
    assert len(hub.requests) == asked


def test_a_new_commit_is_pulled_when_asked_for_and_only_what_changed(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    changed = {**CONTENT, WORDS: b"other words"}
    commit = publish(hub, changed)
    assert not store.pull(WANTED).changed
    done = store.pull(WANTED, again=True)
    assert (done.commit, done.downloaded_bytes) == (commit, len(b"other words"))
    assert installed(store) == changed
    assert left_behind(store) == []


def test_a_row_that_names_another_commit_is_pulled_anew(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    old = store.pull(WANTED).commit
    assert old is not None
    assert not store.pull(replace(WANTED, revision=old)).changed
    new = publish(hub, {**CONTENT, CONFIG: b"{}"})
    assert store.pull(replace(WANTED, revision=new)).commit == new


def test_progress_reaches_the_whole(hub: HubStub, tmp_path: Path) -> None:
    seen: list[Transfer] = []
    store_of(hub, tmp_path).pull(WANTED, on_transfer=seen.append)
    loading = [transfer for transfer in seen if transfer.step == "downloading"]
    assert {transfer.total_bytes for transfer in loading} == {TOTAL}
    assert loading[-1].done_bytes == TOTAL
    assert [t.done_bytes for t in loading] == sorted(t.done_bytes for t in loading)


def test_nothing_is_asked_of_the_hub_but_the_model(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".cache/huggingface").mkdir(parents=True)
    (home / ".cache/huggingface/token").write_text("hf_secret")
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AI_AGENT", "some-agent")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(home / ".cache/huggingface/token"))
    # Whatever the client asks of its own accord should reach the stub, to be seen there.
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr("huggingface_hub.constants.AGENT_HARNESSES_PATH", str(home / "harnesses"))
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", None)
    store_of(hub, tmp_path).pull(WANTED)
    allowed = (f"/api/models/{REPOSITORY}/", f"/{REPOSITORY}/resolve/", f"/cdn/{REPOSITORY}/")
    assert [request.path for request in hub.requests if not request.path.startswith(allowed)] == []
    for request in hub.requests:
        assert "authorization" not in request.headers
        assert "agent/" not in request.headers["user-agent"]
        assert "torch" not in request.headers["user-agent"]


def test_a_token_that_was_given_is_sent_to_the_hub_and_to_nobody_else(hub: HubStub, tmp_path: Path) -> None:
    hub.store_url = hub.url.replace("127.0.0.1", "localhost")
    store = store_of(hub, tmp_path, token="hf_given")
    store.pull(WANTED)
    assert hub.asked("/cdn/")
    assert not any("authorization" in request.headers for request in hub.asked("/cdn/")), "another host"
    assert {r.headers.get("authorization") for r in hub.asked("/api/")} == {"Bearer hf_given"}
    assert {r.headers.get("authorization") for r in hub.asked("/resolve/")} == {"Bearer hf_given"}
    assert "hf_given" not in repr(store._sources.hub.options)


def test_offline_nothing_is_asked(hub: HubStub, tmp_path: Path) -> None:
    with pytest.raises(HubUnavailable, match=r"HEIMDEX_HUB_OFFLINE is on.*the starter included"):
        store_of(hub, tmp_path, offline=True).pull(WANTED)
    assert hub.requests == []


def test_the_clients_own_offline_switch_is_heeded(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnavailable, match="HF_HUB_OFFLINE is on"):
        store_of(hub, tmp_path).pull(WANTED)
    assert hub.requests == []


def test_a_limit_holds_the_download_back(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    now = [0.0]

    def sleep(duration_s: float) -> None:
        pauses.append(duration_s)
        now[0] += duration_s

    monkeypatch.setattr("heimdex.inference.hub.time.sleep", sleep)
    monkeypatch.setattr("heimdex.inference.hub.time.monotonic", lambda: now[0])
    store_of(hub, tmp_path, limit_bytes_per_s=100_000).pull(WANTED)
    assert sum(pauses) == pytest.approx(TOTAL / 100_000)


@pytest.mark.parametrize("hard_links", [True, False])
def test_files_of_a_hugging_face_cache_are_taken_and_the_cache_is_left_as_it_was(
    hub: HubStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    cache = tmp_path / "cache"
    snapshot = a_cache(cache, hub.repositories[REPOSITORY].commit, CONTENT)
    (snapshot / WORDS).resolve().write_bytes(b"damaged")
    if not hard_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse_links)
    before = facts_below(cache)
    done = store_of(hub, tmp_path, cache_dir=cache).pull(WANTED)
    assert done.downloaded_bytes == len(CONTENT[WORDS])
    assert installed(store_of(hub, tmp_path)) == CONTENT
    assert facts_below(cache) == before
    store_of(hub, tmp_path).remove("clip")
    assert facts_below(cache) == before


def test_a_cache_without_links_serves_too(hub: HubStub, tmp_path: Path) -> None:
    snapshot = tmp_path / "cache" / "models--somebody--clip" / "snapshots" / "0" / "onnx"
    snapshot.mkdir(parents=True)
    (snapshot / "vision_model.onnx").write_bytes(CONTENT[GRAPH])
    done = store_of(hub, tmp_path, cache_dir=tmp_path / "cache").pull(WANTED)
    assert done.downloaded_bytes == TOTAL - len(CONTENT[GRAPH])


def refuse_links(*_: object) -> None:
    raise OSError(18, "Invalid cross-device link")


def a_cache(cache: Path, commit: str, content: dict[str, bytes]) -> Path:
    """The layout that huggingface_hub makes; returns the snapshot."""
    repository = cache / "models--somebody--clip"
    (repository / "blobs").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    for name, body in content.items():
        etag = git_id(body) if name == CONFIG else hashlib.sha256(body).hexdigest()
        (repository / "blobs" / etag).write_bytes(body)
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(repository / "blobs" / etag)
    return snapshot


def facts_below(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


def test_every_sort_of_fault_is_named(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    folder = store.folder("clip")
    flip(folder / GRAPH)
    os.truncate(folder / WORDS, 10)
    (folder / CONFIG).unlink()
    (folder / "onnx/more.bin").write_bytes(b"?")
    found = {fault.file: fault.kind for fault in store.faults(WANTED)}
    assert found == {
        GRAPH: "flipped",
        WORDS: "truncated",
        CONFIG: "missing",
        "onnx/more.bin": "surplus",
    }
    assert store.standing(WANTED).state == "damaged"


def test_mending_downloads_the_damaged_files_only(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    before = manifest(store)
    folder = store.folder("clip")
    flip(folder / WORDS)
    (folder / "surplus").write_bytes(b"?")
    publish(hub, CONTENT)
    hub.requests.clear()
    done = store.mend(WANTED, store.faults(WANTED))
    assert done.downloaded_bytes == len(CONTENT[WORDS])
    assert {request.path for request in hub.asked("/cdn/")} == {f"/cdn/{REPOSITORY}/{WORDS}"}
    assert store.faults(WANTED) == ()
    assert manifest(store) == before
    assert left_behind(store) == []


def test_surplus_files_go_without_asking_the_hub(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    (store.folder("clip") / "surplus").write_bytes(b"?")
    hub.requests.clear()
    store.mend(WANTED, store.faults(WANTED))
    assert installed(store) == CONTENT
    assert hub.requests == []


def test_a_lost_manifest_is_written_anew_without_downloading(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    (store.folder("clip") / "manifest.json").write_text("{")
    (fault,) = (fault for fault in store.faults(WANTED))
    assert (fault.file, fault.kind) == ("manifest.json", "manifest")
    assert store.mend(WANTED, (fault,)).downloaded_bytes == 0
    assert store.faults(WANTED) == ()


def test_a_model_is_not_mended_with_another_version(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    publish(hub, {**CONTENT, GRAPH: b"newer"})
    os.truncate(store.folder("clip") / WORDS, 10)
    with pytest.raises(DownloadFailed, match=r"another version.*pull clip --again"):
        store.mend(WANTED, store.faults(WANTED))
    assert store.pull(WANTED, again=True).changed


def test_a_manifest_that_points_outside_is_not_followed(hub: HubStub, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    wanted = replace(WANTED, files=("../../secret",))
    store = store_of(hub, tmp_path)
    (store.folder("clip")).mkdir(parents=True)
    entry = '{"name": "../../secret", "size_bytes": 6, "sha256": "0", "licence": "", "source": ""}'
    (store.folder("clip") / "manifest.json").write_text(f'{{"files": [{entry}]}}')
    with pytest.raises(ModelError, match="no place in a model's folder"):
        store.faults(wanted)


def test_a_removed_model_is_gone_and_so_is_an_unfinished_one(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    assert store.remove("clip") > TOTAL
    assert store.standing(WANTED).state == "missing"
    with pytest.raises(ModelUnavailable, match="nothing to remove"):
        store.remove("clip")
    hub.faults[GRAPH] = Fault(cut_at=1000)
    with pytest.raises(HubUnavailable):
        store.pull(WANTED)
    assert store.standing(WANTED).state == "unfinished"
    store.remove("clip")
    assert left_behind(store) == []


def test_a_swap_that_was_killed_half_way_is_undone(hub: HubStub, tmp_path: Path) -> None:
    store = store_of(hub, tmp_path)
    store.pull(WANTED)
    store.folder("clip").rename(store.models_dir / ".staging" / "clip.old")
    assert not store.pull(WANTED).changed
    assert installed(store) == CONTENT
    assert left_behind(store) == []


def test_nobody_there_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(HubUnavailable, match=r"cannot be reached.*the starter included") as caught:
        store_of(HubStub(url), tmp_path).pull(WANTED)
    assert "\n" not in str(caught.value)


def test_a_page_in_place_of_the_hub_is_recognised(hub: HubStub, tmp_path: Path) -> None:
    answers: list[Any] = [b"<html>Please log in to this network</html>", b"[]", b"{}", b'{"id": 1}']
    for body in answers:
        hub.repositories[REPOSITORY].fault = Fault(body=body)
        with pytest.raises(HubUnavailable, match="is no model hub"):
            store_of(hub, tmp_path).pull(WANTED)
