"""Settings: read once, at the door. Below it there are only plain arguments.

`.env.example` and `docs/reference/settings.md` are generated from this class by `scripts/settings_docs.py`.
"""

from __future__ import annotations

import os
import re
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

_BUCKET = re.compile(r"s3://[A-Za-z0-9][A-Za-z0-9._-]{1,62}(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")

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
    object_store: str | None = Field(
        default=None,
        description="Where uploads are kept, and with s3:// what many machines share: a folder, or "
        "`s3://bucket/prefix`. Default: `objects` in the data folder.",
    )
    s3_endpoint: str | None = Field(
        default=None,
        description="The address of an S3-compatible service, e.g. `https://s3.example.org`. Default: AWS.",
    )
    s3_region: str = Field(default="us-east-1", description="The region of the bucket.")
    s3_key_id: str | None = Field(
        default=None, description="The access key of the bucket. Default: the role of the machine, on AWS."
    )
    s3_secret: SecretStr | None = Field(default=None, description="The secret of that access key.")
    s3_allow_http: bool = Field(
        default=False, description="Allow an `http://` endpoint: everything can be read on the way."
    )
    s3_link_s: int = Field(
        default=0,
        ge=0,
        le=604_800,
        description="Seconds for which an upload may be fetched from the bucket itself, by a signed address "
        "that downloads are sent to; 0 = they pass through Heimdex.",
    )
    object_cache_mb: int = Field(
        default=20_480,
        ge=16,
        description="MiB that copies of objects may take in the data folder; the longest unused go first.",
    )
    owner: str = Field(default=SINGLE_OWNER, description="The owner (a UUID) whose library this is.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="How much is logged on stderr."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="One line of text, or one JSON object, per log record."
    )
    metrics: Literal["auto", "key", "open", "off"] = Field(
        default="auto",
        description="Who may read `/metrics`: auto is this machine itself, others with a key that may "
        "administer; key asks this machine too; open is everybody who reaches the port.",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="A folder with files named like settings (`heimdex_database_url`) that hold their "
        "values, as container engines and systemd hand out secrets. The environment wins.",
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
    job_limits: str = Field(
        default="",
        description="How many jobs of a kind may run at once on all workers together, e.g. "
        "`index_files=4,backfill=1`. Default: one backfill, reprocess and verify per owner.",
    )
    worker_heartbeat_s: float = Field(
        default=10.0, gt=0, description="Seconds between two signs of life of a worker."
    )
    worker_stalled_s: float = Field(
        default=40.0,
        gt=0,
        description="Seconds without a sign of life after which a worker's jobs are given to others; at "
        "least twice the heartbeat, and the same for all workers.",
    )
    exact_rows: int = Field(
        default=10_000,
        ge=0,
        description="Up to this many vectors that pass the filters a search scans them exactly; above it "
        "uses the HNSW index.",
    )
    quota_gb: float | None = Field(
        default=None,
        ge=0,
        description="Gigabytes (10^9 bytes) that the uploads of one owner may take up together, those being "
        "received included. Default: no limit.",
    )
    upload_limit_gb: float = Field(
        default=100.0, gt=0, description="The largest file that is taken in, in gigabytes (10^9 bytes)."
    )
    uploads_at_once: int = Field(
        default=16, ge=1, description="Uploads of one owner that may be under way at the same time."
    )
    upload_kept_hours: float = Field(
        default=24.0, gt=0, description="Hours without a byte after which an upload is given up."
    )
    ingest_hosts: str = Field(
        default="",
        description="Places that files may be fetched from by address, e.g. "
        "`media.example.org,*.example.net,https://example.com/films/`. Default: none, fetching is off.",
    )
    ingest_http: bool = Field(default=False, description="Also fetch from them without encryption.")
    ingest_networks: str = Field(
        default="",
        description="Private networks those places may lie in, e.g. `10.1.0.0/16`. Default: none; only "
        "addresses of the open internet are connected to.",
    )

    sign_in: Literal["auto", "always"] = Field(
        default="auto",
        description="Who has to sign in: auto lets anybody on this machine in while there are no users and "
        "the server listens on loopback only.",
    )
    password_min_length: int = Field(
        default=15, ge=8, le=128, description="The shortest password, in characters."
    )
    session_idle_h: float = Field(
        default=168.0, gt=0, description="Hours after which an unused session is over."
    )
    session_h: float = Field(default=720.0, gt=0, description="Hours after which any session is over.")
    requests_per_minute: int = Field(
        default=1200,
        ge=0,
        description="Requests a key, or a user, may make in a minute, in each server process; 0 = no limit.",
    )
    public_url: str | None = Field(
        default=None,
        description="The address people use where a reverse proxy stands in between, e.g. "
        "`https://heimdex.example`.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks of reverse proxies, comma-separated, whose X-Forwarded-For and "
        "X-Forwarded-Proto count.",
    )
    oidc_issuer: str | None = Field(
        default=None, description="An OpenID Connect provider to sign in at: the address of its issuer."
    )
    oidc_client_id: str = Field(default="", description="What that provider calls this installation.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="The secret it gave out. Default: none, for a public client."
    )
    oidc_label: str = Field(default="OpenID Connect", description="What people call that provider.")
    oidc_scopes: str = Field(
        default="openid email profile", description="What is asked of it, separated by spaces."
    )
    oidc_email_domains: str = Field(
        default="",
        description="Who may come in from there: domains of verified e-mail addresses, comma-separated; `*`: "
        "everybody it knows.",
    )
    oidc_claim: str = Field(
        default="", description="Who may come in from there: a claim and its value, e.g. `groups=film`."
    )
    oidc_library: Literal["own", "shared"] = Field(
        default="own",
        description="What a new user from there finds: a library of their own, or the one of HEIMDEX_OWNER.",
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

    @field_validator("object_store")
    @classmethod
    def _store_is_a_folder_or_a_bucket(cls, value: str | None) -> str | None:
        if value is not None and "://" in value and not _BUCKET.fullmatch(value):
            raise ValueError("a folder, or s3://bucket/prefix with plain names, is wanted")
        return value

    @field_validator("owner")
    @classmethod
    def _owner_is_a_uuid(cls, value: str) -> str:
        return str(uuid.UUID(value))

    @field_validator("home", "secrets_dir", "models_dir", "hub_cache_dir", "face_model_file")
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
    folder = _secrets_dir(given, overrides)
    taken = {name for name in Settings.model_fields if given.get(f"HEIMDEX_{name.upper()}")}
    taken |= {file.name.lower().removeprefix("heimdex_") for file in folder.iterdir()} if folder else set()
    inherited = read_inherited(given, taken | overrides.keys())
    values = {setting: found.value for setting, found in inherited.items()}
    try:
        asked: dict[str, Any] = {"_secrets_dir": folder, **values, **overrides}
        return Settings(**asked)
    except ValidationError as error:
        problems = "; ".join(
            f"{_named(inherited, problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise SettingsError(f"{problems}. See docs/reference/settings.md.") from error


def _secrets_dir(given: Mapping[str, str], overrides: Mapping[str, Any]) -> Path | None:
    """The folder of secrets. Raises SettingsError where it is set and no folder that can be read."""
    named = overrides.get("secrets_dir") or given.get("HEIMDEX_SECRETS_DIR")
    if not named:
        return None
    folder = Path(named).expanduser().absolute()
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        raise SettingsError(
            f"HEIMDEX_SECRETS_DIR: {folder} is no folder that can be read; correct or unset it."
        )
    return folder


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
