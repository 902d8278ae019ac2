from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from heimdex.encoders.endpoint import EndpointEncoder, EndpointOptions
from heimdex.errors import ModelError, ModelUnavailable

Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news."""


class Stub:
    """An endpoint on this machine that does what a test tells it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.waits: list[float] = []
        self.answers: list[Callable[[dict[str, Any]], Answer]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.asked.append(content)
                stub.keys.append(self.headers.get("Authorization"))
                answer = stub.answers.pop(0) if stub.answers else sound
                code, headers, body = answer(content)
                self.send_response(code)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/embeddings"

    def encoder(self, **options: Any) -> EndpointEncoder:
        given: dict[str, Any] = {"url": self.url, "model": "m", "key": "secret", "timeout_s": 5.0} | options
        return EndpointEncoder(EndpointOptions(**given), sleep=self.waits.append)


def vector(text: str, dim: int = 4) -> list[float]:
    return [float(len(text)), 1.0, *[0.0] * (dim - 2)]


def sound(content: dict[str, Any]) -> Answer:
    data = [
        {"index": index, "embedding": vector(text, content.get("dimensions", 4))}
        for index, text in enumerate(content["input"])
    ]
    return 200, {}, json.dumps({"data": data[::-1]}).encode()  # in any order


def saying(code: int, body: bytes = b"{}", **headers: str) -> Callable[[dict[str, Any]], Answer]:
    return lambda _: (code, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_texts_get_unit_vectors_in_their_order_a_batch_at_a_time(stub: Stub) -> None:
    texts = ["a", "bb", "ccc", "dddd", "eeeee"]
    found = list(stub.encoder(batch=2).encode(texts))
    assert [len(content["input"]) for content in stub.asked] == [2, 2, 1]
    for text, one in zip(texts, found, strict=True):
        wanted = np.array(vector(text)) / np.linalg.norm(vector(text))
        assert np.allclose(one.values, wanted)
        assert (one.space.model, one.space.name, one.space.dim) == ("endpoint:m", "text", 4)
    assert set(stub.keys) == {"Bearer secret"}


def test_dimensions_are_asked_for_and_held_to(stub: Stub) -> None:
    assert stub.encoder(dimensions=3).space.dim == 3
    assert stub.asked[0]["dimensions"] == 3
    stub.answers = [lambda content: sound({"input": content["input"], "dimensions": 5})]
    with pytest.raises(ModelError, match="5 dimensions where 3"):
        stub.encoder(dimensions=3).embed(["a"], "query")


def test_a_model_that_changes_its_size_is_noticed(stub: Stub) -> None:
    encoder = stub.encoder()
    assert encoder.space.dim == 4
    stub.answers = [lambda content: sound(content | {"dimensions": 6})]
    with pytest.raises(ModelError, match="6 dimensions where 4"):
        encoder.embed(["a"], "query")


def test_nothing_is_sent_before_it_is_needed_and_an_empty_text_as_a_blank(stub: Stub) -> None:
    encoder = stub.encoder()
    assert list(encoder.encode([])) == []
    assert stub.asked == []
    (blank,) = encoder.encode([""])
    assert stub.asked[0]["input"] == [" "]
    assert blank.certainty == 0.0


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_endpoint_is_asked_again_ever_later(stub: Stub, code: int) -> None:
    stub.answers = [saying(code), saying(code)]
    assert len(stub.encoder().embed(["a"], "query")) == 1
    assert stub.waits == [0.5, 1.0]


def test_an_endpoint_that_says_when_to_come_back_is_obeyed(stub: Stub) -> None:
    stub.answers = [saying(429, Retry_After="7"), saying(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")]
    stub.encoder().embed(["a"], "query")
    assert stub.waits == [7.0, 1.0]


def test_an_endpoint_that_stays_ill_is_given_up(stub: Stub) -> None:
    stub.answers = [saying(503)] * 9
    with pytest.raises(ModelUnavailable, match=r"answers 503 \(4 attempts\)"):
        stub.encoder().embed(["a"], "query")
    assert len(stub.asked) == 4


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (saying(401), ModelUnavailable, "refuses the key"),
        (saying(404), ModelUnavailable, "no model 'm'"),
        (saying(400, b'{"error": "too long"}'), ModelError, "too long"),
        (saying(302, Location="http://127.0.0.1:9/elsewhere"), ModelError, "points elsewhere"),
    ],
    ids=["key", "model", "texts", "elsewhere"],
)
def test_a_refusal_is_told_at_once(
    stub: Stub, answer: Callable[[dict[str, Any]], Answer], error: type[ModelError], said: str
) -> None:
    stub.answers = [answer]
    with pytest.raises(error, match=said) as caught:
        stub.encoder().embed(["a"], "query")
    assert len(stub.asked) == 1
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"data": 3}',
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 0, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": [1, NaN]}, {"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [0, 0]}, {"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}]}',
        b'{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}',
        b'{"data": [%s]}' % b", ".join(b'{"index": %d, "embedding": [1]}' % index for index in range(3)),
    ],
)
def test_an_answer_without_sense_is_refused(stub: Stub, body: bytes) -> None:
    stub.answers = [saying(200, body)]
    with pytest.raises(ModelError, match="gave"):
        stub.encoder().embed(["a", "b"], "query")


def test_an_answer_cut_short_is_asked_for_again(stub: Stub) -> None:
    stub.answers = [saying(200, b'{"data"', Content_Length="5000")]
    # The stub closes the connection before all was sent.
    assert len(stub.encoder().embed(["a"], "query")) == 1
    assert len(stub.asked) == 2


def test_an_endpoint_that_is_not_there_is_named(stub: Stub) -> None:
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9/.*Is it running"):
        stub.encoder(url="http://127.0.0.1:9/v1/embeddings", attempts=1).embed(["a"], "query")


def test_a_silent_endpoint_is_given_up(stub: Stub) -> None:
    release = threading.Event()

    def silent(content: dict[str, Any]) -> Answer:
        release.wait(20)
        return sound(content)

    stub.answers = [silent]
    with pytest.raises(ModelUnavailable, match="timed out"):
        stub.encoder(timeout_s=0.1, attempts=1).embed(["a"], "query")
    release.set()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="no http address"):
        EndpointEncoder(EndpointOptions(url="file:///etc/passwd", model="m"))
    assert "secret" not in repr(EndpointOptions(url="http://x", model="m", key="secret"))
