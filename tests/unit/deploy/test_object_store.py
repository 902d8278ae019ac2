"""With the files of deploy/ as they are, every process comes to the same bucket with the right key."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from heimdex.app.parts import object_place
from heimdex.config import Settings, read_settings
from heimdex.store.objects import open_objects
from heimdex.store.s3_shelf import S3Options
from tests.unit.deploy.test_files import DEPLOY, compose, manifests, pods


def bucket_of(
    variables: dict[str, str], secrets: Path | None, monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, S3Options | Path]:
    """Where a process with these variables and files keeps objects."""
    for name, value in variables.items():
        if name.startswith("HEIMDEX_"):
            monkeypatch.setenv(name, value)
    if secrets is not None:
        monkeypatch.setenv("HEIMDEX_SECRETS_DIR", str(secrets))
    settings = read_settings()
    place = object_place(settings)
    open_objects(place, settings.owner)  # asks nothing, but takes no address that it may not use
    return settings, place


@pytest.mark.parametrize("name", ["migrate", "api", "worker"])
def test_compose_gives_each_process_the_bucket_and_its_key(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = shutil.copy(DEPLOY / "compose" / "make_secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    service = compose(with_store=True)["services"][name]
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for secret in service["secrets"]:
        shutil.copy(tmp_path / "secrets" / secret, mounted)
    given = {key: "" if value.startswith("$") else value for key, value in service["environment"].items()}
    settings, place = bucket_of(given, mounted, monkeypatch)
    assert settings.database_url is not None
    assert isinstance(place, S3Options)
    assert (place.bucket, place.endpoint) == ("heimdex", "http://object-store:8333")
    (user,) = json.loads((tmp_path / "secrets" / "object_store_users").read_text())["identities"]
    assert user["credentials"] == [{"accessKey": place.key_id, "secretKey": place.secret}]
    assert {"Admin", "Read", "Write", "List"} <= set(user["actions"])  # Admin may make the bucket


def test_compose_alone_keeps_files_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        key: "" if value.startswith("$") else value
        for key, value in compose()["services"]["api"]["environment"].items()
        if key != "HEIMDEX_SECRETS_DIR"
    }
    settings, place = bucket_of(given | {"HEIMDEX_HOME": str(tmp_path)}, None, monkeypatch)
    assert place == tmp_path / "objects"
    assert settings.s3_region == "us-east-1"


def test_kubernetes_gives_each_pod_the_bucket_and_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = manifests()
    data: dict[tuple[str, str], dict[str, str]] = {
        (d["kind"], d["metadata"]["name"]): d.get("data") or d["stringData"]
        for d in found
        if d["kind"] in ("ConfigMap", "Secret")
    }
    maps = ("heimdex", "heimdex-object-store")
    for pod in pods().values():
        (container,) = pod["containers"]
        assert tuple(source["configMapRef"]["name"] for source in container["envFrom"]) == maps
    variables = data["ConfigMap", maps[0]] | data["ConfigMap", maps[1]]
    for name, value in data["Secret", "heimdex"].items():
        (tmp_path / name).write_text(value)
    place = bucket_of(variables, tmp_path, monkeypatch)[1]
    assert isinstance(place, S3Options)
    (user,) = json.loads(data["Secret", "heimdex-object-store-users"]["users.json"])["identities"]
    assert user["credentials"] == [{"accessKey": place.key_id, "secretKey": place.secret}]
    (service,) = (d for d in found if d["kind"] == "Service" and d["metadata"]["name"] == "object-store")
    assert place.endpoint == f"http://object-store:{service['spec']['ports'][0]['port']}"
    (store,) = (d for d in found if d["kind"] == "StatefulSet")
    assert store["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True


def test_the_settings_of_the_service_s_file_are_well_formed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (DEPLOY / "heimdex.env").read_text().splitlines()
    pairs = dict(
        line.removeprefix("# ").split("=", maxsplit=1)
        for line in lines
        if line.removeprefix("# ").startswith("HEIMDEX_")
    )
    (tmp_path / "s3_key_id").write_text("key\n")  # systemd's name of it is heimdex_s3_key_id
    (tmp_path / "s3_key_id").rename(tmp_path / "heimdex_s3_key_id")
    settings, place = bucket_of(pairs, tmp_path, monkeypatch)
    assert isinstance(place, S3Options)
    assert place.key_id == "key"
    assert place.bucket == "films"
    assert settings.trusted_proxies == "127.0.0.1"


def test_each_manifest_is_readable_by_other_readers_of_yaml() -> None:
    """`on`, `yes`, numbers: what is a text in a ConfigMap or a Secret is one for every reader."""
    for document in manifests():
        for values in (document.get("data", {}), document.get("stringData", {})):
            assert all(isinstance(value, str) for value in values.values())
    raw = yaml.safe_load((DEPLOY / "compose" / "object-store.yaml").read_text())
    assert all(isinstance(value, str) for value in raw["x-bucket"].values())
