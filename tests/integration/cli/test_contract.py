"""The command as scripts and people use it: a real process, a real home, the sample library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdex.store.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "src" / "heimdex" / "samples"


class Command:
    """`heimdex` on a home of its own."""

    def __init__(self, home: Path, media: Path) -> None:
        self.home = home
        self.media = media

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "heimdex", *map(str, words)],
            env=os.environ | {"HEIMDEX_HOME": str(self.home), "COLUMNS": "200"},
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def json(self, *words: str | Path, code: int = 0) -> Any:
        done = self(*words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def heimdex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("command")
    media = folder / "media"
    shutil.copytree(SAMPLES, media)
    (media / "broken.mp4").write_text("nothing of a film")
    command = Command(folder / "home", media)
    # One server for all commands of this module, so that each does not start its own.
    server = EmbeddedPostgres(command.home)
    server.start()
    report = command.json("index", media)
    assert set(report) == {
        "indexed", "unchanged", "moved", "missing", "duplicates", "failed", "scenes", "seconds", "wants",
    }  # fmt: skip
    assert report["indexed"] == 21
    yield command
    server.close()


def test_index_again_changes_nothing_and_strict_makes_refusals_a_failure(heimdex: Command) -> None:
    report = heimdex.json("index", heimdex.media)
    assert (report["indexed"], report["unchanged"], report["scenes"]) == (0, 21, 0)
    (refusal,) = report["failed"]
    assert set(refusal) == {"path", "stage", "error"}
    assert refusal["path"] == str(heimdex.media / "broken.mp4")
    assert heimdex.json("index", heimdex.media, "--strict", code=1)["failed"] == report["failed"]


@pytest.mark.parametrize(("words", "subject"), [("a cat", "cat"), ("rocket", "rocket"), ("a horse", "horse")])
def test_words_find_the_moment_that_shows_them(heimdex: Command, words: str, subject: str) -> None:
    truth = {
        asset["path"]: asset["scenes"] for asset in json.loads((SAMPLES / "truth.json").read_text())["assets"]
    }
    found = heimdex.json("search", words, "--limit", "3")
    assert found["verdict"] in ("match", "weak")  # a horse is a dark shape there
    hit = found["hits"][0]
    scenes = truth[str(Path(hit["path"]).relative_to(heimdex.media))]
    middle_us = (hit["start"] + hit["end"]) / 2 * 1e6
    shown = [s["subject"] for s in scenes if s["start_us"] <= middle_us <= s["end_us"]]
    assert subject in shown


def test_a_hit_has_the_shape_of_the_contract(heimdex: Command) -> None:
    found = heimdex.json("search", "a cat")
    assert set(found) == {"query", "verdict", "took_ms", "models", "unavailable", "hits", "more"}
    assert found["models"] == {"picture": "starter"}
    reasons = {item["signal"]: item["reason"] for item in found["unavailable"]}
    assert reasons.keys() == {"caption", "person", "speech", "writing"}
    assert all("switched off" in reasons[signal] for signal in ("caption", "speech", "writing"))
    for hit in found["hits"]:
        assert set(hit) == {
            "scene_id", "asset_id", "path", "kind", "start", "end", "score", "thumbnail", "evidence",
        }  # fmt: skip
        assert hit["score"] == pytest.approx(sum(item["contribution"] for item in hit["evidence"]))
        assert Path(hit["thumbnail"]).is_file()
        assert hit["start"] <= hit["evidence"][0]["at"] <= hit["end"]
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_pages_follow_on_without_gap_or_overlap(heimdex: Command) -> None:
    whole = [hit["scene_id"] for hit in heimdex.json("search", "a cat", "--limit", "12")["hits"]]
    pages = [
        hit["scene_id"]
        for page in "123"
        for hit in heimdex.json("search", "a cat", "--limit", "4", "--page", page)["hits"]
    ]
    assert pages == whole
    assert len(set(whole)) == 12


def test_a_picture_finds_its_own_moment_and_a_scene_its_likes(heimdex: Command) -> None:
    found = heimdex.json("search", "--image", heimdex.media / "2024" / "photo-10.heic", "--limit", "3")
    assert found["hits"][0]["path"].endswith("photo-10.heic")
    assert found["hits"][0]["evidence"][0]["raw"] == pytest.approx(1.0, abs=0.01)
    cat = heimdex.json("search", "a cat", "--limit", "1")["hits"][0]
    likes = heimdex.json("search", "--similar", cat["scene_id"], "--limit", "3")
    assert cat["scene_id"] not in {hit["scene_id"] for hit in likes["hits"]}
    assert likes["hits"][0]["evidence"][0]["raw"] > 0.5


def test_filters_narrow_the_answer(heimdex: Command) -> None:
    photos = heimdex.json("search", "a cat", "--kind", "photo")["hits"]
    assert {hit["kind"] for hit in photos} == {"photo"}
    below = heimdex.json("search", "a cat", "--in", heimdex.media / "2024")["hits"]
    assert all("/2024/" in hit["path"] for hit in below)
    earlier = heimdex.json("search", "a cat", "--until", "2023", "--limit", "30")["hits"]
    assert earlier
    assert all("/2023/" in hit["path"] for hit in earlier)
    near = heimdex.json("search", "a cat", "--match-threshold", "0.5")["hits"]
    assert near
    assert all(hit["evidence"][0]["raw"] >= 0.5 for hit in near)


def test_a_path_is_evidence_of_its_own(heimdex: Command) -> None:
    found = heimdex.json("search", "clip-06", "--limit", "1")
    evidence = {item["signal"]: item for item in found["hits"][0]["evidence"]}
    assert found["hits"][0]["path"].endswith("clip-06.mov")
    assert evidence["path"]["model"] == "path"


def test_a_phrase_in_quotes_is_answered_by_a_path(heimdex: Command) -> None:
    hits = heimdex.json("search", '"clip-03"', "--nearest")["hits"]
    assert hits
    assert {Path(hit["path"]).name for hit in hits} == {"clip-03.mp4"}
    assert heimdex.json("search", '"03 clip"', "--nearest")["hits"] == []


def test_what_the_words_model_cannot_know_is_no_match(heimdex: Command) -> None:
    assert heimdex.json("search", "qwxz vlorp trebnik")["verdict"] in ("weak", "none")


def test_show_assets_and_export_agree(heimdex: Command, tmp_path: Path) -> None:
    listed = heimdex.json("assets")
    assert len(listed["assets"]) == 21
    assert {asset["state"] for asset in listed["assets"]} == {"done"}
    assert len(listed["refused"]) == 1
    clip = next(asset for asset in listed["assets"] if asset["path"].endswith("clip-01.mp4"))
    shown = heimdex.json("show", clip["asset_id"])
    assert shown == heimdex.json("show", clip["path"])
    assert [scene["start"] for scene in shown["scenes"]] == [0.0, 4.0, 7.6]
    assert {(run["stage"], run["state"]) for run in shown["ledger"]} == {
        ("scenes", "done"),
        ("picture", "done"),
        ("speech", "skipped"),  # off in these tests, as are the next two
        ("writing", "skipped"),
        ("description", "skipped"),
        ("text", "empty"),
    }
    target = tmp_path / "sidecar.json"
    heimdex.json("export", clip["asset_id"], "--as", "sidecar", "-o", target)
    sidecar = json.loads(target.read_text())
    assert sidecar["scenes"] == shown["scenes"]
    frames = sum(len(scene["keyframes"]) for scene in shown["scenes"])
    assert len(sidecar["vectors"]) == 2 * frames


def test_status_doctor_and_models_tell_how_things_stand(heimdex: Command) -> None:
    status = heimdex.json("status")
    assert (status["assets"], status["refused"]) == (21, 1)
    assert status["stages"]["scenes"] == {"done": 21}
    doctor = heimdex.json("doctor")
    assert doctor["ok"]
    assert {"database", "inference", "media", "models"} <= {check["name"] for check in doctor["checks"]}
    assert status["words"] == {"utterances": 0, "lines": 0, "descriptions": 0}
    assert status["waiting"] == {}
    assert status["texts"] == []
    levels = {check["name"]: check["level"] for check in doctor["checks"]}
    assert (levels["waiting"], levels["texts"]) == ("ok", "notice")
    used = {model["name"] for model in heimdex.json("models", "list")["models"] if model["in_use"]}
    assert used == {"starter", "starter-sentences"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("search", ""), 2, "empty"),
        (("search",), 2, "nothing to look for"),
        (("search", "cat", "--kind", "song"), 2, "video"),
        (("search", "cat", "--since", "soon"), 2, "2024-05-17"),
        (("search", "cat", "--limit", "0"), 2, "start at 1"),
        (("search", "--image", "nowhere.jpg"), 2, "nowhere.jpg"),
        (("search", "--similar", "no-scene"), 1, "no scene"),
        (("show", "no-asset"), 1, "heimdex assets"),
        (("remove", "no-asset"), 1, "heimdex assets"),
        (("export", "x", "--as", "epub"), 2, "sidecar"),
        (("index", "nowhere"), 0, ""),
        (("index", ".", "--stages", "taste"), 2, "picture"),
    ],
)
def test_a_wrong_call_says_what_to_do_and_exits_as_promised(
    heimdex: Command, words: tuple[str, ...], code: int, message: str
) -> None:
    done = heimdex(*words, "--json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    if code:
        assert message in document["error"]["message"]
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    else:
        assert document["failed"][0]["error"]


def test_people_see_paths_times_and_no_json(heimdex: Command) -> None:
    done = heimdex("search", "a cat", "--limit", "2")
    assert done.returncode == 0
    assert "clip-" in done.stdout
    assert "0:0" in done.stdout
    assert "{" not in done.stdout


def test_a_setting_that_is_wrong_is_named(heimdex: Command) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "heimdex", "status"],
        env=os.environ | {"HEIMDEX_HOME": str(heimdex.home), "HEIMDEX_WORKERS": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "HEIMDEX_WORKERS" in done.stderr) == (2, True)


def test_labelled_queries_are_measured(heimdex: Command, tmp_path: Path) -> None:
    file = tmp_path / "labelled.jsonl"
    file.write_text(
        '{"query": "a cat", "sort": "animals", "moments": [{"path": "2023/photo-01.jpg"}]}\n'
        '{"query": "clip-03", "moments": [{"path": "2023/clip-03.mp4"}]}\n'
        '{"query": "a giraffe in the savanna", "moments": []}\n'
    )
    found = heimdex.json("eval", file)
    assert set(found) == {"ranking", "sorts", "abstention", "time_error", "verdicts"}
    assert {"fused", "picture", "path"} <= set(found["ranking"])
    assert set(found["ranking"]["fused"]) == {"recall@1", "recall@5", "recall@10", "nDCG@10", "MRR"}
    assert found["ranking"]["fused"]["recall@5"]["mean"] == 1.0
    assert found["ranking"]["fused"]["MRR"]["queries"] == 2
    assert set(found["sorts"]) == {"animals", "any"}
    assert set(found["verdicts"].values()) <= {"match", "weak", "none"}


def test_what_nothing_answers_shows_no_hits_unless_asked_for_the_nearest(heimdex: Command) -> None:
    nothing = heimdex.json("search", "a washing machine")
    assert (nothing["verdict"], nothing["hits"], nothing["more"]) == ("none", [], False)
    nearest = heimdex.json("search", "a washing machine", "--nearest", "--limit", "3")
    assert (nearest["verdict"], len(nearest["hits"])) == ("none", 3)
    loose = heimdex.json("search", "a washing machine", "--loose")
    assert (loose["verdict"], len(loose["hits"])) == ("weak", 10)
    assert loose["query"]["strictness"] == "loose"


def test_marks_are_learned_from_and_a_version_is_kept_or_told_why_not(
    heimdex: Command, tmp_path: Path
) -> None:
    files = ["2023/photo-01.jpg", "2024/photo-10.heic", "2023/clip-03.mp4"]
    things = (
        "ladder piano violin tractor umbrella snail castle bicycle hammer mushroom lighthouse accordion "
        "penguin bathtub cannon necklace pizza submarine trombone volcano zebra spoon curtain pretzel"
    ).split()
    lines = [{"query": thing, "moments": [{"path": files[place % 3]}]} for place, thing in enumerate(things)]
    few, noise = tmp_path / "few.jsonl", tmp_path / "noise.jsonl"
    few.write_text("\n".join(map(json.dumps, lines[:3])))
    noise.write_text("\n".join(map(json.dumps, [*lines, {"query": "x", "moments": [{"path": "gone.mp4"}]}])))
    error = heimdex.json("adapter", "train", few, code=2)["error"]
    assert "3 marked queries have an answer" in error["message"]
    assert heimdex.json("adapter", "list") == {"adapters": []}
    found = heimdex.json("adapter", "train", noise, "--strict", code=1)
    assert found["missing"] == [{"path": "gone.mp4", "start": None, "end": None}]
    assert set(found["adapter"]) == {
        "version", "state", "reason", "model", "precision", "fits", "factors", "residual", "figures",
        "trained_at",
    }  # fmt: skip
    assert (found["adapter"]["version"], found["adapter"]["state"]) == (1, "refused")
    assert heimdex.json("adapter", "list") == {"adapters": [found["adapter"]]}
    assert heimdex.json("adapter", "off") == {"off": []}
    assert heimdex.json("adapter", "use", "1", code=2)["error"]["type"] == "UsageError"
    assert heimdex.json("adapter", "use", "7", code=1)["error"]["type"] == "NotFound"
    assert "refused: " in heimdex("adapter", "list").stdout
