"""The loader of named queries."""

from __future__ import annotations

import numpy as np
import pytest

from heimdex.errors import StoreError
from heimdex.store.sql import QUERIES_FOLDER, literal_int, parse, queries

FILE = """-- A heading.

-- name: first
-- What it does.
SELECT 1;

-- name: second
-- What this does.
-- A remark.
SELECT %(value)s
  FROM somewhere;
"""


def test_blocks_become_statements_by_name() -> None:
    assert dict(parse(FILE, "file")) == {
        "first": "SELECT 1;",
        "second": "-- A remark.\nSELECT %(value)s\n  FROM somewhere;",
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-- name: bare\nSELECT 1;", "needs a comment sentence"),
        ("-- name: empty\n-- Nothing follows.\n", "needs a comment sentence"),
        ("SELECT 1;\n-- name: late\n-- Says.\nSELECT 2;", "before its first"),
        (FILE + FILE.replace("second", "third"), "stands twice"),
    ],
)
def test_a_file_out_of_form_is_refused(text: str, fault: str) -> None:
    with pytest.raises(StoreError, match=fault):
        dict(parse(text, "file"))


@pytest.mark.parametrize("file", sorted(path.stem for path in QUERIES_FOLDER.glob("*.sql")))
def test_every_file_of_ours_is_in_form(file: str) -> None:
    assert len(queries(file)) > 0


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(StoreError, match=r"no query named 'no_such'.*insert_scene"):
        queries("scenes")["no_such"]


def test_an_unknown_file_is_a_clear_error() -> None:
    with pytest.raises(StoreError, match=r"no_such\.sql is missing"):
        queries("no_such")


def test_whole_numbers_become_literals() -> None:
    statement = "SELECT {a}, halfvec({dim}) WHERE x = {a}"
    assert literal_int(statement, a=-7, dim=512) == "SELECT -7, halfvec(512) WHERE x = -7"


@pytest.mark.parametrize("value", ["1", 1.0, True, None, np.int64(3)])
def test_nothing_but_an_int_becomes_a_literal(value: object) -> None:
    with pytest.raises(StoreError, match="takes an int"):
        literal_int("SELECT {a}", a=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}])
def test_slots_and_values_must_match(values: dict[str, int]) -> None:
    with pytest.raises(StoreError, match="slots"):
        literal_int("SELECT {a}, {b}", **values)
