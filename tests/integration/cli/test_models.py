"""`heimdex models …` on a stub of the hub, and Heimdex without any network."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from heimdex.cli import models as commands
from heimdex.cli.commands import app
from heimdex.encoders import catalog
from heimdex.encoders.row import ModelRow
from heimdex.pipeline.model_list import SETS
from tests.hub_stub import Fault, HubStub, hub_stub

ROOT = Path(__file__).resolve().parents[3]
GRAPH = random.Random(1).randbytes(40_000)


def row(name: str, **changes: Any) -> ModelRow:
    facts: dict[str, Any] = {
        "family": "faces",
        "pretrained": "test",
        "precision": "fp32",
        "licence": "MIT",
        "task": "nothing",
        "repository": f"org/{name}",
        "files": ("onnx/model.onnx", "config.json"),
        "size_bytes": 40_000,
    }
    return ModelRow(name=name, **(facts | changes))


ROWS = (
    row("small"),
    row("other", aliases=("also/other",)),
    row("unfree", licence="CC-BY-NC-4.0", commercial=False),
    row("unpublished", repository=None),
)


@dataclass
class Commands:
    """`heimdex` in this process, with a home of its own and a hub on localhost."""

    home: Path
    hub: HubStub
    settings: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str | Path, typed: str = "") -> Result:
        settings = {"HEIMDEX_HOME": str(self.home), "HEIMDEX_HUB_ENDPOINT": self.hub.url, "COLUMNS": "200"}
        settings |= {"HEIMDEX_HUB_CACHE_DIR": str(self.home / "no-cache")} | self.settings
        return CliRunner().invoke(app, list(map(str, words)), input=typed, env=settings)

    def json(self, *words: str | Path, code: int = 0) -> Any:
        done = self(*words, "--json")
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def state(self, name: str) -> str:
        (found,) = (model for model in self.json("models", "list")["models"] if model["name"] == name)
        return str(found["state"])


@pytest.fixture
def heimdex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    monkeypatch.setattr(catalog, "ROWS", (*catalog.ROWS, *ROWS))
    monkeypatch.setitem(SETS, "test", ("small", "other"))
    with hub_stub() as hub:
        for name in ("small", "other", "unfree"):
            hub.add(f"org/{name}", {"onnx/model.onnx": GRAPH, "config.json": b"{}"}, {"onnx/model.onnx"})
        yield Commands(tmp_path / "home", hub)


def test_the_sets_name_models_of_the_catalog_that_can_be_pulled_and_used_commercially() -> None:
    assert set(SETS) >= {"home", "light"}
    for names in SETS.values():
        for name in names:
            found = catalog.find(name)
            assert found.name == name
            assert found.repository is not None
            assert found.commercial


def test_the_list_asks_nobody_and_tells_how_each_model_stands(heimdex: Commands) -> None:
    found = {model["name"]: model for model in heimdex.json("models", "list")["models"]}
    assert set(found) == {known.name for known in catalog.ROWS} | {"starter-speech", "starter-writing"}
    starter, small = found["starter"], found["small"]
    assert (starter["state"], starter["in_use"]) == ("installed", True)
    assert starter["spaces"] == {"labels": 1000, "features": 1280}
    assert (small["state"], small["installed"], small["in_use"]) == ("missing", False, False)
    assert small["gain"] == "faces can be found and told apart"
    assert not found["unfree"]["commercial"]
    heimdex.json("models", "pull", "small")
    assert heimdex.state("small") == "installed"
    assert "unfree" in heimdex("models", "list").stdout
    heimdex.hub.requests.clear()
    heimdex("models", "list")
    assert heimdex.hub.requests == []


def test_the_starters_of_other_packages_are_listed_and_neither_pulled_nor_removed(heimdex: Commands) -> None:
    heimdex.settings |= {"HEIMDEX_WRITING": "true", "HEIMDEX_SPEECH": "auto"}
    found = {model["name"]: model for model in heimdex.json("models", "list")["models"]}
    speech, writing = found["starter-speech"], found["starter-writing"]
    assert {one["state"] for one in (speech, writing)} == {"shipped"}
    assert (speech["family"], speech["licence"], speech["in_use"]) == ("speech", "BSD-2-Clause", True)
    assert (writing["family"], writing["licence"], writing["in_use"]) == ("writing", "Apache-2.0", True)
    assert speech["size_bytes"] > 10_000_000
    assert writing["size_bytes"] > 30_000_000
    assert set(speech) == set(found["small"])
    shown = heimdex("models", "list").stdout
    assert "starter-writing ←" in shown
    assert "writing: writing in one more alphabet is read" in shown
    assert "speech: what is said can be written down" in shown
    for word in ("pull", "remove", "verify"):
        done = heimdex("models", word, "starter-speech")
        assert (done.exit_code, "comes with the package pocketsphinx" in done.output) == (2, True)
    heimdex.settings |= {"HEIMDEX_WRITING": "false", "HEIMDEX_SPEECH": "off"}
    used = {model["name"] for model in heimdex.json("models", "list")["models"] if model["in_use"]}
    assert used == {"starter", "starter-sentences"}


def test_the_doctor_names_an_alphabet_that_is_asked_for_and_not_there(heimdex: Commands) -> None:
    heimdex.settings |= {"HEIMDEX_WRITING": "true", "HEIMDEX_WRITING_LANGUAGES": "ko, th"}

    def writing(code: int = 0) -> tuple[str, str]:
        checks = heimdex.json("doctor", code=code)["checks"]
        (found,) = (check for check in checks if check["name"] == "writing")
        return found["level"], found["detail"]

    level, detail = writing()
    assert level == "warning"
    assert all(f"models pull {name}" in detail for name in ("writing-korean", "writing-thai"))
    rows = [catalog.find(name) for name in ("writing-korean", "writing-thai")]
    content = {name: name.encode() for row in rows for name in row.files}
    heimdex.hub.add(str(rows[0].repository), content, commit=rows[0].revision)
    heimdex.json("models", "pull", *(row.name for row in rows))
    level, detail = writing()
    assert (level, "writing-korean, writing-thai" in detail) == ("ok", True)
    used = {model["name"] for model in heimdex.json("models", "list")["models"] if model["in_use"]}
    assert {"writing-korean", "writing-thai"} <= used
    assert heimdex("models", "remove", "writing-thai").exit_code == 2
    heimdex.settings["HEIMDEX_WRITING_LANGUAGES"] = "elvish"
    level, detail = writing(code=1)
    assert (level, "elvish" in detail, "korean (ko)" in detail) == ("error", True, True)
    assert heimdex.state("writing-korean") == "installed"  # the list works where the settings are wrong


def test_a_pull_shows_licence_and_size_and_installs(heimdex: Commands) -> None:
    done = heimdex("models", "pull", "also/other", "small")
    assert done.exit_code == 0, done.output
    assert "other  40 kB  MIT  org/other" in done.stdout
    assert "together 80 kB" in done.stdout
    assert "pulled small: 40 kB, 40 kB of them downloaded" in done.stdout
    document = heimdex.json("models", "pull", "--set", "test")
    assert [model["state"] for model in document["models"]] == ["already installed"] * 2
    assert document["size_bytes"] == 0


def test_a_pull_of_a_set_tells_its_sum(heimdex: Commands) -> None:
    document = heimdex.json("models", "pull", "--set", "test")
    assert document["size_bytes"] == 2 * (len(GRAPH) + 2)
    assert [model["name"] for model in document["models"]] == ["small", "other"]
    assert {model["state"] for model in document["models"]} == {"pulled"}


def test_every_model_of_the_catalog_can_be_pulled_and_is_then_current(heimdex: Commands) -> None:
    rows = [known for known in catalog.ROWS if known.repository]
    content: dict[str, dict[str, bytes]] = {}
    for known in rows:  # a repository may hold several
        pinned = known.revision if len(known.revision) == 40 else None
        files = content.setdefault(str(known.repository), {})
        files |= {name: f"{known.name} {name}".encode() for name in known.files}
        heimdex.hub.add(str(known.repository), files, commit=pinned)
    names = [known.name for known in rows]
    document = heimdex.json("models", "pull", "--accept-licence", *names)
    assert document["failed"] == []
    assert {model["state"] for model in document["models"]} == {"pulled"}
    again = heimdex.json("models", "pull", "--accept-licence", *names)
    assert {model["state"] for model in again["models"]} == {"already installed"}
    assert heimdex.json("models", "verify", "--no-probes")["ok"]
    listed = {model["name"]: model for model in heimdex.json("models", "list")["models"]}
    for known in rows:
        assert listed[known.name]["installed"]
    assert listed["clip-vit-b-32-openai"]["problem"], "its graph is none, and the list says so"


def test_on_a_terminal_somebody_is_asked(heimdex: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_somebody_is_there", lambda: True)
    refused = heimdex("models", "pull", "small", typed="n\n")
    assert refused.exit_code == 1
    assert "Download up to 40 kB?" in refused.output
    assert heimdex.state("small") == "missing"
    assert heimdex("models", "pull", "small", "--yes").exit_code == 0
    assert heimdex("models", "pull", "other", typed="y\n").exit_code == 0
    assert heimdex.state("other") == "installed"


def test_a_licence_without_commercial_use_has_to_be_accepted(heimdex: Commands) -> None:
    refused = heimdex("models", "pull", "small", "unfree", "--yes")
    assert refused.exit_code == 1
    assert "CC-BY-NC-4.0" in refused.stderr
    assert "--accept-licence" in refused.stderr
    assert heimdex.hub.requests == []
    assert heimdex("models", "pull", "unfree", "--accept-licence").exit_code == 0
    assert heimdex.state("unfree") == "installed"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("pull",), 2, "Name a model"),
        (("pull", "nothing"), 1, "no model called 'nothing'"),
        (("pull", "--set", "nothing"), 1, "no set called 'nothing'"),
        (("pull", "unpublished"), 1, "is on no hub"),
        (("verify", "small"), 1, "is not installed"),
        (("remove", "small"), 1, "nothing to remove"),
        (("remove", "starter"), 2, "comes with Heimdex and stays"),
        (("import", "/nowhere/at/all"), 1, "no folder"),
        (("import", "/nowhere", "--name", "starter"), 2, "nothing to import"),
    ],
)
def test_wrong_calls_are_answered(heimdex: Commands, words: tuple[str, ...], code: int, message: str) -> None:
    done = heimdex("models", *words)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_one_model_that_fails_does_not_keep_the_others(heimdex: Commands) -> None:
    del heimdex.hub.repositories["org/small"]
    document = heimdex.json("models", "pull", "--set", "test", code=1)
    assert [model["name"] for model in document["models"]] == ["other"]
    (failure,) = document["failed"]
    assert failure["name"] == "small"
    assert "no repository org/small" in failure["error"]


def test_without_a_hub_there_is_one_line_and_the_starter_works_on(heimdex: Commands) -> None:
    heimdex.settings["HEIMDEX_HUB_ENDPOINT"] = "http://127.0.0.1:9"
    done = heimdex("models", "pull", "small")
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cannot be reached" in done.stderr
    assert "the starter included" in done.stderr
    assert heimdex.state("starter") == "installed"
    heimdex.settings["HEIMDEX_HUB_OFFLINE"] = "true"
    assert "HEIMDEX_HUB_OFFLINE is on" in heimdex("models", "pull", "small").stderr


def test_verify_names_faults_and_mends_them_unless_told_not_to(heimdex: Commands) -> None:
    heimdex.json("models", "pull", "small")
    assert heimdex.json("models", "verify", "--no-probes")["ok"]
    graph = heimdex.home / "models/small/onnx/model.onnx"
    graph.write_bytes(GRAPH[:-1] + bytes([GRAPH[-1] ^ 1]))
    found = heimdex.json("models", "verify", "small", "--no-pull", code=1)
    (model,) = found["models"]
    assert (model["ok"], model["mended"]) == (False, False)
    assert [(fault["file"], fault["kind"]) for fault in model["faults"]] == [("onnx/model.onnx", "flipped")]
    heimdex.settings["HEIMDEX_HUB_OFFLINE"] = "true"
    (model,) = heimdex.json("models", "verify", "small", code=1)["models"]
    assert "HEIMDEX_HUB_OFFLINE" in model["error"]
    heimdex.settings.clear()
    done = heimdex("models", "verify", "small")
    assert done.exit_code == 0
    assert "mended small" in done.stdout
    assert "onnx/model.onnx: flipped" in done.stdout
    assert graph.read_bytes() == GRAPH
    assert "sound small" in heimdex("models", "verify", "small").stdout


def test_verify_probes_the_sense_of_picture_models(heimdex: Commands) -> None:
    (model,) = heimdex.json("models", "verify", "starter")["models"]
    assert model["ok"]
    assert model["probes"]
    assert all(probe["ok"] for probe in model["probes"])


def test_a_model_that_sees_nonsense_is_a_fault(heimdex: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heimdex.encoders.probes.MARGIN", 3.0)  # no cosine leads by that
    (model,) = heimdex.json("models", "verify", "starter", code=1)["models"]
    assert (model["ok"], model["faults"]) == (False, [])
    assert "wrong: " in heimdex("models", "verify", "starter").stdout


def test_a_folder_is_imported_and_recognised(heimdex: Commands, tmp_path: Path) -> None:
    heimdex.json("models", "pull", "small", "other")
    usb = tmp_path / "usb"
    shutil.copytree(heimdex.home / "models/small", usb / "small")
    heimdex.json("models", "remove", "small")
    assert heimdex.state("small") == "missing"
    heimdex.settings["HEIMDEX_HUB_OFFLINE"] = "true"
    assert heimdex.json("models", "import", usb)["name"] == "small"
    assert heimdex.state("small") == "installed"
    several = heimdex("models", "import", usb / "small")
    assert several.exit_code == 2
    assert "say which with --name" in several.stderr
    assert heimdex.json("models", "import", usb / "small", "--name", "other")["state"] == "imported"
    (usb / "small/config.json").unlink()
    lacking = heimdex("models", "import", usb / "small", "--name", "small")
    assert lacking.exit_code == 1
    assert "lacks config.json for small" in lacking.stderr


def test_a_model_made_on_another_machine_brings_its_own_row(heimdex: Commands, tmp_path: Path) -> None:
    made = tmp_path / "usb" / "mine"
    made.mkdir(parents=True)
    (made / "model.onnx").write_bytes(GRAPH)
    described: dict[str, Any] = {
        "family": "faces",
        "pretrained": "mine",
        "precision": "int8",
        "licence": "MIT",
    }
    described |= {"name": "mine", "task": "mine", "files": ["model.onnx"]}
    (made / "manifest.json").write_text(json.dumps({"row": described, "files": []}))
    assert heimdex.json("models", "import", made)["name"] == "mine"
    assert heimdex.state("mine") == "installed"
    assert heimdex.json("models", "verify", "mine")["ok"]
    (heimdex.home / "models/mine/model.onnx").write_bytes(b"")
    (model,) = heimdex.json("models", "verify", "mine", code=1)["models"]
    assert "is on no hub" in model["error"]
    heimdex.json("models", "remove", "mine")


def test_the_model_in_use_is_removed_by_force_only(
    heimdex: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    heimdex.json("models", "pull", "small")
    heimdex.settings["HEIMDEX_PICTURE_MODEL"] = "small"
    refused = heimdex("models", "remove", "small")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert heimdex.json("models", "remove", "small", "--force")["size_bytes"] > len(GRAPH)
    assert not (heimdex.home / "models/small").exists()


def test_an_unfinished_pull_is_shown_and_gone_on_with(heimdex: Commands) -> None:
    heimdex.hub.faults["config.json"] = Fault(status=403)
    heimdex.json("models", "pull", "small", code=1)
    assert heimdex.state("small") == "unfinished"
    heimdex.hub.faults.clear()
    (model,) = heimdex.json("models", "pull", "small")["models"]
    assert model["downloaded_bytes"] == len(b"{}")


WATCH = """
import os, socket

def _local(family, address):
    if family == socket.AF_UNIX:
        return True
    return address[0] in ("127.0.0.1", "::1", "localhost")

def _tell(what):
    with open(os.environ["NETWORK_LOG"], "a") as log:
        log.write(f"{what}\\n")
    raise OSError(101, "the test allows no network")

class _Socket(socket.socket):
    def connect(self, address):
        return super().connect(address) if _local(self.family, address) else _tell(f"connect {address}")

    def connect_ex(self, address):
        return super().connect_ex(address) if _local(self.family, address) else _tell(f"connect {address}")

    def sendto(self, data, *rest):
        return super().sendto(data, *rest) if _local(self.family, rest[-1]) else _tell(f"sendto {rest[-1]}")

_look_up = socket.getaddrinfo

def _getaddrinfo(host, *rest, **more):
    if host in (None, "", "localhost", "127.0.0.1", "::1"):
        return _look_up(host, *rest, **more)
    return _tell(f"look up {host}")

socket.socket = _Socket
socket.getaddrinfo = _getaddrinfo
with open(os.environ["NETWORK_LOG"] + ".watched", "a") as log:
    log.write(f"{os.getpid()}\\n")
"""


@dataclass(frozen=True)
class Watched:
    """A place where every Python process notes and refuses what is not local."""

    folder: Path

    def run(self, *words: str | Path) -> str:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(self.folder / "watch"), str(ROOT / "src")]),
            "NETWORK_LOG": str(self.folder / "network"),
            "HEIMDEX_HOME": str(self.folder / "home"),
            "HEIMDEX_IMAGE_TIMEOUT_S": "60",
        }
        done = subprocess.run(
            [sys.executable, *map(str, words)], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def attempts(self) -> str:
        log = self.folder / "network"
        return log.read_text() if log.exists() else ""

    def processes(self) -> int:
        return len((self.folder / "network.watched").read_text().splitlines())


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch/sitecustomize.py").write_text(WATCH)
    return Watched(tmp_path)


def test_an_index_and_a_search_ask_nothing_of_any_network(watched: Watched) -> None:
    media = watched.folder / "media"
    media.mkdir()
    samples = ROOT / "src/heimdex/samples"
    for name in ("2023/photo-01.jpg", "2024/photo-06.jpg"):
        shutil.copy(samples / name, media)
    indexed = json.loads(watched.run("-m", "heimdex", "index", media, "--json"))
    assert (indexed["indexed"], indexed["failed"]) == (2, [])
    found = json.loads(watched.run("-m", "heimdex", "search", "a cat", "--json"))
    assert found["verdict"] == "match"
    assert json.loads(watched.run("-m", "heimdex", "models", "list", "--json"))
    assert json.loads(watched.run("-m", "heimdex", "models", "verify", "--json"))["ok"]
    assert watched.processes() > 4, "worker processes are watched too"
    assert watched.attempts() == ""


def test_the_watch_sees_what_is_not_local(watched: Watched) -> None:
    for attempt in (
        "import socket; socket.socket().connect(('192.0.2.1', 80))",
        "import urllib.request; urllib.request.urlopen('http://example.com')",
    ):
        watched.run("-c", attempt)
    assert "connect ('192.0.2.1', 80)" in watched.attempts()
    assert "look up example.com" in watched.attempts()


def test_the_doctor_looks_at_the_model_in_use(heimdex: Commands) -> None:
    def models(code: int) -> dict[str, str]:
        checks = heimdex.json("doctor", code=code)["checks"]
        (found,) = (check for check in checks if check["name"] == "models")
        return dict(found)

    assert models(0)["level"] == "notice"
    heimdex.settings["HEIMDEX_PICTURE_MODEL"] = "small"
    assert "heimdex models pull small" in models(1)["detail"]
    heimdex.json("models", "pull", "small")
    assert models(0) == {"name": "models", "level": "ok", "detail": "pictures: small, checksums agree"}
    (heimdex.home / "models/small/config.json").write_bytes(b"")
    assert "config.json is truncated" in models(1)["detail"]
