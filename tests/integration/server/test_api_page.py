"""docs/reference/api.md: its list is whole, its examples work; and the how-to makes the first user."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from heimdex.client import Client
from tests.integration.server.conftest import SAMPLES, Service

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
STRICTLY = 'curl() { command curl --silent --show-error --fail-with-body --max-time 60 "$@"; }\n'
HERE = "http://127.0.0.1:8765"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def said_by_shell(script: str, folder: Path, variables: dict[str, str]) -> str:
    """What a script with curl in it prints; an HTTP error fails it."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", STRICTLY + script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        errors="replace",
    )
    assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture
def needs_curl() -> None:
    for program in ("bash", "curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")


def test_the_list_of_requests_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "api_docs.py"), run_name="api_docs")
    wanted = script["page"](PAGE, script["description"]())
    assert wanted == PAGE, "run `PYTHONPATH=src python scripts/api_docs.py`"
    assert "| `POST /api/v1/search` |" in wanted


@pytest.mark.acceptance
@pytest.mark.usefixtures("needs_curl")
def test_the_examples_in_curl_work_as_they_stand(service: Service, client: Client, tmp_path: Path) -> None:
    hit = client.search("a rocket", kind="video", nearest=True, strictness="loose").hits[0]
    variables = {
        "H": f"{service.address}/api/v1",
        "SCENE": hit.scene_id,
        "ASSET": hit.asset_id,
        "PICTURE": str(next(path for path in sorted((SAMPLES / "2024").iterdir()) if path.suffix == ".jpg")),
    }
    examples = blocks(PAGE, "sh")
    assert len(examples) >= 6
    said = [said_by_shell(example, tmp_path, variables) for example in examples]
    assert '"status":"healthy"' in said[0]
    assert said[1].count('"hits":[{') >= 4
    assert (tmp_path / "part").stat().st_size == 1000
    assert (tmp_path / "clip.mp4").stat().st_size > 1000
    assert (tmp_path / "scene.jpg").read_bytes().startswith(b"\xff\xd8")
    assert any("event: job" in text and '"cancelled"' in text for text in said)


@pytest.mark.acceptance
def test_the_example_in_python_works_as_it_stands(service: Service, tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python")
    assert HERE in example
    ran = subprocess.run(
        [sys.executable, "-c", example.replace(HERE, service.address)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 3


@pytest.mark.acceptance
@pytest.mark.usefixtures("needs_curl")
def test_the_first_user_is_made_on_the_machine_as_the_how_to_says(service: Service, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "howto" / "deployment.md").read_text(encoding="utf-8")
    (example,) = [block for block in blocks(page, "sh") if f"curl {HERE}/api/v1/users" in block]
    users = service.heimdex.users
    try:
        said = said_by_shell(example.replace(HERE, service.address), tmp_path, {})
        assert '"role":"admin"' in said
        (made,) = users.list()
        assert made.owner == service.heimdex.owner
        with Client(service.address) as nobody:
            assert nobody.http.get("/api/v1/assets").status_code == 401
    finally:
        for user in users.list():
            users.remove(user.user_id)
