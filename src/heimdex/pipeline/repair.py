"""Mending what verify finds."""

from __future__ import annotations

from heimdex.pipeline.tools import Tools


def repair(tools: Tools) -> None:
    """Mend."""
