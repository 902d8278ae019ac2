"""Turns at what takes long, and streams of those who watch jobs."""

from __future__ import annotations

import pytest

from heimdex.errors import RateLimited
from heimdex.server.turns import Turns
from heimdex.server.watching import Watchers


def test_who_comes_on_top_is_sent_away_until_a_turn_is_over() -> None:
    turns = Turns(2, "cutting clips")
    with turns.take(), turns.take(), pytest.raises(RateLimited, match="cutting clips"), turns.take():
        pass
    with turns.take():
        pass


def test_a_turn_ends_with_what_goes_wrong_in_it() -> None:
    turns = Turns(1, "verification")
    with pytest.raises(ValueError, match="wrong"), turns.take():
        raise ValueError("wrong")
    with turns.take():
        pass


def test_streams_are_counted_by_owner_and_forgotten_when_they_end() -> None:
    watchers = Watchers(1)
    with watchers.watching("a"):
        with pytest.raises(RateLimited):
            watchers.check("a")
        watchers.check("b")
    watchers.check("a")
