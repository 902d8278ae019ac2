"""Writes the list of requests in docs/reference/api.md from the service's own description.

PYTHONPATH=src python scripts/api_docs.py            # --check: exit 1 where it is out of date
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from heimdex.app import Heimdex
from heimdex.config import Settings
from heimdex.server.application import create_app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"
BEGIN, END = "<!-- requests: by scripts/api_docs.py -->", "<!-- end of requests -->"
TITLES = {
    "search": "Searching",
    "assets": "Assets and what is kept of them",
    "uploads": "Handing files in",
    "jobs": "Jobs",
    "library": "The library",
    "models": "Models",
    "sign-in": "Signing in",
    "users": "Users, for administrators",
    "keys": "Keys",
    "service": "The service; no signing in",
}
SUMMED_UP = ("sign-in", "users", "keys")  # what they do is said by their summaries; elsewhere those are names


def description() -> dict[str, Any]:
    """The service's OpenAPI document; opens no database."""
    with tempfile.TemporaryDirectory() as home:
        return create_app(Heimdex(Settings(home=Path(home)))).openapi()


def operations(description: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """(request, its first sentence) of every operation, by tag."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((f"{method.upper()} {path}", _said(operation)))
    return found


def _said(operation: dict[str, Any]) -> str:
    said = " ".join(operation["description"].partition("\n\n")[0].split()).replace("|", "\\|")
    return f"{operation['summary']}. {said}" if operation["tags"][0] in SUMMED_UP else said


def listed(description: dict[str, Any]) -> str:
    """The tables, in the order of TITLES; what has another tag comes last."""
    found = operations(description)
    parts = []
    for tag in [*TITLES, *sorted(found.keys() - TITLES.keys())]:
        rows = "\n".join(f"| `{request}` | {said} |" for request, said in found.get(tag, []))
        parts.append(f"**{TITLES.get(tag, tag)}**\n\n| request | |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


def page(text: str, description: dict[str, Any]) -> str:
    """The page with a list that is up to date."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{listed(description)}\n{END}{after}"


if __name__ == "__main__":
    now = PAGE.read_text(encoding="utf-8")
    wanted = page(now, description())
    if "--check" in sys.argv:
        sys.exit(now != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
