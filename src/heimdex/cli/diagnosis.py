"""What `doctor` tells."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from heimdex import __version__
from heimdex.cli import surroundings
from heimdex.config import Settings
from heimdex.errors import HeimdexError, ModelUnavailable

if TYPE_CHECKING:
    from heimdex.pipeline.installed import Checkup


def checks(settings: Settings) -> list[dict[str, str]]:
    """Every check as {name, level: ok|notice|warning|error, detail}."""
    found = [
        _check(
            "heimdex", lambda: ("ok", f"{__version__}, Python {platform.python_version()}, {sys.platform}")
        )
    ]
    for name, check in (
        ("home", _home),
        ("disk", surroundings.disk),
        ("memory", surroundings.memory),
        ("files", surroundings.open_files),
        ("libraries", surroundings.libraries),
        ("port", surroundings.port),
        ("database", _database),
        ("latency", surroundings.latency),
        ("clock", surroundings.clock),
        ("objects", _objects),
        ("models", _models),
        ("texts", _texts),
        ("speech", _speech),
        ("writing", _writing),
        ("descriptions", _descriptions),
        ("words", _words),
        ("waiting", _waiting),
        ("inference", _inference),
        ("media", _media),
    ):
        found.append(_check(name, lambda check=check: check(settings)))  # type: ignore[misc]
    return found


def _check(name: str, check: Callable[[], tuple[str, str]]) -> dict[str, str]:
    try:
        level, detail = check()
    except HeimdexError as error:
        level, detail = "error", str(error)
    return {"name": name, "level": level, "detail": detail}


def _home(settings: Settings) -> tuple[str, str]:
    if not os.access(surroundings.existing(settings.home), os.W_OK | os.X_OK):
        return "error", f"{settings.home} cannot be written; change its rights or set HEIMDEX_HOME"
    return "ok", str(settings.home)


def _database(settings: Settings) -> tuple[str, str]:
    from heimdex.app import Heimdex

    with (
        Heimdex(settings) as heimdex,
        heimdex.database.transaction(settings.owner, read_only=True) as connection,
    ):
        row = connection.execute(
            "SELECT current_setting('server_version'), current_user, "
            "(SELECT extversion FROM pg_extension WHERE extname = 'vector')"
        ).fetchone()
    assert row is not None
    where = "external" if settings.database_url else "embedded"
    return "ok", f"{where} PostgreSQL {row[0]}, pgvector {row[2]}, as {row[1]}"


def _objects(settings: Settings) -> tuple[str, str]:
    from heimdex.app import Heimdex

    with Heimdex(settings) as heimdex:
        store = heimdex.objects
    if not store.is_shared and not Path(store.place).exists():
        return "ok", f"{store.place}, made when the first file is uploaded"
    store.probe()  # a folder must not appear because somebody asked
    return "ok", f"{store.place}, an object was written, read and removed"


def _checked(settings: Settings, name: str) -> Checkup:
    """A model's files against their checksums, nothing mended. Raises ModelUnavailable."""
    from heimdex.app import Heimdex

    with Heimdex(settings) as heimdex:
        (checkup,) = heimdex.models.verify([name], mend=False, probe=False)
    return checkup


def _fault_of(name: str, checkup: Checkup, mend: str = "heimdex models verify") -> tuple[str, str]:
    fault = checkup.faults[0]
    return "error", f"{name}: {fault.file} is {fault.kind}; run `{mend}`"


def _models(settings: Settings) -> tuple[str, str]:
    from heimdex.app import Heimdex

    with Heimdex(settings) as heimdex:
        state = heimdex.model_change.state()
    checkup = _checked(settings, state["model"])
    if not checkup.ok:
        return _fault_of(checkup.name, checkup)
    detail = f"pictures: {checkup.name}, checksums agree"
    if state["notice"]:
        return "notice", f"{detail}; {state['notice']}"
    if checkup.name == "starter":
        return "notice", f"{detail}; it knows about a thousand things by name, in English"
    return "ok", detail


def _texts(settings: Settings) -> tuple[str, str]:
    try:
        checkup = _checked(settings, settings.text_model)
    except ModelUnavailable as error:
        return "warning", f"found by their words alone: {error}"
    if not checkup.ok:
        return _fault_of(settings.text_model, checkup)
    detail = f"compared by {checkup.name}, checksums agree"
    if checkup.name == "starter-sentences":
        return "notice", f"{detail}; it knows English"
    return "ok", detail


def _speech(settings: Settings) -> tuple[str, str]:
    if settings.speech == "off":
        return "notice", "off; what is said is not searched (HEIMDEX_SPEECH)"
    if settings.speech == "subtitles":
        return "ok", "subtitles only"
    if settings.speech_model is None:
        better = "`heimdex models pull faster-whisper-small` and HEIMDEX_SPEECH_MODEL=small do better"
        return "notice", f"starter-speech: English, roughly; {better}"
    name = f"faster-whisper-{settings.speech_model}"
    checkup = _checked(settings, name)
    if not checkup.ok:
        return _fault_of(name, checkup, f"heimdex models pull {name}")
    return "ok", f"{name}, checksums agree"


def _writing(settings: Settings) -> tuple[str, str]:
    if not settings.writing:
        return "notice", "off; what is written in pictures is not searched (HEIMDEX_WRITING)"
    from heimdex.app import parts
    from heimdex.pipeline.readers import describe

    readers = describe(parts.writing_options(settings))
    if readers.lacking:
        return "warning", "; ".join(readers.lacking)
    further = "".join(f", {alphabet.name}" for alphabet in readers.alphabets)
    return "ok", f"RapidOCR {version('rapidocr')}{further}"


def _descriptions(settings: Settings) -> tuple[str, str]:
    if settings.description_url is None:
        return "ok", "off; nothing is sent anywhere"
    return "notice", f"kept frames are sent to {settings.description_url} ({settings.description_model})"


def _words(_: Settings) -> tuple[str, str]:
    return "notice", "found by terms in plain tables; PGroonga and pg_trgm are neither needed nor used"


def _waiting(settings: Settings) -> tuple[str, str]:
    from heimdex.app import Heimdex
    from heimdex.store.word_counts import count_waiting

    with (
        Heimdex(settings) as heimdex,
        heimdex.database.transaction(settings.owner, read_only=True) as connection,
    ):
        waiting = count_waiting(connection, settings.owner)
    if not waiting:
        return "ok", "no file waits for a stage"
    files = ", ".join(f"{count} for {stage}" for stage, count in waiting.items())
    return "notice", f"files wait: {files}; `heimdex index` goes on with them and says what it lacks"


def _inference(settings: Settings) -> tuple[str, str]:
    from heimdex.inference.openvino_runtime import core, has_bf16, openvino

    name = core().get_property("CPU", "FULL_DEVICE_NAME")
    precision = settings.precision if settings.precision != "auto" else "bf16" if has_bf16() else "fp32"
    return "ok", f"OpenVINO {openvino().get_version()} on {name}, {precision}, {settings.threads} threads"


def _media(_: Settings) -> tuple[str, str]:
    from heimdex.media.versions import describe_libraries

    return "ok", describe_libraries()


def samples() -> Path:
    """The sample library that comes with the package."""
    return Path(__file__).resolve().parent.parent / "samples"
