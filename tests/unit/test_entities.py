from __future__ import annotations

import pickle
import time
import uuid
from dataclasses import fields, replace

from heimdex.entities import Evidence, FileStamp, Scene, TextChannel, new_id


def test_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert uuid.UUID(first).version == 7
    assert uuid.UUID(first).variant == uuid.RFC_4122
    assert first < second


def test_many_ids_never_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_a_path_that_is_no_utf8_can_still_be_shown() -> None:
    stamp = FileStamp(path=b"/media/caf\xe9.mp4", size_bytes=1, modified_ns=1)
    assert stamp.text == "/media/caf\\xe9.mp4"


def test_nouns_travel_between_processes() -> None:
    scene = Scene(position=1, start_us=2, end_us=3)
    assert pickle.loads(pickle.dumps(scene)) == scene


def test_evidence_that_is_weighed_keeps_all_else() -> None:
    evidence = Evidence(
        signal="caption",
        contribution=0.1,
        raw=0.2,
        model="m",
        text="t",
        at_us=3,
        rank=1,
        box=(0.0, 0.1, 0.2, 0.3),
        strength=0.4,
        approximate=True,
        channel=TextChannel.SUMMARY,
    )
    defaults = {field.name: field.default for field in fields(Evidence)}
    assert all(getattr(evidence, name) != default for name, default in defaults.items()), "a field is not set"
    assert evidence.weighed(0.5, 0.6) == replace(evidence, strength=0.5, contribution=0.6)
