from __future__ import annotations

from datetime import UTC, datetime

import pytest

from heimdex.cli.dates import since, until
from heimdex.errors import QueryError


def local(*parts: int) -> datetime:
    return datetime(*parts).astimezone()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", (2024, 1, 1), (2025, 1, 1)),
        ("2024-12", (2024, 12, 1), (2025, 1, 1)),
        ("2024-2", (2024, 2, 1), (2024, 3, 1)),
        ("2024-02-29", (2024, 2, 29), (2024, 3, 1)),
        (" 2023-12-31 ", (2023, 12, 31), (2024, 1, 1)),
    ],
)
def test_a_period_runs_from_its_first_moment_to_the_one_after_its_last(
    text: str, first: tuple[int, ...], after: tuple[int, ...]
) -> None:
    assert since(text) == local(*first)
    assert until(text) == local(*after)


def test_a_moment_is_taken_as_it_is() -> None:
    assert since("2024-05-17T14:30:00+00:00") == datetime(2024, 5, 17, 14, 30, tzinfo=UTC)
    assert until("2024-05-17T14:30") == local(2024, 5, 17, 14, 30)


@pytest.mark.parametrize("text", ["", "tomorrow", "2024-13", "2023-02-29", "0", "20240", "2024-1-1-1"])
def test_what_is_no_date_says_how_to_write_one(text: str) -> None:
    with pytest.raises(QueryError, match="2024-05-17"):
        since(text)
