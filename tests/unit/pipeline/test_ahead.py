"""Vectors made while their film is still being decoded."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from heimdex.entities import DerivedFile, Keyframe, new_id
from heimdex.errors import WorkerCrashed
from heimdex.pipeline.ahead import GROUP, Ahead
from heimdex.pipeline.work import Encoded

PATIENCE_S = 60.0


def frames(count: int) -> list[Keyframe]:
    file = DerivedFile(key="x", sha256="0" * 64, size_bytes=1)
    return [
        Keyframe(
            keyframe_id=new_id(),
            scene_id=new_id(),
            rank=0,
            at_us=n,
            width=1,
            height=1,
            frame=file,
            thumbnail=file,
            quality=None,
        )
        for n in range(count)
    ]


class Encoder:
    """Encodes what it may; the groups that it was given."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.begun = threading.Event()
        self.bad: set[str] = set()

    def __call__(self, group: Sequence[Keyframe]) -> list[Encoded]:
        self.begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        ids = [frame.keyframe_id for frame in group]
        self.groups.append(ids)
        if self.bad & set(ids):
            raise WorkerCrashed("it died")
        return [Encoded(inference_time_ms=float(frame.at_us)) for frame in group]


def test_whole_groups_are_encoded_and_each_frame_gets_its_own() -> None:
    encoder = Encoder()
    ahead = Ahead(encoder)
    told = frames(2 * GROUP + 3)
    for frame in told:
        ahead.add("film", [frame])
    assert encoder.begun.wait(PATIENCE_S)
    made = ahead.take(["film", "another"])
    ahead.close()
    assert encoder.groups
    assert all(len(group) == GROUP for group in encoder.groups)
    assert {frame_id for group in encoder.groups for frame_id in group} == made.encoded.keys()
    by_id = {frame.keyframe_id: frame for frame in told}
    assert all(made.encoded[id_].inference_time_ms == by_id[id_].at_us for id_ in made.encoded)
    assert ahead.take(["film"]).encoded == {}


def test_what_is_on_its_way_is_waited_for_and_the_rest_is_left() -> None:
    encoder = Encoder()
    encoder.may_go_on.clear()
    ahead = Ahead(encoder)
    told = frames(3 * GROUP)
    ahead.add("film", told)
    assert encoder.begun.wait(PATIENCE_S)
    threading.Timer(0.05, encoder.may_go_on.set).start()
    made = ahead.take(["film"])
    ahead.close()
    assert list(made.encoded) == [frame.keyframe_id for frame in told[:GROUP]]


def test_a_group_that_fails_is_left_to_the_stage_and_named() -> None:
    encoder = Encoder()
    ahead = Ahead(encoder)
    told = frames(GROUP)
    encoder.bad = {told[3].keyframe_id}
    ahead.add("film", told)
    assert encoder.begun.wait(PATIENCE_S)
    made = ahead.take(["film"])
    ahead.close()
    assert made.encoded == {}
    assert made.suspects == {frame.keyframe_id for frame in told}


def test_a_film_that_is_dropped_is_forgotten_and_its_waiting_frames_are_not_encoded() -> None:
    encoder = Encoder()
    encoder.may_go_on.clear()
    ahead = Ahead(encoder)
    ahead.add("film", frames(4 * GROUP))
    assert encoder.begun.wait(PATIENCE_S)
    ahead.drop("film")
    encoder.may_go_on.set()
    assert ahead.take(["film"]).encoded == {}
    ahead.close()
    assert len(encoder.groups) == 1


def test_nothing_begins_after_it_was_closed() -> None:
    encoder = Encoder()
    ahead = Ahead(encoder)
    ahead.close()
    ahead.add("film", frames(GROUP))
    assert ahead.take(["film"]).encoded == {}
    assert encoder.groups == []


def test_a_film_at_rest_is_read_no_more_and_keeps_what_is_ready() -> None:
    encoder = Encoder()
    encoder.may_go_on.clear()
    ahead = Ahead(encoder)
    told = frames(3 * GROUP)
    ahead.add("film", told)
    assert encoder.begun.wait(PATIENCE_S)
    resting = threading.Thread(target=ahead.rest, args=("film",))
    resting.start()
    resting.join(0.05)
    assert resting.is_alive(), "a group is on its way"
    encoder.may_go_on.set()
    resting.join(PATIENCE_S)
    assert len(encoder.groups) == 1
    assert ahead.take(["film"]).encoded.keys() == {frame.keyframe_id for frame in told[:GROUP]}
    assert len(encoder.groups) == 1
    ahead.rest("unknown")
    ahead.close()
