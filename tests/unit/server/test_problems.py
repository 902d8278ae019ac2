"""What callers are told of errors."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from heimdex import errors
from heimdex.server import problems

SECRET = 'connection to server at "db.internal", port 5432 failed for user "heimdex_app"'


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.DatabaseUnavailable, 503),
        (errors.StoreError, 500),
        (errors.StorageFull, 507),
        (errors.ObjectStoreUnavailable, 503),
        (errors.ObjectStoreRefused, 500),
        (errors.ObjectMissing, 404),
    ],
)
def test_where_databases_and_stores_are_is_in_the_log_and_nobodys_business_else(
    kind: type[errors.HeimdexError], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise kind(SECRET)

    answer = TestClient(app).get("/")
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert "internal" not in answer.text
    assert SECRET in caplog.text


def test_what_a_caller_did_wrong_is_told_in_full() -> None:
    assert problems.told(errors.QueryError("no such word: kind")) == "no such word: kind"
