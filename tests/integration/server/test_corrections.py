"""What people say of an asset: shown, searched by, and kept through new looks at the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heimdex.app import Heimdex
from heimdex.cli.commands import app
from heimdex.client import Client, ServiceError
from tests.integration.server.conftest import SAMPLES, Service

THEN = datetime(1969, 7, 20, 20, 17, tzinfo=UTC)


@pytest.fixture
def asset_id(client: Client) -> str:
    return next(client.assets(kind="photo")).asset_id


def found_in_1969(client: Client) -> set[str]:
    answer = client.search("a photo", until=datetime(1970, 1, 1, tzinfo=UTC), nearest=True)
    return {hit.asset_id for hit in answer.hits}


def test_a_corrected_time_is_searched_by_and_outlives_a_new_look(
    service: Service, client: Client, asset_id: str
) -> None:
    before = client.asset(asset_id).asset
    assert asset_id not in found_in_1969(client)
    told = client.correct(asset_id, taken_at=THEN, title="  The   landing ").asset
    assert (told["title"], told["taken_at_corrected"]) == ("The landing", True)
    assert datetime.fromisoformat(told["taken_at"]) == THEN
    assert asset_id in found_in_1969(client)
    look_again(service.heimdex, before["path"])
    assert datetime.fromisoformat(client.asset(asset_id).asset["taken_at"]) == THEN
    assert service.heimdex.verify(sample=0).faults == ()
    assert client.correct(asset_id, title=None).asset["taken_at_corrected"]
    after = client.correct(asset_id, taken_at=None).asset
    assert (after["title"], after["taken_at"], after["taken_at_corrected"]) == (
        None, before["taken_at"], False,
    )  # fmt: skip
    assert asset_id not in found_in_1969(client)


def look_again(heimdex: Heimdex, path: str) -> None:
    """Have the facts of a file read anew, as if it had changed."""
    with heimdex.database.transaction(heimdex.owner) as connection:
        connection.execute("UPDATE heimdex.file SET modified_ns = -1 WHERE path = %s", [path])
    heimdex.index(path)


@pytest.mark.parametrize(
    "correction",
    [{"title": ""}, {"title": "x" * 201}, {"title": "\x00"}, {"title": "  "}, {"taken_at": "1969-07-20"},
     {"taken_at": "1969-07-20T20:17:00"}, {"path": "/etc/passwd"}],
)  # fmt: skip
def test_a_correction_that_makes_no_sense_is_refused(
    client: Client, asset_id: str, correction: dict[str, str]
) -> None:
    answer = client.http.patch(f"/api/v1/assets/{asset_id}", json=correction)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_nobody_corrects_what_is_another_owners(service: Service, client: Client) -> None:
    theirs = service.other.assets()["assets"][0]
    with pytest.raises(ServiceError) as caught:
        client.correct(theirs["asset_id"], title="mine")
    assert caught.value.status == 404
    assert service.other.show(theirs["asset_id"])["asset"]["title"] is None


def test_the_command_line_corrects_as_well(tmp_path: Path) -> None:
    home, photo = str(tmp_path / "home"), str(next((SAMPLES / "2024").glob("*.jpg")))
    run = CliRunner().invoke
    assert run(app, ["index", photo, "--home", home, "--stages", "scenes"]).exit_code == 0
    told = run(
        app, ["correct", photo, "--title", "Red", "--taken-at", "1969-07-20", "--json", "--home", home]
    )
    assert told.exit_code == 0, told.output
    asset = json.loads(told.stdout)["asset"]
    assert (asset["title"], asset["taken_at"][:4]) == ("Red", "1969")
    nothing = run(app, ["correct", photo, "--home", home])
    assert nothing.exit_code == 2
    back = run(app, ["correct", photo, "--title", "", "--taken-at", "", "--json", "--home", home])
    assert json.loads(back.stdout)["asset"]["title"] is None
