"""Pictures that were handed in to search by."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdex.server import asked_pictures
from heimdex.server.asked_pictures import AskedPictures


def test_no_more_than_so_many_are_kept_of_an_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_pictures, "MOST_KEPT", 3)
    for number in range(5):
        (tmp_path / f"{number}.png").touch()
    AskedPictures(tmp_path)._sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
