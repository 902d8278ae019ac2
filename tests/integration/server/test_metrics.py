"""`GET /metrics`: what it tells, to whom, and that no owner can be told from it."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from heimdex.app import Heimdex
from heimdex.cli import logs
from heimdex.config import Settings, read_settings
from heimdex.entities import Answer, Query, Verdict
from heimdex.errors import DatabaseUnavailable
from heimdex.server.application import create_app
from heimdex.server.installation_metrics import Count
from heimdex.store.installation import installation_figures, vector_figures
from tests.conftest import ServerUnderTest
from tests.library import add_asset, make_model, unit

Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return read_settings(home=tmp_path, database_url=database_url)


@pytest.fixture
def heimdex(settings: Settings) -> Iterator[Heimdex]:
    with Heimdex(settings) as opened:
        yield opened


def client(heimdex: Heimdex, peer: str = "127.0.0.1", host: str = "127.0.0.1") -> TestClient:
    return TestClient(create_app(heimdex), base_url=f"http://{host}", client=(peer, 40_000))


def scrape(asking: TestClient) -> dict[Sample, float]:
    answer = asking.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: dict[Sample, float], name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def fill(heimdex: Heimdex, owner: str, files: int) -> list[str]:
    """Assets with three vectors each, all stages done."""
    model = make_model(heimdex.database, owner)
    rows = unit(np.random.default_rng(1).normal(size=(3, 32)))
    made = [
        add_asset(heimdex.database, owner, model, f"/secret-{owner}/{n}.mp4", [rows]) for n in range(files)
    ]
    return [asset.asset_id for asset in made]


def test_requests_are_counted_by_the_template_of_their_route(heimdex: Heimdex) -> None:
    asking = client(heimdex)
    for _ in range(3):
        assert asking.get(f"/api/v1/assets/{uuid.uuid4()}").status_code == 404
    assert asking.get("/nothing/here").status_code == 404
    found = scrape(asking)
    route = "/api/v1/assets/{asset_id}"
    assert value(found, "heimdex_http_requests_total", method="GET", route=route, status="404") == 3
    assert value(found, "heimdex_http_request_duration_seconds_count", method="GET", route=route) == 3
    assert value(found, "heimdex_http_requests_total", method="GET", route="none", status="404") == 1
    assert not any("/nothing/here" in str(sample) for sample in found)


def test_an_invented_method_gets_no_label_of_its_own(heimdex: Heimdex) -> None:
    asking = client(heimdex)
    asking.request("FROBNICATE", "/health")
    assert any(("method", "other") in labels for _, labels in scrape(asking))
    assert "FROBNICATE" not in asking.get("/metrics").text


def test_searches_are_counted_by_verdict_and_model(heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(
        query=Query(text="a"),
        verdict=Verdict.WEAK,
        hits=(),
        models={"picture": "new"},
        unavailable=(),
        took_ms=20.0,
    )
    monkeypatch.setattr(Heimdex, "search", lambda *_, **__: answer)
    with client(heimdex) as asking:
        assert asking.get("/api/v1/search", params={"q": "a"}).status_code == 200
        found = scrape(asking)
    assert value(found, "heimdex_searches_total", verdict="weak", model="new") == 1
    assert value(found, "heimdex_search_duration_seconds_sum", model="new") == pytest.approx(0.02)


def test_the_index_is_counted_from_the_rows_of_all_owners(heimdex: Heimdex) -> None:
    database = heimdex.database
    owners = [str(uuid.uuid4()), str(uuid.uuid4())]
    assets = {owner: fill(heimdex, owner, 2) for owner in owners}
    first = assets[owners[1]][0]
    with database.transaction(owners[1]) as connection:
        connection.execute(
            "UPDATE heimdex.stage_run SET state = 'failed', error = 'Timeout after 2.0s' "
            "WHERE asset_id = %s AND stage = 'picture'",
            [first],
        )
        connection.execute(
            "UPDATE heimdex.vector SET embedding = NULL, checksum = NULL, "
            'metadata = \'{"error": "Timeout after 2.0s"}\' WHERE asset_id = %s AND rank = 0',
            [first],
        )
        connection.execute("UPDATE heimdex.vector SET metadata = metadata || '{\"inference_time_ms\": 5}'")
    found = scrape(client(heimdex))
    assert value(found, "heimdex_installation_counted", part="ledger") == 1
    assert value(found, "heimdex_assets", kind="video") == 4
    assert value(found, "heimdex_stage_runs", stage="picture", model="test", state="failed") == 1
    assert value(found, "heimdex_stage_runs", stage="picture", model="test", state="done") == 3
    assert value(found, "heimdex_stage_timeouts", stage="picture", model="test") == 1
    assert value(found, "heimdex_stage_coverage_ratio", stage="picture") == 0.75
    assert value(found, "heimdex_vectors", model="test") == 11
    assert value(found, "heimdex_vector_failures", model="test") == 1
    assert value(found, "heimdex_vector_coverage_ratio", model="test") == pytest.approx(11 / 12)
    assert value(found, "heimdex_inference_vectors", model="test") == 6
    assert value(found, "heimdex_inference_duration_seconds", model="test") == pytest.approx(0.03)


def test_no_owner_file_or_word_can_be_told_from_a_scrape(heimdex: Heimdex) -> None:
    owner = str(uuid.uuid4())
    (asset,) = fill(heimdex, owner, 1)
    text = client(heimdex).get("/metrics").text
    assert "heimdex_assets" in text
    assert owner not in text
    assert asset not in text
    assert "secret-" not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


def test_counting_opens_no_other_way_to_the_rows_of_others(heimdex: Heimdex) -> None:
    stranger = str(uuid.uuid4())
    fill(heimdex, str(uuid.uuid4()), 1)
    with heimdex.database.transaction(stranger) as connection:
        connection.execute("SELECT set_config('heimdex.counting', 'on', true)")
        assert connection.execute("SELECT count(*) FROM heimdex.asset").fetchone() == (0,)
        assert installation_figures(connection)
        assert vector_figures(connection)
        assert connection.execute("SELECT count(*) FROM heimdex.asset").fetchone() == (0,)
        assert connection.execute("SELECT current_setting('heimdex.counting')").fetchone() == ("",)


def test_jobs_are_counted_by_queue_and_state_where_there_are_any(
    heimdex: Heimdex, database_server: ServerUnderTest, database_url: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_server.url(str(name), user="postgres")) as connection:
        connection.execute(
            """
            CREATE TABLE IF NOT EXISTS heimdex.job (
                owner_id uuid, job_id uuid, kind text, queue text, state text, not_before timestamptz,
                created_at timestamptz);
            ALTER TABLE heimdex.job OWNER TO heimdex_owner;
            INSERT INTO heimdex.job (owner_id, job_id, kind, queue, state, created_at, not_before)
            SELECT gen_random_uuid(), gen_random_uuid(), 'index', 'index', s,
                   now() - interval '1 minute' * n, CASE WHEN n = 9 THEN now() + interval '1 day' END
              FROM (VALUES ('waiting', 2), ('waiting', 1), ('running', 5), ('waiting', 9)) AS made(s, n)
            """
        )
    found = scrape(client(heimdex))
    assert value(found, "heimdex_jobs", queue="index", state="waiting") == 3
    assert value(found, "heimdex_jobs", queue="index", state="running") == 1
    # What is not due yet does not wait.
    assert 120 <= value(found, "heimdex_job_oldest_age_seconds", queue="index") < 540


def test_a_scrape_without_a_database_says_so_and_tells_the_rest(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = client(heimdex)
    heimdex.check_ready()

    def gone(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(type(heimdex.database), "run", gone)
    found = scrape(asking)
    assert value(found, "heimdex_installation_counted", part="ledger") == 0
    assert value(found, "heimdex_home_free_bytes") > 0
    assert value(found, "process_resident_memory_bytes") > 0
    assert value(found, "heimdex_database_connections_limit") >= 16


def test_counting_rests_for_a_multiple_of_what_it_took(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, counts = 0.0, 0

    def count(*_: object, **__: object) -> tuple[object, ...]:
        nonlocal now, counts
        now, counts = now + 3.0, counts + 1
        return ()

    monkeypatch.setattr(type(heimdex.database), "run", count)
    counting = Count(heimdex, installation_figures, lambda: now)
    for at, expected in ((0.0, 1), (30.0, 1), (3.0 + 59.9, 1), (3.0 + 60.1, 2)):
        now = max(now, at)
        assert counting.figures() == ()
        assert counts == expected, at


@pytest.mark.parametrize(
    ("mode", "peer", "host", "status"),
    [
        ("auto", "127.0.0.1", "127.0.0.1", 200),
        ("auto", "::1", "localhost", 200),
        ("open", "192.0.2.7", "heimdex.example", 200),
        ("off", "127.0.0.1", "127.0.0.1", 404),
    ],
)
def test_who_may_read_metrics_is_a_setting(
    settings: Settings,
    heimdex: Heimdex,
    mode: str,
    peer: str,
    host: str,
    status: int,
) -> None:
    heimdex.settings = settings.model_copy(update={"metrics": mode})
    assert client(heimdex, peer, host).get("/metrics").status_code == status


@pytest.mark.parametrize(
    ("mode", "peer", "host", "headers"),
    [
        ("auto", "192.0.2.7", "heimdex.example", {}),
        ("auto", "127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}),
        ("auto", "127.0.0.1", "heimdex.example", {}),
        ("key", "127.0.0.1", "127.0.0.1", {}),
    ],
)
def test_everybody_else_needs_a_key_that_may_administer(
    settings: Settings,
    heimdex: Heimdex,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    peer: str,
    host: str,
    headers: dict[str, str],
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("heimdex.server.routes.metrics.ADMIN", asked.append)
    heimdex.settings = settings.model_copy(update={"metrics": mode})
    assert client(heimdex, peer, host).get("/metrics", headers=headers).status_code == 200
    assert len(asked) == 1


def test_what_a_route_logs_carries_the_id_of_its_request(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str | None]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.name, getattr(record, "request_id", None)))

    def gone(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    listener = Listener()
    listener.addFilter(logs.Ids())
    monkeypatch.setattr(Heimdex, "status", gone)
    logger = logging.getLogger("heimdex")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(listener)
    try:
        answer = client(heimdex).get("/api/v1/status", headers={"X-Request-ID": "asked-7"})
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before)
    assert answer.status_code == 503
    assert ("heimdex.server.problems", "asked-7") in seen  # from a thread of the route
    assert ("heimdex.requests", "asked-7") in seen
