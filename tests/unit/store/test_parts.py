"""Files that are being received."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdex.store import parts


def test_bytes_that_are_found_wrong_while_somebody_asks_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = parts.Part.hold(tmp_path / "upload.part", make=True)
    part.append(b"good")
    part.begin_unproven()
    part.append(b"wrong")
    look = parts._proven_bytes

    def meanwhile(path: Path) -> int | None:
        part.cut(4)
        part.end_unproven()
        return look(path)

    monkeypatch.setattr(parts, "_proven_bytes", meanwhile)
    assert parts.received_bytes(part.path) == 4
    part.close()
