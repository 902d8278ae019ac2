from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from heimdex.config import read_settings
from heimdex.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_generated_pages_agree_with_the_settings() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "settings_docs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_wrong_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEIMDEX_WORKERS", "many")
    with pytest.raises(SettingsError, match="HEIMDEX_WORKERS"):
        read_settings()


def test_an_owner_has_to_be_a_uuid() -> None:
    with pytest.raises(SettingsError, match="HEIMDEX_OWNER"):
        read_settings(owner="anna")


def test_a_dotenv_file_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("HEIMDEX_WORKERS=3\nHEIMDEX_THREADS=5\nOTHER=1\n")
    monkeypatch.setenv("HEIMDEX_THREADS", "7")
    settings = read_settings()
    assert (settings.workers, settings.threads) == (3, 7)


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEIMDEX_WORKERS", "")
    assert read_settings().workers >= 1


def test_the_home_is_absolute_and_knows_the_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HEIMDEX_HOME", "~/library")
    assert read_settings().home == tmp_path / "library"


def test_the_object_store_is_a_folder_or_a_bucket(tmp_path: Path) -> None:
    from heimdex.app.parts import object_place
    from heimdex.store.s3_shelf import S3Options

    assert object_place(read_settings(home=tmp_path)) == tmp_path / "objects"
    assert object_place(read_settings(object_store="/mnt/films")) == Path("/mnt/films")
    found = object_place(read_settings(object_store="s3://films/a/b/", s3_key_id="k", s3_secret="hush"))
    assert isinstance(found, S3Options)
    assert (found.bucket, found.prefix, found.secret) == ("films", "a/b", "hush")
    assert "hush" not in repr(found)
    by_role = object_place(read_settings(object_store="s3://films", s3_key_id="", s3_secret=""))
    assert isinstance(by_role, S3Options)
    assert by_role.key_id is None  # files of secrets may be empty
    for wrong in ("s3://", "gs://films", "s3://films/../other", "s3://films//a", "s3://films/a b"):
        with pytest.raises(SettingsError, match="HEIMDEX_OBJECT_STORE"):
            read_settings(object_store=wrong)
