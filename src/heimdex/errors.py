"""One tree of errors. A message says what happened and what to do next.

HeimdexError
├── SettingsError            a setting is wrong, or two disagree
├── UsageError               the caller asked for something that makes no sense
│   ├── NotFound             no such asset, scene or model
│   └── QueryError           a query that cannot be answered as written
├── MediaError               a file that cannot be read as media
│   ├── UnreadableFile       permission, I/O, vanished, not a regular file
│   ├── UnknownFormat        its content is no picture, film or sound we know
│   ├── DamagedFile          recognised, but truncated or corrupt
│   └── OversizedPicture     more pixels than the guard allows (a bomb, or a setting too low)
├── StoreError               the database or the derived files
│   ├── DatabaseUnavailable  cannot be reached or started; trying again may help
│   ├── SchemaMismatch       the schema is newer than this code
│   ├── UnsafeRole           a superuser or BYPASSRLS login, refused
│   ├── StorageFull          no space left on the device
│   └── Superseded           another process took this work over; nothing was written
├── ModelError               weights and runtimes
│   ├── WeightsCorrupt       a checksum differs
│   ├── ModelUnavailable     not installed here
│   ├── HubUnavailable       the model hub cannot be reached, or may not be asked
│   ├── DownloadFailed       the hub does not give what was asked for
│   ├── LicenceNotAccepted   its licence allows no commercial use, and nobody accepted it
│   ├── ChangeRefused        another model is not taken into use, and why
│   ├── VectorFault          a batch that is not finite, not of norm 1, or collapsed
│   ├── AnswerFault          an endpoint's answer to one question that is none, or makes no sense
│   └── BudgetSpent          the requests that a run may make are used up
├── WorkersUnavailable       no worker process can be started here; no item is to blame
└── WorkerError              a worker process did not finish its item
    ├── WorkerTimeout        overran its time and was killed
    ├── WorkerCrashed        died (a signal, an abort)
    └── WorkerMemory         used more memory than allowed and was killed
"""

from __future__ import annotations


class HeimdexError(Exception):
    """The root of everything Heimdex raises on purpose."""


class SettingsError(HeimdexError):
    """A setting is wrong, or two disagree."""


class UsageError(HeimdexError):
    """The caller asked for something that makes no sense."""


class NotFound(UsageError):
    """No such asset, scene or model."""


class QueryError(UsageError):
    """A query that cannot be answered as written."""


class MediaError(HeimdexError):
    """A file that cannot be read as media."""


class UnreadableFile(MediaError):
    """Permission, I/O, vanished, or not a regular file."""


class UnknownFormat(MediaError):
    """Its content is no picture, film or sound we know."""


class DamagedFile(MediaError):
    """Recognised, but truncated or corrupt."""


class OversizedPicture(MediaError):
    """More pixels than the guard allows."""


class StoreError(HeimdexError):
    """The database or the derived files."""


class DatabaseUnavailable(StoreError):
    """The database cannot be reached or started; trying again may help."""


class SchemaMismatch(StoreError):
    """The schema is newer than this code."""


class UnsafeRole(StoreError):
    """A superuser or BYPASSRLS login, refused because it would see every tenant."""


class StorageFull(StoreError):
    """No space left on the device."""


class Superseded(StoreError):
    """Another process took this work over; nothing was written."""


class ModelError(HeimdexError):
    """Weights and runtimes."""


class WeightsCorrupt(ModelError):
    """A checksum differs from the manifest."""


class ModelUnavailable(ModelError):
    """The model is not installed here."""


class HubUnavailable(ModelError):
    """The model hub cannot be reached, or may not be asked."""


class DownloadFailed(ModelError):
    """The hub does not give what was asked for."""


class LicenceNotAccepted(ModelError):
    """The model's licence allows no commercial use, and nobody accepted it."""


class ChangeRefused(ModelError):
    """Another model is not taken into use, for a reason; the one before stays."""


class VectorFault(ModelError):
    """A batch that is not finite, not of norm 1, or collapsed."""


class AnswerFault(ModelError):
    """An endpoint's answer to one question is none, or makes no sense; others may do."""


class BudgetSpent(ModelError):
    """The requests that a run may make to an endpoint are used up."""


class WorkersUnavailable(HeimdexError):
    """No worker process can be started here; no item is to blame."""


class WorkerError(HeimdexError):
    """A worker process did not finish its item."""


class WorkerTimeout(WorkerError):
    """The item overran its time and its process was killed."""


class WorkerCrashed(WorkerError):
    """The process died on the item (a signal, an abort)."""


class WorkerMemory(WorkerError):
    """The item used more memory than allowed and its process was killed."""
