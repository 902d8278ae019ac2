"""Homes and the processes in them: `heimdex` as people run it, and what became of a home afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sized
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heimdex.app import Heimdex
from heimdex.config import read_settings
from heimdex.entities import Fault
from heimdex.store.cluster import MAJOR, is_server, read_pid_file
from heimdex.store.postgres import EmbeddedPostgres

COMMAND = str(Path(sys.executable).with_name("heimdex"))
INDEX = ("index",)
PATIENCE_S = 120.0  # far above what anything here takes; only a hang reaches it
WORKER = b"heimdex.pipeline.worker_main"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What it printed, with --json."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, kw_only=True)
class Home:
    """A data folder, and the commands that are run on it."""

    path: Path
    settings: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # of the processes
    started: list[subprocess.Popen[str]] = field(default_factory=list, repr=False)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, in a process group of its own."""
        process = subprocess.Popen(
            [COMMAND, *arguments],
            env=_environment() | {"HEIMDEX_HOME": str(self.path)} | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            **self.options,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command with --json to its end, which has to be `code`; its document."""
        ran = finish(self.start(*arguments, "--json"))
        assert ran.code == code, f"heimdex {' '.join(arguments)} exited {ran.code}: {ran.out} {ran.err}"
        return ran.document

    def index(self, *paths: Path, code: int = 0) -> dict[str, Any]:
        """Run `heimdex index`."""
        return self.run(*INDEX, *map(str, paths), code=code)

    def open(self) -> Heimdex:
        """The library in this process."""
        return Heimdex(read_settings(home=self.path, database_url=self.settings.get("HEIMDEX_DATABASE_URL")))

    def server(self) -> int | None:
        """The process id of the home's database server, if it runs."""
        data = self.path / "postgres" / str(MAJOR)
        found = read_pid_file(data)
        return found.pid if found is not None and is_server(found.pid, data) else None

    def processes(self, having: bytes = b"") -> dict[int, str]:
        """Every process that works for this home, with its command line (which holds `having`)."""
        mark = os.fsencode(self.path)
        found = {}
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            with suppress(OSError):
                command = (process / "cmdline").read_bytes()
                ours = mark in command or b"HEIMDEX_HOME=" + mark in (process / "environ").read_bytes()
                if command and ours and having in command:
                    found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def workers(self) -> list[int]:
        """The worker processes of the home's commands."""
        return list(self.processes(WORKER))

    def stop(self) -> None:
        """End whatever still runs."""
        for process in self.started:
            process.kill()
            process.communicate()
        for pid in self.workers():
            kill(pid)
        EmbeddedPostgres(self.path).stop_now()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What a home holds, without what differs from run to run (ids, times)."""

    counts: dict[str, Any]
    assets: dict[str, Any]
    refused: list[dict[str, str]]
    derived_files: int


def snapshot(home: Home) -> Snapshot:
    """Look at everything. Two complete indexes of one folder are equal."""
    with home.open() as library:
        counts = library.status()
        listed = library.assets()
        shown = {line["path"]: library.show(line["asset_id"]) for line in listed["assets"]}
        files = sum(1 for _ in library.derived.files())
    del counts["home"]
    return Snapshot(
        counts=counts,
        assets={path: _essence(document) for path, document in shown.items()},
        refused=listed["refused"],
        derived_files=files,
    )


def faults(home: Home) -> list[Fault]:
    """What `heimdex verify` finds."""
    with home.open() as library:
        return list(library.verify().faults)


def finish(process: subprocess.Popen[str]) -> Ran:
    """Wait for a command to end."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{process.args!r} hangs: {out} {err}") from None
    return Ran(code=process.returncode, out=out, err=err)


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> bool:
    """Send a signal; whether there was somebody to get it."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True


def wait_until_empty(what: Callable[[], Sized], patience_s: float = 10.0) -> bool:
    """Wait until nothing is found; whether that came."""
    return wait_for(lambda: not what(), patience_s)


def wait_for(what: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Wait until it is so; whether that came."""
    deadline = time.monotonic() + patience_s
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _essence(document: dict[str, Any]) -> dict[str, Any]:
    asset = document["asset"]
    return {
        "kind": asset["kind"],
        "state": asset["state"],
        "duration": asset["duration"],
        "paths": asset["paths"],
        "scenes": [
            (scene["start"], scene["end"], [keyframe["at"] for keyframe in scene["keyframes"]])
            for scene in document["scenes"]
        ],
        "ledger": [(run["stage"], run["state"], run["rows"], run["error"]) for run in document["ledger"]],
    }


def _environment() -> dict[str, str]:
    """Ours, without settings of whoever runs the tests; who wants to hear or read says so."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEIMDEX_")}
    return ours | {"HEIMDEX_SPEECH": "off", "HEIMDEX_WRITING": "false"}
