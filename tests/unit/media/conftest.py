"""Clips and broken files, made once per test session."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from heimdex.entities import Facts
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from tests.media.clips import Clip, make

MAX_PIXELS = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Made:
    """A clip on the disk and what `probe` said of it."""

    clip: Clip
    path: bytes
    facts: Facts


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def made(clip_folder: Path) -> Callable[[Clip], Made]:
    """Makes a clip (once) and probes it."""

    def make_and_probe(clip: Clip) -> Made:
        path = os.fsencode(make(clip, clip_folder))
        return Made(clip=clip, path=path, facts=facts_of(path))

    return make_and_probe


def facts_of(path: bytes) -> Facts:
    recognised = recognise(path)
    assert recognised is not None
    return probe(path, recognised, max_pixels=MAX_PIXELS)
