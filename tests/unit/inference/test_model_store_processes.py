"""The store between processes: two pull at once, one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from heimdex.inference.model_store import ModelStore
from tests.hub_stub import Fault, HubStub, hub_stub
from tests.unit.inference.store_kit import (
    CONTENT,
    GRAPH,
    WANTED,
    installed,
    left_behind,
    publish,
    store_of,
)

TOTAL = sum(map(len, CONTENT.values()))
ROOT = Path(__file__).resolve().parents[3]
PULL = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from tests.hub_stub import HubStub
from tests.unit.inference.store_kit import WANTED, store_of

waited = []
def watch(transfer):
    if transfer.step == "waiting":
        waited.append(1)
        print("waiting", flush=True)
store = store_of(HubStub(sys.argv[1]), Path(sys.argv[2]))
done = store.pull(WANTED, on_transfer=watch)
print(json.dumps(asdict(done) | {"waited": bool(waited)}), flush=True)
"""


@pytest.fixture
def hub() -> Iterator[HubStub]:
    with hub_stub() as running:
        publish(running)
        yield running


def pulling(hub: HubStub, folder: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, "-c", PULL, hub.url, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s, "it never came to that"
        time.sleep(0.01)


def part_bytes(store: ModelStore) -> int:
    return sum(path.stat().st_size for path in (store.models_dir / ".staging").rglob("*.part"))


def test_of_two_processes_one_downloads_and_the_other_finds_it_done(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(bytes_per_s=200_000)
    store = store_of(hub, tmp_path)
    with pulling(hub, tmp_path) as first:
        until(lambda: part_bytes(store) > 0)
        with pulling(hub, tmp_path) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting\n"
            assert not store.folder("clip").exists()
            done = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]
    assert [one["changed"] for one in done] == [True, False]
    assert [one["waited"] for one in done] == [False, True]
    assert hub.sent_bytes == TOTAL
    assert installed(store) == CONTENT


def test_after_a_kill_nothing_is_installed_and_the_next_pull_goes_on(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(bytes_per_s=200_000)
    store = store_of(hub, tmp_path)
    with pulling(hub, tmp_path) as process:
        until(lambda: part_bytes(store) > 50_000)
        process.send_signal(signal.SIGKILL)
    assert store.standing(WANTED).state == "unfinished"
    assert not store.folder("clip").exists()
    reached = part_bytes(store)
    hub.faults.clear()
    hub.requests.clear()
    done = store.pull(WANTED)
    assert f"bytes={reached}-" in hub.ranges()
    assert done.downloaded_bytes == TOTAL - reached
    assert installed(store) == CONTENT
    assert store.faults(WANTED) == ()
    assert left_behind(store) == []


def test_a_killed_process_leaves_no_lock(hub: HubStub, tmp_path: Path) -> None:
    hub.faults[GRAPH] = Fault(bytes_per_s=200_000)
    store = store_of(hub, tmp_path)
    with pulling(hub, tmp_path) as first:
        until(lambda: part_bytes(store) > 0)
        with pulling(hub, tmp_path) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting\n"
            hub.faults.clear()
            first.send_signal(signal.SIGKILL)
            assert json.loads(second.communicate(timeout=60)[0])["changed"]
    assert installed(store) == CONTENT
