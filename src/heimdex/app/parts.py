"""What the parts are told, out of the settings: below the door there are only plain arguments."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heimdex.config import Settings
from heimdex.errors import ModelError, ModelUnavailable, NotFound, SettingsError
from heimdex.inherited.expectations import Expected
from heimdex.store.derived import DerivedFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heimdex.encoders.row import LoadOptions
    from heimdex.encoders.text_encoder import TextEncoder
    from heimdex.inference.hub import HubOptions
    from heimdex.pipeline.tools import (
        DescriptionOptions,
        Limits,
        PictureModel,
        SceneOptions,
        SpeechOptions,
        WritingOptions,
    )
    from heimdex.search.meanings import TextSide
    from heimdex.store.database import Database
    from heimdex.store.object_cache import ObjectCache
    from heimdex.store.s3_shelf import S3Options
    from heimdex.store.vectors import StoredModel

log = logging.getLogger(__name__)

STARTER = "starter"
BUCKETS = "s3://"
PICTURES_OFF = "pictures are switched off (HEIMDEX_PICTURES, CLIP_ENABLED or FEATURE_VISION is false)"


def object_place(settings: Settings) -> Path | S3Options:
    """Where objects are kept."""
    from heimdex.store.s3_shelf import S3Options

    place = settings.object_store
    if place is None:
        return settings.home / "objects"
    if not place.startswith(BUCKETS):
        return Path(place).expanduser().absolute()
    bucket, _, prefix = place.removeprefix(BUCKETS).partition("/")
    return S3Options(
        bucket=bucket,
        prefix=prefix.strip("/"),
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        key_id=settings.s3_key_id or None,  # a file of secrets may be empty
        secret=None if settings.s3_secret is None else settings.s3_secret.get_secret_value(),
        allow_http=settings.s3_allow_http,
    )


def derived_files(settings: Settings, owner: str, cache: Callable[[], ObjectCache]) -> DerivedFiles:
    """Kept frames and thumbnails: below the home, or in the bucket that machines share."""
    if not (settings.object_store or "").startswith(BUCKETS):
        return DerivedFiles(settings.home, owner)
    from heimdex.store.shared_derived import SharedDerivedFiles

    return SharedDerivedFiles(settings.home, owner, cache())


def load_options(settings: Settings) -> LoadOptions:
    """Where models lie and how they are loaded."""
    from heimdex.encoders.row import LoadOptions

    return LoadOptions(
        models_dir=settings.models_dir or settings.home / "models",
        cache_dir=settings.home / "compiled",
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
    )


def picture_model(settings: Settings, name: str) -> PictureModel:
    """A picture model, described. Raises NotFound, ModelUnavailable, or SettingsError (not as expected)."""
    from heimdex.pipeline.models import describe

    if not settings.pictures:  # what is skipped is entered under the model that is always there
        return describe(STARTER, load_options(settings))
    model = describe(name, load_options(settings))
    if settings.picture_model in (name, model.row.name, *model.row.aliases):
        expect(settings, model)
    return model


def expect(settings: Settings, model: PictureModel) -> None:
    """Hold a model against what the settings expect of it. Raises SettingsError."""
    Expected(
        dim=settings.picture_dim,
        most_px=settings.max_image_px,
        face_dim=settings.face_dim,
        face_model=settings.face_model,
        face_model_file=settings.face_model_file,
    ).check(model)


def model_in_use(settings: Settings, database: Database, owner: str) -> PictureModel:
    """The picture model an owner's pointer leads to; before there is one, that of the settings."""
    from heimdex.store.pointers import active_model

    if not settings.pictures:
        return picture_model(settings, STARTER)
    pointed = database.run(owner, active_model, read_only=True)
    return picture_model(settings, settings.picture_model if pointed is None else pointed.model.name)


def can_load(settings: Settings, name: str) -> bool:
    """Load a picture model; whether it can be used on this machine. Why not stands in the log."""
    from heimdex.pipeline.models import load

    try:
        load(picture_model(settings, name))
    except (ModelError, NotFound, SettingsError) as error:
        log.warning("the picture model %s cannot be used here: %s", name, error)
        return False
    return True


def models_in_use(settings: Settings, pictures: Sequence[str]) -> tuple[str, ...]:
    """The names of the models in use, `pictures` being those of pictures; an unknown language names none."""
    from heimdex.pipeline.shipped import SPEECH, WRITING

    heard = (f"faster-whisper-{settings.speech_model}" if settings.speech_model else SPEECH,)
    try:
        read = (WRITING, *alphabets(settings))
    except SettingsError:
        read = (WRITING,)
    listens, reads = settings.speech in ("auto", "always"), settings.writing
    names = (*pictures, settings.text_model)
    return (*names, *(heard if listens else ()), *(read if reads else ()))


def hub_options(settings: Settings) -> HubOptions:
    """How the hub is spoken to."""
    from heimdex import __version__
    from heimdex.inference.hub import HubOptions

    token = settings.hub_token
    return HubOptions(
        endpoint=settings.hub_endpoint,
        token=None if token is None else token.get_secret_value(),
        offline=settings.hub_offline,
        version=__version__,
        limit_bytes_per_s=settings.hub_limit_kb_s * 1000,
    )


def limits(settings: Settings) -> Limits:
    """What one item may cost."""
    from heimdex.pipeline.tools import Limits

    return Limits(
        image_timeout_s=settings.image_timeout_s,
        stall_timeout_s=settings.stall_timeout_s,
        worker_memory_bytes=settings.worker_memory_mb << 20,
        max_pixels=settings.max_megapixels * 1_000_000,
    )


def scene_options(settings: Settings) -> SceneOptions:
    """How films are divided."""
    from heimdex.pipeline.tools import SceneOptions

    return SceneOptions(
        min_scene_us=round(settings.min_scene_s * 1e6), max_scene_us=round(settings.max_scene_s * 1e6)
    )


def speech_options(settings: Settings) -> SpeechOptions:
    """How what is said is come by."""
    from heimdex.pipeline.tools import SpeechOptions

    return SpeechOptions(
        mode=settings.speech,
        model=settings.speech_model and f"faster-whisper-{settings.speech_model}",
        language=settings.speech_language,
        load=load_options(settings),
        threads=settings.threads,
    )


def writing_options(settings: Settings) -> WritingOptions:
    """How writing is read. Raises SettingsError for a language that nothing reads."""
    from heimdex.pipeline.tools import WritingOptions

    return WritingOptions(
        on=settings.writing,
        threads=settings.threads,
        alphabets=alphabets(settings),
        load=load_options(settings),
    )


def alphabets(settings: Settings) -> tuple[str, ...]:
    """The catalog names of the recognisers of further alphabets. Raises SettingsError."""
    from heimdex.encoders.writing_rows import rows_of_languages

    try:
        return tuple(row.name for row in rows_of_languages(settings.writing_languages.split(",")))
    except NotFound as error:
        raise SettingsError(f"HEIMDEX_WRITING_LANGUAGES: {error}") from error


def description_options(settings: Settings) -> DescriptionOptions:
    """Who describes scenes."""
    from heimdex.pipeline.tools import DescriptionOptions

    key = settings.description_key
    return DescriptionOptions(
        url=settings.description_url,
        model=settings.description_model,
        key=None if key is None else key.get_secret_value(),
        prompt=settings.description_prompt,
        language=settings.description_language,
        at_once=settings.description_at_once,
        requests_per_minute=settings.description_requests_per_minute,
        budget_requests=settings.description_budget,
        price_in=settings.description_price_in,
        price_out=settings.description_price_out,
        summary_model=settings.summary_model,
        frames=settings.description_frames,
    )


def text_side(settings: Settings) -> TextSide:
    """The model that compares texts, for searches: looked up and loaded when it is first asked for."""
    from heimdex.search.meanings import TextSide
    from heimdex.store import vectors

    name, options = settings.text_model, load_options(settings)

    def find(connection: Any) -> StoredModel | None:
        try:
            return vectors.find_model(connection, *_text_key(name, options))
        except ModelUnavailable:  # words are found all the same
            return None

    return TextSide(load=partial(_text_encoder, name, options), find=find)


@lru_cache(maxsize=2)
def _text_encoder(name: str, options: LoadOptions) -> TextEncoder:
    """Loaded once, for all owners."""
    from heimdex.encoders import catalog

    return catalog.load_text(name, options)


@lru_cache(maxsize=2)
def _text_key(name: str, options: LoadOptions) -> tuple[str, str, str]:
    from heimdex.encoders import catalog

    row = catalog.find(name, options.models_dir)
    return row.name, row.precision, catalog.fingerprint(row, options)
