"""What `doctor` finds of what Heimdex stands on, and that each finding says what to do."""

from __future__ import annotations

import resource
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from heimdex.cli import surroundings
from heimdex.config import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(home=tmp_path / "not" / "yet")


def test_a_full_disk_is_a_warning(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.disk(settings)[0] in ("ok", "warning")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 30))
    level, detail = surroundings.disk(settings)
    assert level == "warning"
    assert detail.startswith("1.0 GiB free")
    assert "set HEIMDEX_HOME" in detail


def test_more_workers_than_memory_is_a_warning(settings: Settings) -> None:
    level, detail = surroundings.memory(settings.model_copy(update={"workers": 100_000}))
    assert level == "warning"
    assert "lower HEIMDEX_WORKERS" in detail


def test_a_taken_port_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(surroundings, "PORT", taken.getsockname()[1])
        level, detail = surroundings.port(settings)
    assert level == "notice"
    assert "another --port" in detail
    assert surroundings.port(settings)[0] == "ok"


def test_a_library_older_than_asked_for_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert surroundings.libraries(settings)[0] == "ok"
    wanted = ["fastapi>=99.1", "psycopg[binary,pool]>=3.2", "no-such-thing>=1", "torch>=9; extra == 'torch'"]
    monkeypatch.setattr(surroundings, "requires", lambda _: wanted)
    level, detail = surroundings.libraries(settings)
    assert level == "error"
    assert "(wanted: 99.1), no-such-thing missing (wanted: 1);" in detail
    assert "pip install" in detail
    assert "psycopg" not in detail
    assert "torch" not in detail


def test_few_open_files_are_a_warning(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    level, detail = surroundings.open_files(settings)
    assert level == "warning"
    assert "LimitNOFILE" in detail
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert surroundings.open_files(settings) == ("ok", "any number of files may be open")


def test_the_database_s_clock_and_pace_are_looked_at(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings(home=tmp_path, database_url=database_url)
    assert surroundings.clock(settings) == ("ok", "the database's clock agrees with ours")
    assert "the database answers within" in surroundings.latency(settings)[1]
    monkeypatch.setattr(surroundings, "SLOW_ANSWER_MS", 0.0)
    assert surroundings.latency(settings)[0] == "warning"
    monkeypatch.setattr("heimdex.cli.surroundings.time.time", lambda: 1_000.0)
    level, detail = surroundings.clock(settings)
    assert level == "warning"
    assert "NTP" in detail
