"""Fixtures of the acceptance tests: homes of their own, small libraries, and nothing left running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.homes import Home
from tests.acceptance.media import make_small_library

MakeHome = Callable[..., Home]


@pytest.fixture(scope="session")
def small_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight small files. Read-only: copy what you want to change."""
    return make_small_library(tmp_path_factory.mktemp("small_library"))


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[MakeHome]:
    """Makes fresh homes, with settings (HEIMDEX_…); afterwards nothing runs in them."""
    made: list[Home] = []

    def make(**settings: str) -> Home:
        home = Home(path=tmp_path / f"home-{len(made)}", settings=settings)
        made.append(home)
        return home

    yield make
    for home in made:
        home.stop()


@pytest.fixture
def home(make_home: MakeHome) -> Home:
    """A fresh home."""
    return make_home()
