"""Fetching by address: a server of this machine stands for the internet, a fake resolver for its names."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from heimdex.errors import AddressRefused, FetchFailed, HeimdexError, UploadTooLarge
from heimdex.pipeline.incoming.addresses import FetchPolicy, places
from heimdex.pipeline.incoming.fetching import UNREACHED, FetchOptions, fetch
from tests.uploading import TUS, Service, photo, service, until

Answer = Callable[[socket.socket], None]
OUTSIDE = ipaddress.ip_network("127.0.0.7/32")  # plays the open internet
INSIDE = "127.0.0.1"


@dataclass
class Internet:
    """One listener for all names; answers by path; remembers which requests came."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    names: dict[str, list[list[str]]] = field(default_factory=dict)  # what a name is, look-up by look-up
    looked_up: list[str] = field(default_factory=list)

    def resolver(self, host: str, port: int) -> list[str]:
        self.looked_up.append(host)
        turns = self.names[host]
        return turns.pop(0) if len(turns) > 1 else turns[0]

    def url(self, path: str, host: str = "media.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def options(self, **changes: Any) -> FetchOptions:
        hosts = f"media.test:{self.port}, http://*.other.test:{self.port}, http://media.test:{self.port}"
        policy = FetchPolicy(places=places(hosts), http=True, networks=(OUTSIDE,))
        given = FetchOptions(policy=policy, largest_bytes=1_000_000, resolver=self.resolver)
        return replace(given, **changes)


def said(status: str, body: bytes = b"", **headers: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    def answer(line: socket.socket) -> None:
        line.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    return answer


def led_to(place: str) -> Answer:
    return said("302 Found", Location=place, Content_Length="0")


@pytest.fixture
def internet() -> Iterator[Internet]:
    found = Internet(names={"media.test": [["127.0.0.7"]], "a.other.test": [["127.0.0.7"]]})
    with socket.create_server(("0.0.0.0", 0)) as listener:
        found.port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line:
                    head = b""
                    while b"\r\n\r\n" not in head and (piece := line.recv(4096)):
                        head += piece
                    if head:
                        path = head.split()[1].decode()
                        found.asked.append(f"{line.getsockname()[0]}{path}")
                        try:
                            found.answers[path](line)
                        except OSError:
                            continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def fetched(address: str, options: FetchOptions) -> bytes:
    with fetch(address, options) as found:
        return b"".join(found.blocks)


def fault(address: str, options: FetchOptions) -> HeimdexError:
    with pytest.raises(HeimdexError) as caught:
        fetched(address, options)
    return caught.value


def test_a_file_is_fetched_through_redirects_that_are_allowed(internet: Internet) -> None:
    internet.answers = {
        "/a": led_to("/b"),
        "/b": led_to(internet.url("/c", "a.other.test")),
        "/c": said("200 OK", b"the file", Content_Length="8", Set_Cookie="a=b", Content_Type="text/html"),
    }
    assert fetched(internet.url("/a"), internet.options()) == b"the file"
    assert internet.asked == ["127.0.0.7/a", "127.0.0.7/b", "127.0.0.7/c"]


@pytest.mark.parametrize(
    "onward",
    [
        "http://127.0.0.1:{port}/secret",
        "http://[::1]:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://localhost:{port}/secret",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://media.test:{port}/",
        "http://user:pass@media.test:{port}/secret",
        "http://elsewhere.test:{port}/secret",
        "http://media.test:1/secret",
        "",
    ],
)
def test_no_redirect_leads_elsewhere(internet: Internet, onward: str) -> None:
    internet.answers = {
        "/a": led_to(onward.format(port=internet.port)),
        "/secret": said("200 OK", b"secret", Content_Length="6"),
    }
    assert isinstance(fault(internet.url("/a"), internet.options()), AddressRefused)
    assert internet.asked == ["127.0.0.7/a"]


def test_a_name_that_lies_within_is_not_connected_to(internet: Internet) -> None:
    internet.names["media.test"] = [[INSIDE]]
    error = fault(internet.url("/secret"), internet.options())
    assert isinstance(error, AddressRefused)
    internet.names["media.test"] = [["127.0.0.7", INSIDE]]
    assert str(fault(internet.url("/secret"), internet.options())) == str(error)
    assert internet.asked == []


def test_a_name_is_looked_up_once_and_that_address_is_connected_to(internet: Internet) -> None:
    internet.names["media.test"] = [["127.0.0.7"], [INSIDE]]  # rebinding: the second look-up lies within
    internet.answers = {
        "/a": said("200 OK", b"x", Content_Length="1"),
        "/b": led_to(internet.url("/a")),
    }
    assert fetched(internet.url("/a"), internet.options()) == b"x"
    assert internet.looked_up == ["media.test"]
    internet.names["media.test"] = [["127.0.0.7"], [INSIDE]]
    assert isinstance(fault(internet.url("/b"), internet.options()), AddressRefused)
    assert internet.asked == ["127.0.0.7/a", "127.0.0.7/b"]


def test_redirects_end(internet: Internet) -> None:
    internet.answers = {"/a": led_to("/a")}
    assert isinstance(fault(internet.url("/a"), internet.options()), FetchFailed)
    assert len(internet.asked) == 6


def test_a_body_that_is_too_large_is_not_taken(internet: Internet) -> None:
    def endless(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            line.sendall(bytes(65_536))

    internet.answers = {"/said": said("200 OK", b"x", Content_Length="1000001"), "/endless": endless}
    for path in internet.answers:
        assert isinstance(fault(internet.url(path), internet.options()), UploadTooLarge)


def test_whatever_goes_wrong_on_the_way_is_told_alike(internet: Internet) -> None:
    done = threading.Event()

    def silent(_: socket.socket) -> None:
        done.wait(30)

    def dripping(headers: bytes) -> Answer:
        def answer(line: socket.socket) -> None:
            line.sendall(headers)
            while not done.wait(0.02):
                line.sendall(b"x")

        return answer

    internet.answers = {
        "/silent": silent,
        "/headers": dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
        "/body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
        "/cut": said("200 OK", b"half", Content_Length="8"),
        "/nonsense": lambda line: line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "/closed": lambda line: line.close(),
    }
    options = internet.options(connect_s=0.2, idle_s=0.2, headers_s=0.3)
    try:
        for path in internet.answers:
            error = fault(internet.url(path), options)
            assert (type(error), str(error)) == (FetchFailed, UNREACHED), path
            done.set()  # one listener: let go of the line before the next
            done.clear()
    finally:
        done.set()
    nobody = replace(
        options, policy=FetchPolicy(places=places("media.test:1"), http=True, networks=(OUTSIDE,))
    )
    assert str(fault("http://media.test:1/a", nobody)) == UNREACHED


def test_what_is_no_file_is_not_taken(internet: Internet) -> None:
    internet.answers = {
        "/gone": said("404 Not Found", Content_Length="0"),
        "/part": said("206 Partial Content", b"x", Content_Length="1"),
        "/packed": said("200 OK", b"x", Content_Length="1", Content_Encoding="gzip"),
    }
    for path in internet.answers:
        assert isinstance(fault(internet.url(path), internet.options()), FetchFailed)


def test_certificates_are_those_of_the_name_not_of_the_address(internet: Internet) -> None:
    hello: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _, name, __: hello.append(name)
    with socket.create_server(("127.0.0.7", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                try:
                    context.wrap_socket(line, server_side=True)
                except (ssl.SSLError, OSError):
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        policy = FetchPolicy(places=places(f"media.test:{port}"), networks=(OUTSIDE,))
        error = fault(f"https://media.test:{port}/a", internet.options(policy=policy))
        thread.join()
    assert hello == ["media.test"]
    assert str(error) == UNREACHED


@pytest.fixture
def served(database_url: str, tmp_path: Path, owner: str, internet: Internet) -> Iterator[Service]:
    settings = {
        "ingest_hosts": f"http://media.test:{internet.port}",
        "ingest_http": True,
        "ingest_networks": str(OUTSIDE),
        "upload_limit_gb": 0.001,
        "quota_gb": 0.0008,
    }
    with service(database_url, tmp_path / "home", owner, **settings) as found:
        ingest = found.heimdex.incoming.ingest
        ingest.options = replace(ingest.options, resolver=internet.resolver)
        yield found


def test_what_is_fetched_becomes_an_upload_like_others(served: Service, internet: Internet) -> None:
    body = photo(200_000)
    internet.answers = {
        "/films/a%20b.jpg": said("200 OK", body, Content_Length=str(len(body))),
        "/no.mp4": said("200 OK", b"<html>" * 99, Content_Type="video/mp4"),
        "/large": said("200 OK", Content_Length="900000"),
        "/cut": said("200 OK", body[:5], Content_Length="9"),
    }
    ended = {}
    for path in internet.answers:
        answer = served.client.post("/api/v1/ingest", json={"url": internet.url(path)})
        assert answer.status_code == 202, answer.text
        ended[path] = served.ended(answer.headers["Location"])
    first = ended["/films/a%20b.jpg"]
    assert (first["state"], first["name"], first["size_bytes"]) == ("stored", "a b.jpg", len(body))
    assert first["sha256"] == hashlib.sha256(body).hexdigest()
    problems = [ended[path]["problem"] for path in ("/no.mp4", "/large", "/cut")]
    assert problems == ["UnknownFormat", "QuotaExceeded", "FetchFailed"]
    assert served.heimdex.incoming.uploads.usage(served.heimdex.owner).used_bytes == len(body)
    until(lambda: not list(served.folder.iterdir()))


def test_addresses_that_are_not_allowed_are_answered_at_once(served: Service, internet: Internet) -> None:
    for url in ("https://elsewhere.test/a", "file:///etc/passwd", f"http://127.0.0.1:{served.port}/health"):
        answer = served.client.post("/api/v1/ingest", json={"url": url})
        assert (answer.status_code, answer.json()["title"]) == (403, "Address refused")
    assert internet.looked_up == []
    assert served.client.get("/api/v1/uploads").json()["uploads"] == []
    assert served.client.post("/api/v1/ingest", json={"url": ""}).status_code == 422


def test_a_fetch_may_be_ended(served: Service, internet: Internet) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def slow(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\nx")
        waiting.set()
        go_on.wait(30)

    internet.answers = {"/slow": slow}
    place = served.client.post("/api/v1/ingest", json={"url": internet.url("/slow")}).headers["Location"]
    assert waiting.wait(30)
    assert served.client.delete(place, headers=TUS).status_code == 204
    go_on.set()
    assert served.client.get(place).status_code == 404
    until(lambda: not list(served.folder.iterdir()))


def test_what_the_index_did_not_take_can_be_deleted(served: Service) -> None:
    served.client.post("/api/v1/assets", params={"name": "a.jpg"}, content=photo(1_000))
    ((owner, upload),) = served.stored
    place = f"/api/v1/uploads/{upload.upload_id}"
    assert served.client.delete(place, headers=TUS).status_code == 409  # it may be in hand
    served.note_indexed(upload, None, "no")
    assert served.client.delete(place, headers=TUS).status_code == 204
    assert not served.kept(upload).exists()
    assert served.heimdex.incoming.uploads.usage(owner).used_bytes == 0
