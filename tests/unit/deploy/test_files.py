"""The files of deploy/: well formed, and naming only settings, commands and files that there are."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
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
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMMANDS = frozenset(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
if importlib.util.find_spec("heimdex.cli.worker") is None:  # jobs are not part of this version
    COMMANDS |= {"worker"}


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The YAML documents of a file."""
    for document in yaml.safe_load_all(path.read_text()):
        assert isinstance(document, dict), path
        yield document


def compose() -> dict[str, Any]:
    (document,) = documents(DEPLOY / "compose" / "compose.yaml")
    return document


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
    names |= {key for d in manifests() if d["kind"] == "Secret" for key in d["stringData"]}
    assert names
    assert {name.removeprefix("heimdex_") for name in names} <= Settings.model_fields.keys()


def test_compose_waits_for_what_has_to_be_done_once() -> None:
    services = compose()["services"]
    for name in ("api", "worker"):
        waits = services[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["models"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["database"] == {"condition": "service_healthy"}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        assert set(service.get("secrets", [])) <= compose()["secrets"].keys()
        for volume in service.get("volumes", []):
            source = volume.split(":", maxsplit=1)[0]
            assert source.startswith((".", "$")) or source in compose()["volumes"]


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


def test_every_command_that_is_started_exists() -> None:
    started = [pod["containers"][0]["args"][0] for pod in pods().values()]
    started += [
        s["command"][0] for n, s in compose()["services"].items() if n in ("migrate", "api", "worker")
    ]
    started += re.findall(
        r"^ExecStart=\S+/bin/heimdex (\w+)", "".join(u.read_text() for u in UNITS), re.MULTILINE
    )
    (default,) = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    started.append(json.loads(default)[0])
    started += re.findall(r'bin/heimdex"? (\w+)', (DEPLOY / "install.sh").read_text())
    assert len(started) > 8
    assert set(started) <= COMMANDS


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
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names
            for part in volume.get("projected", {}).get("sources", []):
                assert ("Secret", part["secret"]["name"]) in names
    for document in found:
        if document["kind"] == "Deployment":
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
    subprocess.run([script], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made
