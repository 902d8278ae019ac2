"""Clips on their way."""

from __future__ import annotations

import os
import time
from pathlib import Path

from heimdex.pipeline import clips


def test_clips_that_nobody_came_for_are_removed(tmp_path: Path) -> None:
    left, fresh = tmp_path / "left.part", tmp_path / "fresh.part"
    for path in (left, fresh):
        path.touch()
    then = time.time() - clips.LEFT_S - 1
    os.utime(left, (then, then))
    clips._sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fresh.part"]
