"""BackupBucket: the versions of the backup's objects. CountedS3: counts all calls of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from scorecast.ops.stack.aws_errors import aws_code_of

# Dollars a request in us-east-1, in the class S3 Standard; deleting is free, and so is reading within the region.
# https://aws.amazon.com/s3/pricing/
_PRICES = {"list": 5e-6, "put": 5e-6, "get": 4e-7, "delete": 0.0}
_KINDS = {
    "list_object_versions": "list",
    "list_objects_v2": "list",
    "get_object": "get",
    "put_object": "put",
    "delete_object": "delete",
}
# A write is refused with 412 if the object has changed meanwhile, and with 409 if it is being written right now.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
# Error codes of objects that are gone, and of objects that must first be restored from an archive.
_GONE = {"NoSuchKey", "NoSuchVersion", "404"}
_ARCHIVED = "InvalidObjectState"
# What a rewritten object keeps besides its key. (S3 does not copy tags or a lock by itself.)
_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)


class ObjectChanged(Exception):
    """The object has been written again since it was read."""


class ObjectArchived(Exception):
    """The object cannot be read until it is restored from its archive."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; in a bucket that keeps no versions, its id is `null`."""

    key: str
    id: str
    is_latest: bool
    written_at: datetime


@dataclass(slots=True)
class CountedS3:
    """S3's client with the operations of `_KINDS`; `requests` counts them by kind, over all threads."""

    s3: Any
    requests: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return an operation of the client that counts its calls."""
        if operation not in _KINDS:
            raise AttributeError(operation)

        def call(**request: Any) -> Any:
            with self._lock:
                self.requests[_KINDS[operation]] += 1
            return getattr(self.s3, operation)(**request)

        return call

    @property
    def dollars(self) -> float:
        """The cost of the requests."""
        return sum(_PRICES[kind] * count for kind, count in self.requests.items())


@dataclass(frozen=True, slots=True)
class BackupBucket:
    """The backup bucket."""

    s3: CountedS3
    name: str

    def uri(self, key: str) -> str:
        """Where an object is, for people."""
        return f"s3://{self.name}/{key}"

    def versions(self, prefix: str, after: str = "") -> Iterator[Version]:
        """List all versions of objects with a prefix and with keys after `after`; the newest version of each first."""
        request = {"Bucket": self.name, "Prefix": prefix} | ({"KeyMarker": after} if after else {})
        while True:
            page = self.s3.list_object_versions(**request)
            for found in page.get("Versions", []):
                yield Version(found["Key"], found["VersionId"], found["IsLatest"], found["LastModified"])
            if not page.get("IsTruncated"):
                return
            request |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def versions_of(self, key: str) -> list[Version]:
        """List all versions of one object, newest first."""
        return [one for one in self.versions(key) if one.key == key]

    def read(self, version: Version) -> dict[str, Any] | None:
        """Read a version, with its body as bytes under `Body`; None if it is gone, ObjectArchived if archived."""
        try:
            answer = self.s3.get_object(Bucket=self.name, Key=version.key, VersionId=version.id)
        except ClientError as error:
            if aws_code_of(error) in _GONE:
                return None
            if aws_code_of(error) == _ARCHIVED:
                raise ObjectArchived(f"{self.uri(version.key)} is in an archive: restore it first.") from None
            raise
        return {**answer, "Body": answer["Body"].read()}

    def write(self, key: str, body: bytes, like: dict[str, Any], *, replaces: bool) -> str:
        """Write an object with the metadata of `like`; return its version. ObjectChanged if `like` is not current."""
        kept = {name: like[name] for name in _KEPT if like.get(name)}
        condition = {"IfMatch": like["ETag"]} if replaces else {}
        try:
            answer = self.s3.put_object(Bucket=self.name, Key=key, Body=body, **kept, **condition)
        except ClientError as error:
            if aws_code_of(error) in _CHANGED or (replaces and aws_code_of(error) in _GONE):
                raise ObjectChanged from None
            raise
        return str(answer.get("VersionId", "null"))

    def delete(self, version: Version) -> None:
        """Delete one version permanently."""
        self.s3.delete_object(Bucket=self.name, Key=version.key, VersionId=version.id)
