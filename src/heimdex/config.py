"""Settings: read once, at the door. Below it there are only plain arguments.

`.env.example` and `docs/reference/settings.md` are generated from this class by `scripts/settings_docs.py`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from heimdex.errors import SettingsError
from heimdex.inherited.names import Found, read_inherited

SINGLE_OWNER = "00000000-0000-7000-8000-000000000001"
"""The owner of everything while there are no accounts."""


class Settings(BaseSettings):
    """What can be set, each as HEIMDEX_<NAME> in the environment or in a file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="HEIMDEX_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("heimdex", appauthor=False)),
        description="The data folder: database, kept frames, compiled models. Default: the platform's "
        "folder for user data.",
    )
    database_url: str | None = Field(
        default=None,
        description="A PostgreSQL 15+ with pgvector 0.8+ to use in place of the embedded one, with the "
        "login of heimdex_app.",
    )
    database_admin_url: str | None = Field(
        default=None,
        description="The login that may create and change tables in that database; only needed when there "
        "is something to migrate.",
    )
    owner: str = Field(default=SINGLE_OWNER, description="The owner (a UUID) whose library this is.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="How much is logged on stderr."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="One line of text, or one JSON object, per log record."
    )
    picture_model: str = Field(
        default="starter",
        description="The picture model a new library begins with; see `heimdex models list`. Later: "
        "`heimdex models use`.",
    )
    pictures: bool = Field(
        default=True,
        description="Make vectors of what is seen and search by them; else the stage `picture` is skipped.",
    )
    picture_dim: int | None = Field(
        default=None,
        ge=1,
        description="The length you expect of the picture model's vectors; another is refused.",
    )
    max_image_px: int | None = Field(
        default=None,
        ge=1,
        description="The largest side you expect a model to look at; one that looks at more is refused.",
    )
    frame_strategy: Literal["best_quality", "top3_max", "top3_mean"] = Field(
        default="top3_max",
        description="How a scene's kept frames make its score: the best picture alone, the nearest of "
        "them, or their mean.",
    )
    log_vectors: bool = Field(
        default=False,
        description="Log the loading of the picture model and each vector, whatever the log level.",
    )
    speech: Literal["auto", "subtitles", "always", "off"] = Field(
        default="auto",
        description="Where what is said comes from: auto takes subtitles where there are any and listens "
        "elsewhere; subtitles never listens; always listens even so.",
    )
    speech_model: (
        Literal["tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3", "turbo"] | None
    ) = Field(
        default=None,
        description="The Whisper model that listens, once it is pulled. Default: the starter, for English.",
    )
    speech_language: str | None = Field(
        default=None,
        description="The language that is spoken, e.g. `en`, and of the subtitles to prefer. Default: heard.",
    )
    writing: bool = Field(default=True, description="Read writing in pictures.")
    writing_languages: str = Field(
        default="",
        description="Further languages or alphabets to read in pictures, e.g. `ko,cyrillic`, each by a model "
        "to pull (`writing-korean`). Latin letters, Chinese and Japanese are read without.",
    )
    text_model: str = Field(
        default="starter-sentences",
        description="The model that compares texts by meaning; see `heimdex models list`.",
    )
    description_url: str | None = Field(
        default=None,
        description="An OpenAI-style API whose vision model describes scenes: kept frames are sent to it. "
        "Default: nothing is sent anywhere.",
    )
    description_model: str = Field(default="", description="The name of that vision model.")
    description_key: SecretStr | None = Field(default=None, description="The key of that API.")
    description_prompt: str | None = Field(default=None, description="What to ask of it. Default: our words.")
    description_language: str = Field(default="English", description="The language of the descriptions.")
    description_frames: int = Field(
        default=1, ge=1, le=3, description="How many of a scene's kept frames it is shown."
    )
    description_at_once: int = Field(
        default=3, ge=1, le=8, description="How many scenes it is asked about at the same time."
    )
    description_requests_per_minute: float = Field(
        default=0.0, ge=0, description="Requests a minute it may get; 0 = no limit."
    )
    description_budget: int = Field(
        default=0, ge=0, description="Requests one index run may make; 0 = no limit."
    )
    description_price_in: float = Field(
        default=0.0, ge=0, description="What a million tokens sent cost, to count the cost."
    )
    description_price_out: float = Field(
        default=0.0, ge=0, description="What a million tokens received cost."
    )
    summary_model: str | None = Field(
        default=None,
        description="A text model of that API that sums scenes up. Default: extracts of what is said.",
    )
    faces: bool | None = Field(default=None, description="Look for faces. Nothing looks for them yet.")
    face_detector: Literal["yunet", "dlib"] | None = Field(
        default=None, description="What finds faces. Nothing looks for them yet."
    )
    face_model: Literal["sface", "dlib"] | None = Field(
        default=None, description="What tells faces apart. Nothing looks for them yet."
    )
    face_model_file: Path | None = Field(
        default=None, description="A file of yours with the face model. Nothing looks for faces yet."
    )
    face_dim: int | None = Field(
        default=None,
        ge=1,
        description="The length you expect of the face model's vectors; another is refused.",
    )
    models_dir: Path | None = Field(
        default=None,
        description="The folder of pulled and imported models. Default: `models` in the data folder.",
    )
    hub_endpoint: str = Field(
        default="https://huggingface.co", description="Where models are pulled from: the hub, or a mirror."
    )
    hub_token: SecretStr | None = Field(
        default=None, description="A token of the hub, for models that are not for everyone. Never looked up."
    )
    hub_offline: bool = Field(default=False, description="Never ask the hub, not even when told to pull.")
    hub_limit_kb_s: int = Field(
        default=0, ge=0, description="Kilobytes (1,000 bytes) a second a pull may take; 0 = no limit."
    )
    hub_cache_dir: Path | None = Field(
        default=None,
        description="A Hugging Face cache; what it holds is not downloaded again. It is only read. Default: "
        "where HF_HUB_CACHE or HF_HOME point, else `~/.cache/huggingface/hub`.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where pictures are encoded: auto is an NVIDIA card where heimdex[torch] finds one.",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="Arithmetic of the models; auto is bf16 where the CPU has it."
    )
    workers: int = Field(
        default_factory=lambda: min(8, os.cpu_count() or 1),
        ge=1,
        le=256,
        description="Decoding processes. Default: one per core, 8 at most.",
    )
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=1024,
        description="Threads of the inference process. Default: one per core.",
    )
    worker_memory_mb: int = Field(
        default=3072,
        ge=0,
        description="Memory in MiB one worker process may use before it is ended, beside what its model "
        "takes; 0 = no limit.",
    )
    image_timeout_s: float = Field(
        default=2.0, gt=0, description="Seconds one picture may take in a model before it is given up."
    )
    stall_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds a file may keep its decoder busy without any progress."
    )
    max_megapixels: int = Field(
        default=400, ge=1, description="Pictures with more megapixels are refused unread (bomb guard)."
    )
    hidden: bool = Field(default=False, description="Also index hidden files and folders.")
    min_scene_s: float = Field(default=0.6, ge=0, description="The shortest scene, in seconds.")
    max_scene_s: float = Field(
        default=30.0, ge=2, description="A longer shot is divided at its calmest points, in seconds."
    )
    exact_rows: int = Field(
        default=10_000,
        ge=0,
        description="Up to this many vectors that pass the filters a search scans them exactly; above it "
        "uses the HNSW index.",
    )

    recent_queries: int = Field(
        default=200,
        ge=0,
        le=10_000,
        description="How many of the latest queries are kept, to judge a change of the picture model by; "
        "0 = none.",
    )

    @field_validator("hub_endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("an address beginning with https:// or http:// is wanted")
        return value.rstrip("/")

    @field_validator("owner")
    @classmethod
    def _owner_is_a_uuid(cls, value: str) -> str:
        return str(uuid.UUID(value))

    @field_validator("home", "models_dir", "hub_cache_dir", "face_model_file")
    @classmethod
    def _folder_is_absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()


def hub_cache(settings: Settings) -> Path:
    """The Hugging Face cache to read: the one set, else the one huggingface_hub would use."""
    if settings.hub_cache_dir is not None:
        return settings.hub_cache_dir
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{caches}/huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser().absolute()


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `.env` and the overrides. Raises SettingsError, naming the setting.

    Names of the past count where neither an override nor HEIMDEX_<NAME> sets the same thing.
    """
    given = _variables()
    taken = {name for name in Settings.model_fields if given.get(f"HEIMDEX_{name.upper()}")}
    inherited = read_inherited(given, taken | overrides.keys())
    values = {setting: found.value for setting, found in inherited.items()}
    try:
        return Settings(**values, **overrides)
    except ValidationError as error:
        problems = "; ".join(
            f"{_named(inherited, problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise SettingsError(f"{problems}. See docs/reference/settings.md.") from error


def _variables() -> dict[str, str]:
    """Everything in `.env` and the environment, which wins, by names in capitals; nothing that is empty."""
    file = dotenv_values(".env", encoding="utf-8")
    return {name.upper(): value for source in (file, os.environ) for name, value in source.items() if value}


def _named(inherited: Mapping[str, Found], place: tuple[int | str, ...]) -> str:
    """The variables that gave a value, or that would."""
    setting = str(place[0]) if place else ""
    if setting in inherited:
        return " and ".join(inherited[setting].said)
    return f"HEIMDEX_{'_'.join(str(part) for part in place).upper()}"
