"""The pages of docs/ lead to each other, and a stranger finds every one of them and every command."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from heimdex.cli.commands import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What may stand behind the # of a link: headings as web sites spell them, and marks."""
    found = set(re.findall(r'<a id="([^"]+)"', prose(page)))
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page leads to, each with what stands behind the #."""
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), f"{target}#{anchor}"


def test_every_page_is_found_from_the_first_one() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            waiting += [target for target, _ in links(page)]
    assert set(DOCS.rglob("*.md")) - seen == set()


def test_every_page_that_a_message_names_exists() -> None:
    for source in [*(ROOT / "src").rglob("*.py"), *(ROOT / "deploy").rglob("*")]:
        if source.is_file():
            named = re.findall(r"docs/[a-z]+/[\w.-]+\.md", source.read_text(encoding="utf-8"))
            assert [name for name in named if not (ROOT / name).exists()] == [], source


def test_every_command_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    command: Any = typer.main.get_command(app)
    lacking = [name for name in command.commands if not re.search(rf"^## .*\b{name}\b", page, re.MULTILINE)]
    assert lacking == []


def test_the_arithmetic_of_scaling_follows_from_its_figures() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "scaling_docs.py"), run_name="scaling_docs")
    text = (DOCS / "howto" / "scaling.md").read_text(encoding="utf-8")
    assert script["page"](text) == text, "run `python scripts/scaling_docs.py`"
    for measured in ("FRAMES_A_SCENE", "SCENE_BYTES", "FRAME_BYTES", "TERM_BYTES", "FILE_BYTES"):
        assert f"| {script[measured]:,}" in text, measured  # it stands in the table of what was measured
    it = script["Library"](1_000_000)
    assert it.database == pytest.approx(it.seen + it.worded)
    assert it.shards * script["MEMORY_FOR_HNSW_GB"] * 1e9 >= it.hnsw
