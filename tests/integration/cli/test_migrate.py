"""`heimdex migrate`, and settings from files."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from heimdex.cli.commands import app
from heimdex.config import read_settings
from heimdex.errors import SettingsError
from heimdex.jobs.schema import queue_schema
from heimdex.store.migrate import migrations
from tests.conftest import ServerUnderTest


def test_migrate_makes_the_tables_once_with_the_admin_login(
    database_server: ServerUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name}")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "heimdex_database_url").write_text(f"{database_server.url(name)}\n")
    (secrets / "heimdex_database_admin_url").write_text(make_conninfo(database_server.root, dbname=name))
    monkeypatch.setenv("HEIMDEX_SECRETS_DIR", str(secrets))
    queue = queue_schema()
    runner, home = CliRunner(), str(tmp_path / "home")
    try:
        first = runner.invoke(app, ["migrate", "--json", "--home", home])
        assert first.exit_code == 0, first.output
        assert json.loads(first.stdout) == {
            "database": "external",
            "applied": [
                *(migration.name for migration in migrations()),
                *(f"{queue.name}: {step}" for step in queue.steps),
            ],
        }
        (secrets / "heimdex_database_admin_url").unlink()
        second = runner.invoke(app, ["migrate", "--home", home])
        assert second.exit_code == 0, second.output
        assert second.stdout == "The external database: up to date already, nothing to do.\n"
    finally:
        database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_secret_in_a_file_is_a_setting_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heimdex_hub_token").write_text("from-the-file\n")
    (tmp_path / "heimdex_picture_model").write_text("clip")
    monkeypatch.setenv("HEIMDEX_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("CLIP_MODEL_NAME", "ViT-B-16")  # a name of the past: what is ours wins
    settings = read_settings()
    assert settings.hub_token is not None
    assert settings.hub_token.get_secret_value() == "from-the-file"
    assert settings.picture_model == "clip"
    monkeypatch.setenv("HEIMDEX_PICTURE_MODEL", "starter")
    assert read_settings().picture_model == "starter"


def test_a_folder_of_secrets_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEIMDEX_SECRETS_DIR", str(tmp_path / "gone"))
    with pytest.raises(SettingsError, match=r"HEIMDEX_SECRETS_DIR: .*gone is no folder"):
        read_settings()
