from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from heimdex.errors import AnswerFault, BudgetSpent, ModelError, ModelUnavailable, StoreError
from heimdex.extractors.chat_answers import LONGEST_TEXT, asked_to_wait_s, tidy
from heimdex.extractors.traffic import Traffic
from heimdex.extractors.vision_endpoint import LARGEST_ANSWER_BYTES, ChatEndpoint, ChatOptions
from tests.vision_stub import (
    KEY,
    Respond,
    Silent,
    VisionStub,
    answers,
    completion,
    cut_off,
    drip,
    endless,
    hang_up,
    no_http,
    pictures_of,
    says,
    vision_stub,
    words_of,
)


@pytest.fixture
def stub() -> Iterator[VisionStub]:
    with vision_stub() as made:
        yield made


class Waits(list[float]):
    """What was slept, in spells that belong together."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)

    @property
    def total(self) -> float:
        return round(sum(self), 3)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def endpoint(stub: VisionStub, waits: Waits) -> Iterator[Callable[..., ChatEndpoint]]:
    made: list[ChatEndpoint] = []

    def make(**options: Any) -> ChatEndpoint:
        given: dict[str, Any] = {"url": stub.url, "model": "m", "key": KEY, "timeout_s": 5.0} | options
        traffic = given.pop("traffic", Traffic())
        made.append(ChatEndpoint(ChatOptions(**given), traffic, sleep=waits))
        return made[-1]

    yield make
    for one in made:
        one.close()


Make = Callable[..., ChatEndpoint]


def test_a_picture_is_sent_with_the_prompt_and_its_answer_comes_back(
    stub: VisionStub, endpoint: Make
) -> None:
    stub.answers = [says("  A dog\n on the beach. ")]
    reply = endpoint().ask("What is this?", [b"\xff\xd8 one", b"\xff\xd8 two"])
    assert reply.text == "A dog on the beach."
    assert (reply.tokens_in, reply.tokens_out, reply.requests) == (1000, 20, 1)
    (content,) = stub.asked
    assert (content["model"], content["stream"]) == ("m", False)
    assert words_of(content) == "What is this?"
    assert pictures_of(content) == [b"\xff\xd8 one", b"\xff\xd8 two"]
    assert content["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert stub.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert stub.paths == ["/v1/chat/completions"]


def test_without_pictures_only_words_are_sent(stub: VisionStub, endpoint: Make) -> None:
    endpoint(key=None).ask("Sum this up.")
    assert stub.asked[0]["messages"][0]["content"] == "Sum this up."
    assert "Authorization" not in stub.headers[0]


@pytest.mark.parametrize("ending", ["", "/", "/chat/completions", "/chat/completions/"])
def test_the_address_may_be_that_of_the_api_or_of_the_completions(
    stub: VisionStub, endpoint: Make, ending: str
) -> None:
    endpoint(url=stub.url + ending).ask("?")
    assert stub.paths == ["/v1/chat/completions"]


def test_a_bare_host_is_asked_at_v1(stub: VisionStub, endpoint: Make) -> None:
    endpoint(url=stub.url.removesuffix("/v1") + "/?api-version=1").ask("?")
    assert stub.paths == ["/v1/chat/completions?api-version=1"]


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org/v1", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ModelError, match="no http address"):
        ChatEndpoint(ChatOptions(url=url, model="m"), Traffic())


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ModelError, match="holds a name or a password") as caught:
        ChatEndpoint(ChatOptions(url=f"https://me:{KEY}@example.org/v1", model="m"), Traffic())
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 529])
def test_a_busy_endpoint_is_asked_again_ever_later(
    stub: VisionStub, endpoint: Make, waits: Waits, code: int
) -> None:
    stub.answers = [answers(code), answers(code)]
    reply = endpoint().ask("?")
    assert reply.requests == 3
    assert waits.total == 3.0  # 1 + 2


def test_an_endpoint_that_says_when_to_come_back_is_obeyed(
    stub: VisionStub, endpoint: Make, waits: Waits
) -> None:
    stub.answers = [answers(429, Retry_After="7")]
    endpoint().ask("?")
    assert waits.total == pytest.approx(7.0)


def test_an_endpoint_that_wants_to_be_left_alone_for_long_is_left_alone(
    stub: VisionStub, endpoint: Make, waits: Waits
) -> None:
    stub.answers = [answers(429, Retry_After="86400")]
    with pytest.raises(ModelUnavailable, match="left alone for 86400 s"):
        endpoint().ask("?")
    assert waits == []


def test_a_retry_after_may_be_a_date_or_nonsense() -> None:
    now = datetime(2026, 5, 4, tzinfo=UTC)
    assert asked_to_wait_s(format_datetime(now + timedelta(seconds=30)), now) == 30.0
    assert asked_to_wait_s(format_datetime(now - timedelta(seconds=30)), now) == 0.0
    for nonsense in (None, "", "soon", "-3", "inf", "nan"):
        assert asked_to_wait_s(nonsense, now) == 0.0


def test_an_endpoint_that_stays_over_its_limit_is_given_up_for_now(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [answers(429)] * 9
    with pytest.raises(ModelUnavailable, match=r"answers 429 \(4 attempts\)"):
        endpoint().ask("?")
    assert len(stub.asked) == 4


def test_one_question_that_always_breaks_it_does_not_make_it_unavailable(
    stub: VisionStub, endpoint: Make
) -> None:
    stub.answers = [answers(500)] * 4
    asking = endpoint()
    with pytest.raises(AnswerFault, match="answers 500"):
        asking.ask("?")
    assert asking.ask("another").text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answers(401, b'{"error": {"message": "Incorrect API key provided: %s"}}' % KEY.encode()), "refuses"),
        (answers(403), "refuses the key"),
        (answers(404), "no model 'm'"),
        (answers(402, b"Please pay: %s" % KEY.encode()), "Please pay"),
        (answers(301, Location="http://127.0.0.1:9/elsewhere"), "points elsewhere"),
        (answers(307, Location="/v1/elsewhere"), "points elsewhere"),
    ],
    ids=["key", "forbidden", "model", "money", "other host", "same host"],
)
def test_what_no_question_would_change_is_told_at_once(
    stub: VisionStub, endpoint: Make, answer: Respond, said: str
) -> None:
    stub.answers = [answer]
    with pytest.raises(ModelUnavailable, match=said) as caught:
        endpoint().ask("?")
    assert len(stub.paths) == 1  # no redirect was followed
    assert KEY not in str(caught.value)


BROKEN: dict[str, Respond] = {
    "bad request": answers(400, b'{"error": "picture too odd for %s"}' % KEY.encode()),
    "too large": answers(413),
    "empty body": answers(200, b""),
    "html": answers(200, b"<html><body>Welcome</body></html>", Content_Type="text/html"),
    "a list": answers(200, b"[]"),
    "a number": answers(200, b"17"),
    "no choices": answers(200, b"{}"),
    "empty choices": answers(200, b'{"choices": []}'),
    "choices of another type": answers(200, b'{"choices": "yes"}'),
    "a message of another type": answers(200, b'{"choices": [{"message": "hello"}]}'),
    "a content of another type": says(17),
    "parts of another type": says([17]),
    "no words": says(""),
    "nothing": says(None),
    "blanks": says(" \n\t "),
    "thoughts alone": says("<think>Let me look at this.", finish="length"),
    "an error that calls itself success": answers(200, b'{"error": {"message": "out of memory"}}'),
    "no utf-8": answers(200, b"\xff\xfe{}"),
    "deep": answers(200, b"[" * 100_000),
    "packed unasked": answers(200, gzip.compress(completion("hello")), Content_Encoding="gzip"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_without_sense_is_this_questions_fault_alone(
    stub: VisionStub, endpoint: Make, answer: Respond
) -> None:
    stub.answers = [answer]
    asking = endpoint()
    with pytest.raises(AnswerFault) as caught:
        asking.ask("?")
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert len(stub.asked) == 1
    assert asking.ask("another").text


@pytest.mark.parametrize("answer", [cut_off, hang_up, no_http], ids=["cut off", "hung up", "no http"])
def test_a_broken_connection_is_tried_again(stub: VisionStub, endpoint: Make, answer: Respond) -> None:
    stub.answers = [answer]
    assert endpoint().ask("?").requests == 2
    stub.answers = [answer] * 4
    with pytest.raises(AnswerFault, match="4 attempts"):
        endpoint().ask("?")


def test_an_answer_without_an_end_is_cut(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [endless]
    with pytest.raises(AnswerFault, match=f"more than {LARGEST_ANSWER_BYTES:,} bytes"):
        endpoint().ask("?")


def test_a_long_answer_is_kept_in_part(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [says("word " * 100_000)]
    reply = endpoint().ask("?")
    assert LONGEST_TEXT - 10 < len(reply.text) <= LONGEST_TEXT + 2
    assert reply.text.endswith("word …")


def test_a_silent_endpoint_is_given_up(stub: VisionStub, endpoint: Make) -> None:
    silent = Silent()
    stub.answers = [silent]
    with pytest.raises(AnswerFault, match=r"no answer within 0\.1 s"):
        endpoint(timeout_s=0.1, attempts=1).ask("?")
    silent.release.set()


def test_an_answer_that_drips_is_given_up(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [drip]
    with pytest.raises(AnswerFault, match=r"no answer within 0\.2 s"):
        endpoint(timeout_s=0.2, attempts=1).ask("?")


def test_an_endpoint_that_is_not_there_is_named(endpoint: Make) -> None:
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9/.*Is it running"):
        endpoint(url="http://127.0.0.1:9/v1", attempts=2).ask("?")


def test_a_run_that_is_stopped_does_not_wait_for_the_answer(stub: VisionStub, endpoint: Make) -> None:
    silent = Silent()
    stub.answers = [silent]

    def stopped() -> None:
        raise StoreError("the run was stopped")

    with pytest.raises(StoreError, match="stopped"):
        endpoint().ask("?", alive=stopped)
    silent.release.set()


def test_a_newer_name_for_the_limit_is_learnt_once(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [
        answers(400, b'{"error": {"message": "Use \'max_completion_tokens\' instead of \'max_tokens\'"}}')
    ]
    asking = endpoint()
    asking.ask("?")
    asking.ask("again")
    assert ["max_completion_tokens" in content for content in stub.asked] == [False, True, True]
    assert ["max_tokens" in content for content in stub.asked] == [True, False, False]


def test_a_refusal_is_an_answer(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [says(None, refusal="I will not."), says("half of it", finish="content_filter")]
    asking = endpoint()
    assert asking.ask("?").refusal == "the model refuses: I will not."
    filtered = asking.ask("?")
    assert (filtered.text, filtered.refusal) == ("", "the endpoint's filter keeps the answer back")


def test_parts_of_text_are_joined_and_thoughts_left_out(stub: VisionStub, endpoint: Make) -> None:
    stub.answers = [
        says([{"type": "text", "text": "A red"}, {"type": "text", "text": "car."}]),
        says("<think>It is red. Or is it?</think>\n\nA red car."),
    ]
    asking = endpoint()
    assert [asking.ask("?").text, asking.ask("?").text] == ["A red car.", "A red car."]


def test_characters_that_no_database_takes_are_left_out() -> None:
    assert tidy("a\x00b \ud800c\x1b[31md") == "a b c [31md"


@pytest.mark.parametrize(
    "usage", ["{}", "null", '"many"', '{"prompt_tokens": "12", "completion_tokens": -1}']
)
def test_a_usage_without_sense_counts_nothing(stub: VisionStub, endpoint: Make, usage: str) -> None:
    body = json.loads(completion("hello")) | {"usage": json.loads(usage)}
    stub.answers = [answers(200, json.dumps(body).encode())]
    traffic = Traffic()
    reply = endpoint(traffic=traffic).ask("?")
    assert (reply.tokens_in, reply.tokens_out) == (None, None)
    assert (traffic.requests, traffic.tokens_in, traffic.tokens_out) == (1, 0, 0)


def test_a_budget_counts_requests_in_vain_and_is_never_overdrawn(stub: VisionStub, endpoint: Make) -> None:
    traffic = Traffic()
    asking = endpoint(budget_requests=3, traffic=traffic)
    stub.answers = [answers(503)]
    asking.ask("one")
    asking.ask("two")
    with pytest.raises(BudgetSpent, match="budget of 3 requests"):
        asking.ask("three")
    with pytest.raises(BudgetSpent):  # another that shares it
        endpoint(budget_requests=3, traffic=traffic).ask("four")
    assert len(stub.asked) == 3
    assert (traffic.tokens_in, traffic.tokens_out) == (2000, 40)


def test_requests_keep_their_pace() -> None:
    traffic = Traffic()
    waits = [traffic.book(budget=0, per_minute=30, now_s=now) for now in (100.0, 100.0, 101.0, 110.0)]
    assert waits == [0.0, 2.0, 3.0, 0.0]
    assert Traffic().book(budget=0, per_minute=0, now_s=5.0) == 0.0


def test_the_pace_is_waited_for(endpoint: Make, waits: Waits) -> None:
    asking = endpoint(requests_per_minute=6)
    for _ in range(2):
        asking.ask("?")
    assert 5.0 < waits.total <= 10.01  # the second of two: ten seconds after the first, less what that took


def test_the_key_is_neither_logged_nor_shown(
    stub: VisionStub, endpoint: Make, caplog: pytest.LogCaptureFixture
) -> None:
    stub.answers = [answers(400, KEY.encode())]
    with caplog.at_level(logging.DEBUG):
        asking = endpoint()
        with pytest.raises(AnswerFault) as caught:
            asking.ask("?")
        asking.ask("?")
    assert KEY not in caplog.text
    assert KEY not in repr(asking.options)
    assert "***" in str(caught.value)
