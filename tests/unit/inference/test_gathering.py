from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from heimdex.inference.gathering import Gatherer

LONG_S = 20.0  # until a thread that hangs is given up


class Oracle:
    """Answers in capitals; holds its first batch until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.busy, self.may_go_on = threading.Event(), threading.Event()

    def answer(self, questions: Sequence[str]) -> list[str]:
        self.batches.append(list(questions))
        if len(self.batches) == 1:
            self.busy.set()
            assert self.may_go_on.wait(LONG_S)
        if "bad" in questions:
            raise ValueError("bad")
        return [question.upper() for question in questions]


def ask_together(
    oracle: Oracle, gatherer: Gatherer[str, str], first: str, later: list[str]
) -> dict[str, object]:
    """What each question got, `later` having come while `first` was being answered."""
    found: dict[str, object] = {}

    def ask(question: str) -> None:
        try:
            found[question] = gatherer.ask(question)
        except ValueError as err:
            found[question] = err

    threads = [threading.Thread(target=ask, args=(first,))]
    threads[0].start()
    assert oracle.busy.wait(LONG_S)
    for number, question in enumerate(later, start=1):
        threads.append(threading.Thread(target=ask, args=(question,)))
        threads[-1].start()
        wait_until(lambda wanted=number: len(gatherer._waiting) == wanted)
    oracle.may_go_on.set()
    for thread in threads:
        thread.join(LONG_S)
    return found


def wait_until(true: object) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if true():  # type: ignore[operator]
            return
        pause.wait(0.01)
    raise AssertionError("it never came true")


def test_a_lone_question_is_answered() -> None:
    oracle = Oracle()
    oracle.may_go_on.set()
    gatherer = Gatherer[str, str](oracle.answer)
    assert [gatherer.ask("a"), gatherer.ask("b")] == ["A", "B"]
    assert oracle.batches == [["a"], ["b"]]


def test_what_comes_while_one_is_answered_goes_together() -> None:
    oracle = Oracle()
    found = ask_together(oracle, Gatherer(oracle.answer), "a", ["b", "c", "d"])
    assert oracle.batches == [["a"], ["b", "c", "d"]]
    assert found == {"a": "A", "b": "B", "c": "C", "d": "D"}


def test_a_batch_has_a_largest_size() -> None:
    oracle = Oracle()
    found = ask_together(oracle, Gatherer(oracle.answer, largest=2), "a", ["b", "c", "d"])
    assert oracle.batches == [["a"], ["b", "c"], ["d"]]
    assert found == {"a": "A", "b": "B", "c": "C", "d": "D"}


def test_one_that_fails_does_not_fail_the_others() -> None:
    oracle = Oracle()
    found = ask_together(oracle, Gatherer(oracle.answer), "a", ["b", "bad", "d"])
    assert isinstance(found.pop("bad"), ValueError)
    assert found == {"a": "A", "b": "B", "d": "D"}


def test_too_few_replies_are_an_error_of_each() -> None:
    gatherer = Gatherer[str, str](lambda _: [])
    with pytest.raises(ValueError, match="zip"):
        gatherer.ask("a")


def test_an_interrupted_leader_leaves_the_others_answered() -> None:
    oracle = Oracle()
    interrupted: list[bool] = []

    def answer(questions: Sequence[str]) -> list[str]:
        if list(questions) == ["b", "c"] and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return oracle.answer(questions)

    gatherer = Gatherer[str, str](answer)
    leader: list[BaseException] = []

    def ask_and_break() -> None:
        try:
            gatherer.ask("b")
        except KeyboardInterrupt as err:
            leader.append(err)

    found: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda: found.update(a=gatherer.ask("a"))),
        threading.Thread(target=ask_and_break),
        threading.Thread(target=lambda: found.update(c=gatherer.ask("c"))),
    ]
    threads[0].start()
    assert oracle.busy.wait(LONG_S)
    for number, thread in enumerate(threads[1:], start=1):
        thread.start()
        wait_until(lambda wanted=number: len(gatherer._waiting) == wanted)
    oracle.may_go_on.set()
    for thread in threads:
        thread.join(LONG_S)
    assert len(leader) == 1
    assert found == {"a": "A", "c": "C"}
    assert gatherer.ask("e") == "E"
