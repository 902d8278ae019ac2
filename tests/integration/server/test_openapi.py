"""The OpenAPI description, and requests made from it: whatever is asked, the service does not break."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from pydantic import BaseModel
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from heimdex.client import Client
from heimdex.client.documents import jobs, library, searches, uploads
from tests.integration.server.conftest import Service

EXAMPLES = 10
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@schemathesis.serializer("application/offset+octet-stream")
def octets(_: Any, value: Any) -> bytes:
    """Bytes of an upload, as they are."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


def description(client: Client) -> dict[str, Any]:
    document: dict[str, Any] = client.http.get("/api/v1/openapi.json").json()
    return document


def test_every_operation_has_a_name_a_sentence_and_problems(client: Client) -> None:
    document = description(client)
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names)) > 10
    for path, method, operation in operations:
        assert operation.get("description"), (path, method)
        if path.startswith("/api/"):
            assert "application/problem+json" in operation["responses"]["422"]["content"], (path, method)
    assert "HTTPValidationError" not in json.dumps(document)


def test_examples_are_such_as_the_shapes_they_stand_for() -> None:
    shown = {
        shape.__name__: [shape.model_validate(one) for one in shape.model_json_schema()["examples"]]
        for module in (jobs, library, searches, uploads)
        for shape in vars(module).values()
        if isinstance(shape, type)
        and issubclass(shape, BaseModel)
        and "json_schema_extra" in shape.model_config
    }
    assert {"AssetShape", "Health", "JobShape", "SearchAnswer", "SearchRequest", "UploadShape"} <= set(shown)


def test_the_page_of_the_description_asks_no_other_host(client: Client) -> None:
    answer = client.http.get("/api/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "v1/openapi.json" in answer.text
    assert "//" not in answer.text.replace("<!doctype html>", "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.http.get("/").headers["location"] == "/api/docs"


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore")  # of schemathesis' own dependencies
def test_no_request_made_from_the_description_breaks_the_service(service: Service) -> None:
    schema = schemathesis.openapi.from_url(f"{service.address}/api/v1/openapi.json")
    labels: list[str] = []
    broken: list[Exception] = []
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        labels.append(operation.label)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _ask(operation, mode)
            except Exception as error:
                broken.append(error)
    if broken:
        raise ExceptionGroup(f"{len(broken)} of {len(labels)} operations", broken)
    assert len(labels) > 10


def _ask(operation: Any, mode: GenerationMode) -> None:
    """Some requests of one operation, good ones or bad ones, each answer held against the description."""

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.validate_response(case.call(), checks=CHECKS)

    with suppress(Unsatisfiable):  # nothing can be wrong with some
        ask()
