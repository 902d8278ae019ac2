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
├── UploadError              something handed in that cannot go on like this
│   ├── OffsetConflict       it does not begin where what was received ends
│   ├── UploadBusy           another request is writing it
│   ├── UploadBrokenOff      the sender went away; what came is kept
│   ├── ChecksumMismatch     what came is not what was sent
│   ├── UploadTooLarge       larger than files may be here, or than was said
│   ├── QuotaExceeded        its owner's quota has no room for it
│   ├── TooManyUploads       its owner has too many under way
│   ├── UploadExpired        abandoned too long, or ended; it has to begin again
│   ├── AddressRefused       an address that nothing may be fetched from
│   └── FetchFailed          an address that gave no file
├── StoreError               the database, the derived files or the object store
│   ├── DatabaseUnavailable  cannot be reached or started; trying again may help
│   ├── SchemaMismatch       the schema is newer than this code
│   ├── UnsafeRole           a superuser or BYPASSRLS login, refused
│   ├── StorageFull          no space left on the device
│   ├── Superseded           another process took this work over; nothing was written
│   └── ObjectStoreError     the object store
│       ├── ObjectStoreUnavailable  cannot be reached, or fails; trying again may help
│       ├── ObjectStoreRefused      wrong credentials, no such bucket, not allowed
│       ├── ObjectMissing           no object has this key
│       └── ObjectDamaged           an object is not what was put there
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
├── AccessError              who may do what
│   ├── NotSignedIn          nobody, or nobody known: a session, a key or a password is missing or wrong
│   ├── NotAllowed           known, but this is not theirs to do
│   ├── RateLimited          too often; says when to come again
│   └── ProviderUnavailable  the provider that people sign in at does not answer, or makes no sense
├── Stopped                  work that was asked to end before it was done; what was entered stays
├── ArchiveFault             an exported index or a backup that is damaged, unfinished or of another format
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


class Stopped(HeimdexError):
    """Work that was asked to end before it was done; what was entered stays."""


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


class UploadError(HeimdexError):
    """Something handed in that cannot go on like this."""


class OffsetConflict(UploadError):
    """It does not begin where what was received ends."""


class UploadBusy(UploadError):
    """Another request is writing this upload."""


class UploadBrokenOff(UploadError):
    """The sender went away; what came is kept."""


class ChecksumMismatch(UploadError):
    """What came is not what was sent."""


class UploadTooLarge(UploadError):
    """Larger than files may be here, or than was said."""


class QuotaExceeded(UploadError):
    """The owner's quota has no room for it."""


class TooManyUploads(UploadError):
    """The owner has too many uploads under way."""


class UploadExpired(UploadError):
    """Abandoned too long, or ended; it has to begin again."""


class AddressRefused(UploadError):
    """An address that nothing may be fetched from."""


class FetchFailed(UploadError):
    """An address that gave no file."""


class StoreError(HeimdexError):
    """The database, the derived files or the object store."""


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


class ObjectStoreError(StoreError):
    """The object store."""


class ObjectStoreUnavailable(ObjectStoreError):
    """The object store cannot be reached, or fails; trying again may help."""


class ObjectStoreRefused(ObjectStoreError):
    """Wrong credentials, no such bucket, or not allowed."""


class ObjectMissing(ObjectStoreError):
    """No object has this key."""


class ObjectDamaged(ObjectStoreError):
    """An object is not what was put there."""


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
    """Another model is not taken into use, for a reason; the one before stays.

    `is_of_library`: the reason lies in an owner's files, which the message may name; any other passes.
    """

    def __init__(self, message: str, *, is_of_library: bool = False) -> None:
        super().__init__(message)
        self.is_of_library = is_of_library


class VectorFault(ModelError):
    """A batch that is not finite, not of norm 1, or collapsed."""


class AnswerFault(ModelError):
    """An endpoint's answer to one question is none, or makes no sense; others may do."""


class BudgetSpent(ModelError):
    """The requests that a run may make to an endpoint are used up."""


class AccessError(HeimdexError):
    """Who may do what."""


class NotSignedIn(AccessError):
    """A session, a key or a password is missing or wrong."""


class NotAllowed(AccessError):
    """The caller is known, but this is not theirs to do."""


class RateLimited(AccessError):
    """Too often. `retry_after_s` is when to come again, in seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderUnavailable(AccessError):
    """The provider that people sign in at does not answer, or its answer makes no sense."""


class ArchiveFault(HeimdexError):
    """An exported index or a backup that is damaged, unfinished or of another format."""


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
