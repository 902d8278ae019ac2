"""What being asked to stop does, and when."""

from __future__ import annotations

import pytest

from heimdex.cli.stopping import Stop


def test_work_under_way_is_ended() -> None:
    with pytest.raises(KeyboardInterrupt):
        Stop()()


def test_an_echo_of_the_first_signal_does_nothing() -> None:
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop()
    stop()


def test_what_tidies_up_is_not_broken_off() -> None:
    stop = Stop()
    stop.is_closing = True
    stop()
