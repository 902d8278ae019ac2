"""When, with what and where, from what cameras write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from heimdex.media.tags import camera, captured_at, film_camera, film_place, place


@pytest.mark.parametrize(
    ("written", "latitude", "longitude"),
    [
        ("+37.3318-122.0312+010.000/", 37.3318, -122.0312),
        ("-33.8568+151.2153/", -33.8568, 151.2153),
        ("+3719.91-12201.87/", 37 + 19.91 / 60, -(122 + 1.87 / 60)),
        ("+371954.5-1220152.3/", 37 + 19 / 60 + 54.5 / 3600, -(122 + 1 / 60 + 52.3 / 3600)),
        ("+40-075CRSWGS_84/", 40.0, -75.0),
    ],
)
def test_iso_6709_is_read_in_all_its_forms(written: str, latitude: float, longitude: float) -> None:
    assert place(written) == pytest.approx((latitude, longitude))


@pytest.mark.parametrize("written", ["", "here", "+99.0+010.0/", "+00.00+000.00/", "+10.0+181.0/", "37,-122"])
def test_what_is_no_place_gives_none(written: str) -> None:
    assert place(written) is None


def test_apples_date_with_its_zone_comes_before_creation_time() -> None:
    tags = {
        "creation_time": "2023-05-01T10:34:56.000000Z",
        "com.apple.quicktime.creationdate": "2023-05-01T12:34:56+0200",
        "com.apple.quicktime.location.ISO6709": "+48.1374+011.5755+519.000/",
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 15",
    }
    zone = timezone(timedelta(hours=2))
    assert captured_at(tags) == datetime(2023, 5, 1, 12, 34, 56, tzinfo=zone)
    assert film_camera(tags) == "Apple iPhone 15"
    assert film_place(tags) == pytest.approx((48.1374, 11.5755))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2013-10-20T05:38:05.000000Z", datetime(2013, 10, 20, 5, 38, 5, tzinfo=UTC)),
        ("2013-10-20 05:38:05", datetime(2013, 10, 20, 5, 38, 5, tzinfo=UTC)),
        ("2013:10:20 05:38:05", datetime(2013, 10, 20, 5, 38, 5, tzinfo=UTC)),
        ("1904-01-01T00:00:00.000000Z", None),
        ("1970-01-01T00:00:00.000000Z", None),
        ("2013", None),
        ("soon", None),
    ],
)
def test_creation_time_has_a_zone_or_is_none(written: str, moment: datetime | None) -> None:
    assert captured_at({"creation_time": written}) == moment


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D750", "NIKON CORPORATION NIKON D750"),
        ("samsung", "SM-G991B", "samsung SM-G991B"),
        ("  GoPro\x00\x00", None, "GoPro"),
        (None, "X100", "X100"),
        ("", " ", None),
    ],
)
def test_make_and_model_become_one_name(make: str | None, model: str | None, name: str | None) -> None:
    assert camera(make, model) == name
