"""The dashboard and the alert rules ask for metrics that a scrape has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from heimdex.app import Heimdex
from heimdex.config import read_settings
from heimdex.entities import Answer, Query, Verdict
from heimdex.server.application import create_app
from heimdex.server.installation_metrics import FAMILIES

DEPLOY = Path(__file__).parents[3] / "deploy"
NAMES = re.compile(r"\b(?:heimdex|process)_[a-z_]+")


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], dict[str, str]]:
    """The names of everything in a scrape, and the kind of each family."""
    answer = Answer(
        query=Query(text="a"), verdict=Verdict.MATCH, hits=(), models={}, unavailable=(), took_ms=1.0
    )
    with (
        pytest.MonkeyPatch.context() as patch,
        Heimdex(read_settings(home=tmp_path_factory.mktemp("home"))) as heimdex,
        TestClient(create_app(heimdex), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as asking,
    ):
        patch.setattr(Heimdex, "search", lambda *_, **__: answer)
        asking.get("/api/v1/search", params={"q": "a"})
        text = asking.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    names = {family.name for family in families} | {s.name for family in families for s in family.samples}
    return names, {family.name: family.type for family in families}


def dashboard() -> list[str]:
    document = json.loads((DEPLOY / "grafana" / "heimdex.json").read_text())
    panels = [panel for panel in document["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    return [target["expr"] for panel in panels for target in panel["targets"]]


def rules() -> list[str]:
    document = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    found = [rule for group in document["groups"] for rule in group["rules"]]
    for rule in found:
        assert rule["for"], rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "action"}
    return [rule["expr"] for rule in found]


@pytest.mark.parametrize("expressions", [dashboard, rules])
def test_every_metric_that_is_asked_for_is_in_a_scrape(
    scraped: tuple[set[str], dict[str, str]], expressions: object
) -> None:
    asked = expressions()  # type: ignore[operator]
    assert len(asked) >= 10
    for expression in asked:
        assert expression.count("(") == expression.count(")"), expression
        named = set(NAMES.findall(expression))
        assert named <= scraped[0], expression


def test_the_dashboard_shows_every_figure_of_the_installation() -> None:
    shown = " ".join(dashboard())
    told = {family.name for family in FAMILIES.values()} - {"heimdex_stage_runs_duration_seconds"}
    assert {name for name in told if name not in shown} == set()


def test_names_follow_the_conventions(scraped: tuple[set[str], dict[str, str]]) -> None:
    names, kinds = scraped
    for name, kind in kinds.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert not re.search(r"_(ms|milliseconds|mb|percent|minutes|hours)\b", name)
        if kind == "counter":
            assert f"{name}_total" in names
        if kind == "gauge" and name.startswith("heimdex_"):
            assert not name.endswith("_total")
    assert all(kind != "unknown" for kind in kinds.values())


def test_the_how_to_names_every_metric(scraped: tuple[set[str], dict[str, str]]) -> None:
    page = (DEPLOY.parent / "docs" / "howto" / "monitoring.md").read_text()
    ours = {name for name in scraped[1] if name.startswith("heimdex_") and not name.endswith("_created")}
    abbreviated = {"heimdex_warm_models_limit_bytes", "heimdex_database_connections_limit"}
    assert {name for name in ours - abbreviated if name not in page} == set()
