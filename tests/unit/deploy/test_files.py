"""The files of deploy/: well formed, and naming only settings, commands and files that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from heimdex.cli.commands import app
from heimdex.config import Settings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
WRONG_CALL = typer.BadParameter.__bases__[0]  # click's UsageError, whichever click it is that typer uses
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The YAML documents of a file."""
    for document in yaml.safe_load_all(path.read_text()):
        assert isinstance(document, dict), path
        yield document


def compose(*, with_store: bool = False) -> dict[str, Any]:
    """compose.yaml, and what object-store.yaml puts over it, merged as Compose does."""
    (document,) = documents(DEPLOY / "compose" / "compose.yaml")
    if with_store:
        (over,) = documents(DEPLOY / "compose" / "object-store.yaml")
        document = merged(document, over)
    return document


def merged(under: Any, over: Any) -> Any:
    """Maps are merged, lists joined, all else replaced."""
    if isinstance(under, dict) and isinstance(over, dict):
        return under | {key: merged(under[key], over[key]) if key in under else over[key] for key in over}
    return [*under, *over] if isinstance(under, list) and isinstance(over, list) else over


def parse(line: Sequence[str]) -> None:
    """Read a command line of `heimdex` as it would be, without running it. Raises WRONG_CALL."""
    command: Any = typer.main.get_command(app)
    name, rest = "heimdex", list(line)
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, line
        command = command.commands[name]
    command.make_context(name, rest)


def manifests() -> list[dict[str, Any]]:
    return [document for path in MANIFESTS for document in documents(path)]


def pods() -> dict[str, dict[str, Any]]:
    """The pod of each Deployment and Job, by name."""
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for document in manifests()
        if document["kind"] in ("Deployment", "Job")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"HEIMDEX_([A-Z][A-Z_]*[A-Z])\b", path.read_text()))
    assert {name.lower() for name in named} <= Settings.model_fields.keys()


def test_every_secret_of_compose_and_kubernetes_is_a_setting() -> None:
    names = {name for name in compose()["secrets"] if name.startswith("heimdex_")} - {"heimdex_password"}
    secrets = {d["metadata"]["name"]: d["stringData"] for d in manifests() if d["kind"] == "Secret"}
    assert json.loads(secrets.pop("heimdex-object-store-users")["users.json"])["identities"]
    names |= {key for values in secrets.values() for key in values}
    assert names >= {"heimdex_database_url", "heimdex_database_admin_url", "heimdex_s3_secret"}
    assert {name.removeprefix("heimdex_") for name in names} <= Settings.model_fields.keys()


def test_compose_waits_for_what_has_to_be_done_once() -> None:
    document = compose(with_store=True)
    services = document["services"]
    assert services["migrate"]["depends_on"]["object-store"] == {"condition": "service_healthy"}
    for name in ("api", "worker"):
        waits = services[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["models"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["database"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("with_store", [False, True])
def test_compose_declares_what_it_uses_and_uses_what_it_declares(with_store: bool) -> None:
    document = compose(with_store=with_store)
    services, volumes, secrets = document["services"].values(), set(), set()
    for service in services:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", service["image"])
        assert set(service.get("depends_on", {})) <= document["services"].keys()
        secrets |= set(service.get("secrets", []))
        sources = {volume.split(":", maxsplit=1)[0] for volume in service.get("volumes", [])}
        volumes |= {source for source in sources if not source.startswith((".", "$"))}
        for source in sources:
            if source.startswith("./"):
                assert (DEPLOY / "compose" / source).exists()
    assert volumes == document["volumes"].keys()
    assert secrets == document["secrets"].keys()


def test_what_is_to_be_set_in_env_is_asked_for() -> None:
    """Every name of env.example stands in a compose file, and every variable of those in env.example."""
    folder = DEPLOY / "compose"
    told = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (folder / "env.example").read_text(), re.MULTILINE))
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (folder / "compose.yaml").read_text()))
    assert told - {"COMPOSE_FILE"} == asked - {"HEIMDEX_S3_ALLOW_HTTP"}


def test_only_the_migration_knows_the_administrator_s_login() -> None:
    holders = [
        name
        for name, service in compose()["services"].items()
        if "heimdex_database_admin_url" in service.get("secrets", [])
    ]
    assert holders == ["migrate"]
    sources = {name: json.dumps(pod["volumes"]) for name, pod in pods().items()}
    assert [name for name, text in sources.items() if "heimdex-admin" in text] == ["heimdex-migrate"]


def test_no_container_of_ours_runs_as_root_or_writes_to_its_image() -> None:
    services = compose()["services"]
    for name in ("migrate", "models", "api", "worker"):
        assert services[name]["user"] == "10001:10001"
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    for pod in pods().values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    image = (DEPLOY / "Containerfile").read_text()
    assert re.search(r"^USER 10001:10001$", image, re.MULTILINE)
    assert image.rindex("USER ") > image.rindex("RUN ")


def started() -> list[list[str]]:
    """Every command line of `heimdex` that a file of deploy/ starts."""
    lines = [
        pod["containers"][0]["args"] for pod in pods().values() if "heimdex" in pod["containers"][0]["image"]
    ]
    for service in compose(with_store=True)["services"].values():
        if service["image"].startswith("heimdex"):
            scripts = " ".join(service["command"]) if "entrypoint" in service else ""
            found = re.findall(r"\bheimdex (.+?);", scripts)
            lines += [shlex.split(line.replace("$$", "$")) for line in found] if found else []
            lines += [service["command"]] if "entrypoint" not in service else []
    for text in (*(unit.read_text() for unit in UNITS), (DEPLOY / "install.sh").read_text()):
        lines += [
            shlex.split(line) for line in re.findall(r'(?:^ExecStart=\S+|")/bin/heimdex"? (.+)$', text, re.M)
        ]
    (default,) = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    return [*lines, json.loads(default)]


def test_every_command_that_is_started_exists_with_its_options() -> None:
    lines = started()
    assert {line[0] for line in lines} == {"serve", "worker", "migrate", "models"}
    for line in lines:
        parse(line)
    for wrong in (["serve", "--hoist", "x"], ["models", "pull", "--every"], ["serve", "--port"]):
        with pytest.raises(WRONG_CALL):
            parse(wrong)


def test_the_manifests_name_each_other_rightly() -> None:
    found = manifests()
    assert all(document["apiVersion"] and document["metadata"]["name"] for document in found)
    spaces = {d["metadata"].get("namespace") for d in found if d["kind"] != "Namespace"}
    assert spaces == {next(d["metadata"]["name"] for d in found if d["kind"] == "Namespace")}
    names = {(d["kind"], d["metadata"]["name"]) for d in found}
    for pod in pods().values():
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
        for source in container["envFrom"]:
            assert ("ConfigMap", source["configMapRef"]["name"]) in names
        assert {s["configMapRef"]["name"] for s in container["envFrom"]} == {
            "heimdex",
            "heimdex-object-store",
        }
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names
            for part in volume.get("projected", {}).get("sources", []):
                assert ("Secret", part["secret"]["name"]) in names
    for document in found:
        if document["kind"] in ("Deployment", "StatefulSet"):
            wanted = document["spec"]["selector"]["matchLabels"]
            assert wanted.items() <= document["spec"]["template"]["metadata"]["labels"].items()


def test_the_api_is_asked_whether_it_lives_and_whether_it_is_ready() -> None:
    (api,) = pods()["heimdex-api"]["containers"]
    assert api["livenessProbe"]["httpGet"]["path"] == "/health"
    assert api["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert api["startupProbe"]["httpGet"]["port"] == api["ports"][0]["name"] == "http"


def test_workers_have_longer_to_stop_than_a_job_takes_to_be_handed_back() -> None:
    assert pods()["heimdex-worker"]["terminationGracePeriodSeconds"] > 10
    assert compose()["services"]["worker"]["stop_grace_period"] == "30s"


def test_the_image_takes_in_everything_it_copies() -> None:
    image = (DEPLOY / "Containerfile").read_text()
    assert re.search(r"^ARG MODEL_SET", image, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", image, re.MULTILINE)
    assert re.search(r"^VOLUME /var/lib/heimdex$", image, re.MULTILINE)
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in kept)
    assert {"src", "constraints.txt", "pyproject.toml", "README.md", "deploy/install.sh"} <= set(kept)


@pytest.mark.parametrize("script", sorted(DEPLOY.rglob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_sound_and_may_be_run(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    there = tmp_path / unit.name
    there.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(there)], capture_output=True, text=True, check=False
    )
    told = [line for line in (ran.stdout + ran.stderr).splitlines() if "heimdex" in line]
    assert told == []


def test_the_units_let_the_service_write_to_its_own_folder_alone() -> None:
    for unit in UNITS:
        lines = unit.read_text().splitlines()
        for line in (
            "ProtectSystem=strict",
            "ReadWritePaths=/var/lib/heimdex",
            "NoNewPrivileges=yes",
            "User=heimdex",
        ):
            assert line in lines, unit.name


def test_make_secrets_makes_each_secret_once(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "compose" / "make_secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made.keys() >= compose()["secrets"].keys()
    assert made["heimdex_password"] in made["heimdex_database_url"]
    assert json.loads(made["object_store_users"])["identities"]
    asked = compose(with_store=True)["secrets"]
    assert {
        path.removeprefix("./secrets/") for entry in asked.values() for path in entry.values()
    } <= made.keys()
    subprocess.run([script], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made
