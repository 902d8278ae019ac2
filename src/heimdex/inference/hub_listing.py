"""What a repository holds, as the hub lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heimdex.errors import DownloadFailed
from heimdex.inference.checksums import Checksum

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file of a repository."""

    name: str  # its path there, with forward slashes
    size_bytes: int
    checksum: Checksum


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The files asked for, at one commit."""

    repository: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(file.size_bytes for file in self.files)


def read_listing(info: ModelInfo, repository: str, revision: str, names: tuple[str, ...]) -> Listing:
    """The named files of a repository. Any other name in its listing, however odd, is never looked at.

    Raises DownloadFailed where one is missing or has no checksum; TypeError, ValueError, KeyError,
    AttributeError where this is no listing.
    """
    if not info.sha or info.siblings is None:
        raise TypeError("no commit, or no files")
    files = {sibling.rfilename: sibling for sibling in info.siblings}
    missing = [name for name in names if name not in files]
    if missing:
        raise DownloadFailed(
            f"{repository} has no {', '.join(missing)} at {revision}. Its publishers have moved the "
            "files; update Heimdex, or import the model from a folder."
        )
    return Listing(
        repository=repository,
        commit=info.sha,
        files=tuple(_remote(repository, name, files[name]) for name in names),
    )


def _remote(repository: str, name: str, sibling: Any) -> RemoteFile:
    if sibling.lfs is not None:
        return RemoteFile(
            name=name,
            size_bytes=int(sibling.lfs["size"]),
            checksum=Checksum(kind="sha256", value=str(sibling.lfs["sha256"])),
        )
    if sibling.size is None or not sibling.blob_id:
        raise DownloadFailed(
            f"The hub states no size and checksum for {name} of {repository}; without them nothing is "
            "downloaded. Use another mirror (HEIMDEX_HUB_ENDPOINT)."
        )
    return RemoteFile(
        name=name, size_bytes=int(sibling.size), checksum=Checksum(kind="git", value=str(sibling.blob_id))
    )
