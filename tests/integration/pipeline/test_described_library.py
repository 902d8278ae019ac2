"""A library whose pictures are described by an endpoint, through the product's own door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdex import Heimdex
from heimdex.entities import TextChannel
from heimdex.search.meaning import MeaningSignal, Meant
from tests.integration.pipeline.test_wording import embed, lasting_worker
from tests.planting import fake_model, lasting_workers, make_media
from tests.vision_stub import KEY, VisionStub, answers, pictures_of, says, vision_stub

STAGES = ["scenes", "picture", "description", "text"]


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with fake_model(), lasting_workers(), lasting_worker():
        yield


@pytest.fixture
def stub() -> Iterator[VisionStub]:
    with vision_stub() as made:
        yield made


def settings(database_url: str, tmp_path: Path, stub: VisionStub, **rest: Any) -> dict[str, Any]:
    return {
        "home": tmp_path / "home",
        "database_url": database_url,
        "picture_model": "fake",
        "workers": 1,
        "description_url": stub.url,
        "description_model": "seer",
        "description_key": KEY,
    } | rest


def states(heimdex: Heimdex, stage: str) -> dict[str, int]:
    found: dict[str, dict[str, int]] = heimdex.status()["stages"]
    return {
        state: count
        for name, counts in found.items()
        if name.startswith(stage)
        for state, count in counts.items()
    }


def test_pictures_are_described_paid_for_once_and_found_by_what_was_said_of_them(
    database_url: str, tmp_path: Path, stub: VisionStub
) -> None:
    media = make_media(tmp_path / "media")
    for name in ("film.mp4", "short.mp4", "sound.m4a", "copies/again.jpg"):
        (media / name).unlink()
    stub.answers = [says("A wedding cake on a table.")]
    with Heimdex(**settings(database_url, tmp_path, stub, description_budget=3)) as heimdex:
        first = heimdex.index(media, stages=STAGES)
        assert first.failed == ()
        (want,) = first.wants
        assert (want.stage, "budget of 3 requests" in want.reason) == ("description", True)
        status = heimdex.status()
        assert (status["words"]["descriptions"], status["waiting"]) == (3, {"description": 1, "writing": 4})
        assert sorted(asset["words"]["descriptions"] for asset in heimdex.assets()["assets"]) == [0, 1, 1, 1]
        assert states(heimdex, "description") == {"done": 3, "pending": 1}
        assert len(stub.asked) == 3
        assert all(pictures_of(content)[0].startswith(b"\xff\xd8") for content in stub.asked)
        assert [fault.what for fault in heimdex.verify(sample=0).faults if fault.stage != "speech"] == [
            "the ledger has no entry for this stage"  # `writing`, which was not asked for
        ] * 4
        stub.answers = [answers(200, b"<html>")]
        heimdex.index(media, stages=STAGES)
        assert states(heimdex, "description") == {"done": 3, "failed": 1}
        heimdex.index(media, stages=STAGES)
        assert states(heimdex, "description") == {"done": 4}
        assert states(heimdex, "text") == {"done": 4}
        assert len(stub.asked) == 5
        signal = MeaningSignal(
            Meant(
                stored=_space(heimdex),
                channels=[TextChannel.DESCRIPTION],
                vector=embed("a marriage feast"),
            ),
            TextChannel.DESCRIPTION,
        )
        found = heimdex.database.run(
            heimdex.owner, lambda c: signal.propose(_scope(c, heimdex.owner), 4), read_only=True
        )
        described = heimdex.database.run(
            heimdex.owner,
            lambda c: c.execute(
                "SELECT scene_id::text FROM heimdex.description WHERE text LIKE 'A wedding%'"
            ).fetchall(),
        )
        assert found[0] == described[0][0]
        assert heimdex.index(media, stages=STAGES).indexed == 0
        assert len(stub.asked) == 5


def _space(heimdex: Heimdex) -> Any:
    from heimdex.pipeline.wording import find

    tools = heimdex._tools()
    stored = heimdex.database.run(heimdex.owner, lambda c: find(c, tools.text_model))
    assert stored is not None
    return stored.spaces[0]


def _scope(connection: Any, owner: str) -> Any:
    from heimdex.entities import Filters
    from heimdex.search.signals import Scope

    return Scope(
        connection=connection,
        owner=owner,
        filters=Filters(),
        is_small=lambda _: True,
        count_assets=lambda: 1,
        count_words=lambda words: dict.fromkeys(words, 1),
    )
