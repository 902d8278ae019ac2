"""Writing in a further alphabet: its recogniser pulled from a hub, chosen by a setting, given up again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.encoders import catalog
from heimdex.encoders.writing_rows import REPOSITORY, REVISION, WRITING, rows_of_languages
from heimdex.entities import TextLine
from heimdex.errors import NotFound, SettingsError
from heimdex.store import text_lines
from tests.hub_stub import HubStub, hub_stub
from tests.planting import lasting_workers
from tests.random_ctc import HANGUL, dictionary, make_ctc
from tests.two_models import two_models
from tests.unit.extractors.test_rapid_ocr import page

STAGES = ["scenes", "writing", "text"]
KOREAN = "writing-korean"
TITLE = "Gate 12 closes"


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "ROWS", (*catalog.ROWS, *WRITING))
        yield


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubStub]:
    graph, names = make_ctc(tmp_path / "made.onnx", HANGUL), catalog.find(KOREAN).files
    with hub_stub() as running:
        content = dict(zip(names, (graph.read_bytes(), dictionary(HANGUL)), strict=True))
        running.add(REPOSITORY, content, {names[0]}, commit=REVISION)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    Image.fromarray(page(TITLE, size=(640, 200), height=40)).save(tmp_path / "media/sign.png")
    Image.fromarray(np.full((200, 320, 3), 90, np.uint8)).save(tmp_path / "media/plain.png")
    return tmp_path / "media"


class Library:
    """One home, opened with different settings."""

    def __init__(self, home: Path, database_url: str, hub: HubStub) -> None:
        self.settings: dict[str, Any] = {
            "home": home,
            "database_url": database_url,
            "hub_endpoint": hub.url,
            "hub_cache_dir": home / "no-cache",
            "picture_model": "fake",
            "workers": 1,
            "threads": 2,
            "writing": True,
        }

    def opened(self, languages: str) -> Heimdex:
        return Heimdex(**self.settings, writing_languages=languages)

    def indexed(self, folder: Path, languages: str, lacking: str = "") -> int:
        """How many files an index run did anything about."""
        with self.opened(languages) as heimdex:
            report = heimdex.index(folder, stages=STAGES)
            assert report.failed == ()
            assert [lacking in want.reason for want in report.wants] == [True] * bool(lacking)
            return report.indexed

    def lines(self, path: Path) -> list[TextLine]:
        with self.opened("") as heimdex:
            asset, owner = heimdex.show(str(path))["asset"]["asset_id"], heimdex.owner
            return heimdex.database.run(owner, lambda c: text_lines.lines_of(c, owner, asset), read_only=True)

    def entries(self, path: Path) -> list[str]:
        with self.opened("") as heimdex:
            ledger = heimdex.show(str(path))["ledger"]
        return [run["state"] for run in ledger if run["stage"] == "writing"]


@pytest.fixture
def library(tmp_path: Path, database_url: str, hub: HubStub) -> Library:
    return Library(tmp_path / "home", database_url, hub)


def test_a_pulled_recogniser_reads_its_alphabet_and_replaces_what_was_read(
    library: Library, folder: Path, hub: HubStub
) -> None:
    sign = folder / "sign.png"
    assert library.indexed(folder, "") == 2
    assert [line.text for line in library.lines(sign)] == [TITLE]

    assert library.indexed(folder, "ko", lacking=f"models pull {KOREAN}") == 0  # nothing changes without it
    assert [line.text for line in library.lines(sign)] == [TITLE]

    with library.opened("ko") as heimdex:
        (offer,) = heimdex.models.offers(heimdex.models.choose([KOREAN]))
        assert heimdex.models.pull(offer).changed
    assert library.indexed(folder, "korean") == 2
    (line,) = library.lines(sign)
    assert line.script == "Hang"
    assert set(line.text) <= {*HANGUL, " "}
    part = line.text.replace(" ", "")[1:3]  # any two syllables side by side
    with library.opened("korean") as heimdex:
        (hit, *_) = heimdex.search(shows=[part], nearest=True).hits
    assert hit.path == str(sign)
    assert [item.text for item in hit.evidence if item.signal == "writing"] == [line.text]
    assert library.entries(sign) == ["done"]
    assert library.indexed(folder, "ko,en") == 0

    assert library.indexed(folder, "") == 2
    assert [line.text for line in library.lines(sign)] == [TITLE]
    assert library.entries(sign) == ["done"]


def test_a_language_that_nothing_reads_is_refused_with_those_there_are(library: Library) -> None:
    with library.opened("klingon") as heimdex, pytest.raises(SettingsError, match=r"klingon.*korean \(ko\)"):
        heimdex.status()


def test_alphabets_are_named_by_themselves_or_by_their_languages() -> None:
    assert [row.name for row in rows_of_languages(["ru", "UK", " korean "])] == [
        "writing-korean",
        "writing-cyrillic",
    ]
    assert rows_of_languages(["en", "zh", ""]) == ()
    with pytest.raises(NotFound, match="arabic"):
        rows_of_languages(["he"])
