"""The service as its callers see it: over HTTP, through the typed client."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import av
import numpy as np
import pytest

from heimdex.client import Client, ServiceError
from heimdex.pipeline.incoming.uploads import Uploads
from heimdex.server import etags
from heimdex.server.options import ServerOptions
from tests.integration.server.conftest import SAMPLES, Service, served

NOBODY = "0199ffff-0000-7000-8000-000000000000"
FILM = SAMPLES / "2024" / "clip-05.mp4"


def asset_of(client: Client, path: Path) -> str:
    return next(asset.asset_id for asset in client.assets() if asset.path == str(path))


def test_it_says_what_it_can_see_hear_and_read(client: Client) -> None:
    health = client.health()
    assert health.status == "healthy"
    assert health.features == {"vision": True, "face": False, "speech": False, "ocr": False}
    assert health.models == {"picture": "starter"}
    assert client.ready()


def test_words_find_the_same_over_http_as_here(service: Service, client: Client) -> None:
    here = service.heimdex.search("a rocket")
    there = client.search("a rocket")
    assert here.hits
    assert [hit.scene_id for hit in there.hits] == [hit.scene_id for hit in here.hits]
    assert [hit.score for hit in there.hits] == [hit.score for hit in here.hits]
    assert there.verdict == here.verdict
    best = there.hits[0]
    assert best.score == pytest.approx(sum(item.contribution for item in best.evidence))


def test_a_hit_shows_its_picture(client: Client) -> None:
    hit = client.search("a rocket").hits[0]
    assert hit.thumbnail is not None
    picture = client.picture(hit.thumbnail)
    assert picture.startswith(b"\xff\xd8")


def test_pages_follow_on_without_gap_or_overlap(client: Client) -> None:
    whole = client.search("animal", match_count=6, nearest=True, strictness="loose")
    first = client.search("animal", match_count=2, nearest=True, strictness="loose")
    collected = [hit.scene_id for hit in first.hits]
    page = first
    while len(collected) < 6 and (following := client.next_page(page)) is not None:
        collected += [hit.scene_id for hit in following.hits]
        page = following
    assert len(whole.hits) == 6
    assert collected[:6] == [hit.scene_id for hit in whole.hits]


def test_a_picture_that_is_handed_in_finds_itself(client: Client) -> None:
    photo = next(path for path in sorted((SAMPLES / "2024").iterdir()) if path.suffix == ".jpg")
    answer = client.search_picture(photo, match_count=1)
    assert answer.hits[0].path == str(photo)
    following = client.next_page(answer)
    assert following is not None
    assert following.hits[0].path != str(photo)


def test_what_is_no_picture_is_refused_with_a_reason(client: Client, tmp_path: Path) -> None:
    wrong = tmp_path / "picture.jpg"
    wrong.write_text("no picture at all")
    with pytest.raises(ServiceError, match="cannot be used as a picture") as caught:
        client.search_picture(wrong)
    assert caught.value.status == 400


def test_a_scene_finds_its_like(client: Client) -> None:
    hit = client.search("a rocket").hits[0]
    alike = client.similar(hit.scene_id, limit=3).hits
    assert alike
    assert hit.scene_id not in {other.scene_id for other in alike}
    mixed = client.search("a rocket", likes=[{"scene_id": hit.scene_id, "weight": 1.0}])
    assert mixed.hits
    assert mixed.query["likes"] == [{"scene_id": hit.scene_id, "weight": 1.0}]


def test_filters_and_the_query_language_hold_over_http(client: Client) -> None:
    videos = client.search("animal", kind="video", nearest=True, strictness="loose")
    assert {hit.kind for hit in videos.hits} == {"video"}
    with pytest.raises(ServiceError) as caught:
        client.search("kind:nonsense")
    assert caught.value.status == 400
    assert "nonsense" in str(caught.value)


def test_assets_are_listed_page_by_page(service: Service, client: Client) -> None:
    paths = [asset.path for asset in client.assets(page_size=2)]
    assert len(paths) > 4
    assert len(set(paths)) == len(paths)
    assert set(paths) == {asset["path"] for asset in service.heimdex.assets()["assets"]}
    assert {asset.kind for asset in client.assets(kind="photo")} == {"photo"}


def test_an_asset_in_full_has_scenes_whose_pictures_can_be_got(client: Client) -> None:
    detail = client.asset(asset_of(client, FILM))
    assert detail.asset["state"] == "done"
    assert {entry["stage"] for entry in detail.ledger} >= {"scenes", "picture"}
    for keyframe in detail.scenes[0].keyframes:
        assert client.picture(keyframe.frame).startswith(b"\xff\xd8")
        assert len(client.picture(keyframe.thumbnail)) < len(client.picture(keyframe.frame))


def test_the_original_comes_whole_and_in_parts(client: Client, tmp_path: Path) -> None:
    asset_id = asset_of(client, FILM)
    client.original(asset_id, tmp_path / "copy.mp4")
    assert (tmp_path / "copy.mp4").read_bytes() == FILM.read_bytes()
    part = client.request("GET", f"/api/v1/assets/{asset_id}/original", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == FILM.read_bytes()[100:200]
    assert part.headers["etag"] == f'"{hashlib.sha256(FILM.read_bytes()).hexdigest()[:32]}"'


def test_a_clip_shows_the_same_pictures_as_the_film(service: Service, client: Client, tmp_path: Path) -> None:
    client.clip(asset_of(client, FILM), tmp_path / "clip.mp4", start=3.3, end=6.1)
    with av.open(str(tmp_path / "clip.mp4")) as clip, av.open(str(FILM)) as film:
        cut = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        whole = {
            round(frame.time, 3): frame.to_ndarray(format="rgb24")
            for frame in film.decode(video=0)
            if 3.3 <= frame.time < 6.1
        }
    assert len(whole) <= len(cut) <= len(whole) + 4  # what pictures of the stretch lean on comes along
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(cut, whole.values(), strict=False))
    assert not list((service.heimdex.settings.home / "clips").iterdir())


@pytest.mark.parametrize(("start", "end"), [(5.0, 5.0), (6.0, 5.0), (900.0, 905.0)])
def test_a_clip_that_cannot_be_is_refused(client: Client, tmp_path: Path, start: float, end: float) -> None:
    with pytest.raises(ServiceError, match="no clip"):
        client.clip(asset_of(client, FILM), tmp_path / "clip.mp4", start=start, end=end)
    assert not list(tmp_path.iterdir())


def test_a_sidecar_and_a_cut_list_are_exported(client: Client) -> None:
    asset_id = asset_of(client, FILM)
    assert json.loads(client.export(asset_id))["asset"]["asset_id"] == asset_id
    assert client.export(asset_id, "edl").startswith("TITLE:")
    with pytest.raises(ServiceError, match="no transcript"):
        client.export(asset_id, "srt")


def test_who_has_a_document_already_is_told_so(client: Client) -> None:
    path = f"/api/v1/assets/{asset_of(client, FILM)}"
    mark = client.request("GET", path).headers["etag"]
    again = client.http.get(path, headers={"If-None-Match": mark})
    assert again.status_code == 304
    assert not again.content


@pytest.mark.parametrize("sent", ["{mark}", "W/{mark}", '"other", {mark}', "*"])
def test_who_has_a_film_or_a_picture_already_does_not_get_it_again(client: Client, sent: str) -> None:
    asset_id = asset_of(client, FILM)
    keyframe = client.asset(asset_id).scenes[0].keyframes[0]
    for path in (f"/api/v1/assets/{asset_id}/original", f"/api/v1/assets/{asset_id}", keyframe.frame):
        mark = client.request("GET", path).headers["etag"]
        again = client.http.get(path, headers={"If-None-Match": sent.format(mark=mark)})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", mark)
        changed = client.http.get(path, headers={"If-None-Match": '"other"'})
        assert changed.status_code == 200


def test_a_range_beyond_the_end_is_a_problem_and_one_of_no_bytes_is_the_whole(
    service: Service, client: Client
) -> None:
    asset_id, size = asset_of(client, FILM), FILM.stat().st_size
    for path in (f"/api/v1/assets/{asset_id}/original", f"/api/v1/assets/{asset_id}/clip?start=1&end=2"):
        beyond = client.http.get(path, headers={"Range": f"bytes={size * 9}-"})
        assert (beyond.status_code, beyond.headers["content-type"]) == (416, "application/problem+json")
        assert beyond.headers["content-range"].startswith("bytes */")
        for asked in ("lines=1-2", "bytes=9-5", "bytes=-", "nonsense"):
            assert client.http.get(path, headers={"Range": asked}).status_code == 200
    until_s = time.monotonic() + 10
    while list((service.heimdex.settings.home / "clips").iterdir()):  # the last one goes after its answer
        assert time.monotonic() < until_s


def test_a_download_can_be_looked_at_before(client: Client) -> None:
    answer = client.http.head(f"/api/v1/assets/{asset_of(client, FILM)}/original")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == FILM.stat().st_size
    assert answer.headers["accept-ranges"] == "bytes"


def test_state_and_verification_are_told(client: Client) -> None:
    assert client.status()["scenes"] > 0
    assert "home" not in client.status()
    assert client.verify(sample=2).ok


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/api/v1/assets/{NOBODY}", 404),
        ("GET", "/api/v1/assets/..%2F..%2Fetc%2Fpasswd", 404),
        ("GET", "/api/v1/assets//etc/passwd", 404),
        ("GET", f"/api/v1/scenes/{NOBODY}/thumbnail", 404),
        ("GET", "/api/v1/keyframes/x/frame", 404),
        ("GET", "/api/v1/assets?cursor=nonsense", 400),
        ("GET", "/api/v1/assets?limit=0", 422),
        ("DELETE", f"/api/v1/assets/{NOBODY}", 404),
        ("PATCH", "/api/v1/assets", 405),
        ("GET", "/nowhere", 404),
    ],
)
def test_a_wrong_request_is_answered_with_a_problem(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_a_body_that_is_too_large_or_no_json_is_refused(client: Client) -> None:
    def endless() -> object:
        yield b'{"text": "'
        for _ in range(40):
            yield b"x" * 65_536

    large = client.http.post("/api/v1/search", content=b"x" * (2 << 20))
    assert large.status_code == 413
    streamed = client.http.post("/api/v1/search", content=endless())  # type: ignore[arg-type]
    assert streamed.status_code == 413
    assert client.http.post("/api/v1/search", content=b"{").status_code == 422
    assert client.http.post("/api/v1/search", json={"text": "a\0b"}).status_code == 422


def test_a_request_keeps_the_id_it_came_with(client: Client) -> None:
    assert client.http.get("/health", headers={"X-Request-ID": "mine-1"}).headers["x-request-id"] == "mine-1"
    other = client.http.get("/health", headers={"X-Request-ID": "no good id"}).headers["x-request-id"]
    assert other != "no good id"


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/assets", "/api/v1/uploads"])
def test_an_answer_that_does_not_come_in_time_is_a_problem(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    import threading

    done = threading.Event()
    monkeypatch.setattr(etags, "tag", lambda _: done.wait(30) and '"late"')
    monkeypatch.setattr(Uploads, "newest", lambda *_, **__: done.wait(30) and [])
    with served(service.heimdex, ServerOptions(request_timeout_s=0.2)) as address, Client(address) as client:
        answer = client.http.get(path)
        done.set()
    assert answer.status_code == 504
    assert answer.json()["title"] == "Took too long"


def test_the_client_says_who_cannot_be_reached() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServiceError, match="cannot be reached"):
        client.health()


def test_what_was_put_in_the_place_of_an_original_is_not_handed_out(
    service: Service, client: Client, tmp_path: Path
) -> None:
    photo, secret = tmp_path / "swapped.jpg", tmp_path / "secret"
    photo.write_bytes((SAMPLES / "2023" / "photo-02.jpg").read_bytes())
    secret.write_text("of the service's user alone")
    service.heimdex.index(photo)
    asset = asset_of(client, photo)
    photo.unlink()
    photo.symlink_to(secret)
    answer = client.http.get(f"/api/v1/assets/{asset}/original")
    assert answer.status_code == 404
    assert "secret" not in answer.text
    service.heimdex.remove(asset)
