"""Write `.env.example` and `docs/reference/settings.md` from Settings; --check says whether they differ."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from heimdex.config import Settings
from heimdex.inherited.names import NAMES, RETIRED

ROOT = Path(__file__).resolve().parent.parent
ENV_EXAMPLE = ROOT / ".env.example"
REFERENCE = ROOT / "docs" / "reference" / "settings.md"
BY_MACHINE = {"home": "user data folder", "workers": "cores, at most 8", "threads": "cores"}


def default_of(name: str, field: FieldInfo) -> str:
    """The default as text; what depends on the machine in words."""
    if name in BY_MACHINE:
        return BY_MACHINE[name]
    return (
        ""
        if field.default is None
        else str(field.default).lower()
        if isinstance(field.default, bool)
        else str(field.default)
    )


def choices_of(field: FieldInfo) -> str:
    """The allowed values of a setting, where they are listed."""
    return ", ".join(_words(field.annotation))


def _words(annotation: Any) -> list[str]:
    """The texts among a type's arguments, however deep: a choice may be optional."""
    arguments = getattr(annotation, "__args__", ())
    return [word for one in arguments for word in ([one] if isinstance(one, str) else _words(one))]


def env_example() -> str:
    """The text of `.env.example`."""
    lines = ["# Every setting with its default. Copy to .env and change what you need.", ""]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"# HEIMDEX_{name.upper()}={default_of(name, field)}", ""]
    return "\n".join(lines)


def reference() -> str:
    """The text of `docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Read once, when a process starts: from the environment, else from `.env` in the current folder.",
        "This page is generated from `src/heimdex/config.py` by `make docs`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        choices = choices_of(field)
        meaning = f"{field.description}" + (f" One of: {choices}." if choices else "")
        default = default_of(name, field)
        lines.append(f"| `HEIMDEX_{name.upper()}` | {f'`{default}`' if default else '–'} | {meaning} |")
    return "\n".join(lines + inherited()) + "\n"


def inherited() -> list[str]:
    """The names of the past, each with the setting it stands for."""
    lines = [
        "",
        "## Inherited names",
        "",
        "They count where the `HEIMDEX_*` setting is not; see [inherited settings](inherited-settings.md).",
        "",
        "| name | stands for | meaning |",
        "|---|---|---|",
    ]
    for name in NAMES:
        stands_for = "–" if name.setting is None else f"`HEIMDEX_{name.setting.upper()}`"
        lines.append(f"| `{name.name}` | {stands_for} | {name.meaning} |")
    retired = "; ".join(f"`{old}`: {new}" for old, new in RETIRED.items())
    return [*lines, "", f"Retired values are refused, and what took their place is named: {retired}."]


def main() -> int:
    """Write or compare; the exit code is 1 when they differ."""
    wanted = {ENV_EXAMPLE: env_example(), REFERENCE: reference()}
    if "--check" not in sys.argv:
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} differs from Settings; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
