"""docs/howto/troubleshooting.md knows every error there is, and all that `doctor` may find."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from heimdex import errors
from heimdex.cli import diagnosis, surroundings

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "troubleshooting.md").read_text()
TEXT = " ".join(PAGE.split())
LEAST = 12  # letters of a message that are the same whatever it tells of


def messages(module: object) -> Iterator[str]:
    """The longest fixed part of whatever the checks of a module return that is not `ok`."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):  # type: ignore[arg-type]
        if not (isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)):
            continue
        level, said = node.value.elts[:2]
        if not (isinstance(level, ast.Constant) and level.value in ("notice", "warning", "error")):
            continue
        fixed = [part.value for part in ast.walk(said) if isinstance(part, ast.Constant)]
        longest = max((part.strip(" ;:,") for part in fixed if isinstance(part, str)), key=len, default="")
        if len(longest) >= LEAST:
            yield longest


def test_every_error_has_its_entry() -> None:
    names = {
        name
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, errors.HeimdexError)
    }
    assert len(names) > 20
    entries = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert names - entries == set()


def test_every_check_of_the_doctor_has_its_entry() -> None:
    checks = re.findall(r'^        \("(\w+)", ', inspect.getsource(diagnosis.checks), re.MULTILINE)
    assert len(checks) > 15
    entries = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert {"heimdex", *checks} - entries == set()


def test_every_message_of_the_doctor_has_its_entry() -> None:
    told = [*messages(diagnosis), *messages(surroundings)]
    assert len(told) > 10
    assert [message for message in told if " ".join(message.split()) not in TEXT] == []
