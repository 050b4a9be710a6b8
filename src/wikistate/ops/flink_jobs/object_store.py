"""The list of objects in an S3 store: all that `recover` needs of one. Source: "ListObjectsV2" of the Amazon S3 API reference.

Requests have the bucket in their path, which all stores accept.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from wikistate.adapters.http.aws_signature import AccessKey, encode_path, encode_query, sign_request
from wikistate.adapters.http.client import OK, HttpClient, HttpResponse, HttpSettings
from wikistate.adapters.secrets import resolve_secret
from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.errors import InputError
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.secret import Secret

if TYPE_CHECKING:
    from wikistate.config.flink_environments import ObjectStoreSettings

MAX_KEYS = "1000"
"""Objects of an answer: the most that stores allow."""

MAX_PAGE = 16 * 1024 * 1024
"""Bytes of an answer."""


class S3Store:
    """Client of an S3 store, an asynchronous context manager.

    Args:
        settings: Settings.

    Raises:
        ConfigError: The key of the user is missing.
    """

    def __init__(self, settings: ObjectStoreSettings) -> None:
        self._endpoint = (settings.endpoint or f"https://s3.{settings.region}.amazonaws.com").rstrip("/")
        self._region = settings.region
        self._key = read_access_key(settings)
        self._client = HttpClient(HttpSettings(max_connections=1))

    async def __aenter__(self) -> Self:
        await self._client.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def list_objects(
        self, bucket: str, prefix: str, *, most: int, is_flat: bool = False
    ) -> list[tuple[str, int]]:
        """Return the keys and the times of change (milliseconds since the epoch) of the objects with a prefix.

        Args:
            bucket: Bucket.
            prefix: Beginning of the keys.
            most: Largest number of objects.
            is_flat: Whether to leave out objects in folders below the prefix.

        Raises:
            FlinkJobError: The store does not answer, refuses the request, or has more objects.
        """
        found: list[tuple[str, int]] = []
        tokens: set[str] = set()
        query = {"list-type": "2", "max-keys": MAX_KEYS, "prefix": prefix} | ({"delimiter": "/"} if is_flat else {})
        while True:
            objects, token = await self._request(bucket, query)
            found += objects
            if len(found) > most:
                raise self._failure(bucket, f"there are more than {most} objects below {prefix}")
            if not token:
                return found
            if token in tokens:
                raise self._failure(bucket, "its list continues at the same place twice")
            tokens.add(token)
            query["continuation-token"] = token

    async def _request(self, bucket: str, parameters: dict[str, str]) -> tuple[list[tuple[str, int]], str]:
        parts = urlsplit(self._endpoint)
        path, query = encode_path(f"{parts.path}/{bucket}"), encode_query(parameters)
        headers = sign_request(parts.netloc, path, query, key=self._key, region=self._region, at=datetime.now(tz=UTC))
        url = f"{parts.scheme}://{parts.netloc}{path}"
        answer = await self._client.request(self._client.endpoint(url), query, headers=headers, limit=MAX_PAGE)
        if not isinstance(answer, HttpResponse):
            raise self._failure(bucket, answer.detail)
        if answer.status != OK:
            raise self._failure(bucket, f"status {answer.status}: {quote_first_line(answer.body)}")
        try:
            return parse_list(answer.body)
        except UnreadableListError as error:
            raise self._failure(bucket, f"{error}: {quote_first_line(answer.body)}") from None

    def _failure(self, bucket: str, reason: str) -> FlinkJobError:
        return FlinkJobError(
            f"The bucket {bucket} at {self._endpoint} cannot be listed: {reason}.",
            hint="Check `s3` of the environment and its key. Or name the snapshot by --from.",
            failure=JobFailure.SNAPSHOT_MISSING,
        )


class UnreadableListError(InputError):
    """Answer that is not a list of objects."""


def parse_list(body: bytes) -> tuple[list[tuple[str, int]], str]:
    """Return the keys and times of change (milliseconds since the epoch) of a page, and the token of the next one.

    The token is empty for the last page.

    Raises:
        UnreadableListError: It is not a list of objects.
    """
    try:
        page = ET.fromstring(body)  # noqa: S314  (its size is bounded, and expat bounds the expansion of entities)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise UnreadableListError(f"its answer is not XML ({error})") from None
    if page.tag.rpartition("}")[2] != "ListBucketResult":
        raise UnreadableListError("its answer is not a list of objects")
    found: list[tuple[str, int]] = []
    for item in page.iterfind("{*}Contents"):
        key = item.findtext("{*}Key")
        changed = parse_timestamp(item.findtext("{*}LastModified") or "")
        if not key or changed is None:
            raise UnreadableListError("its answer has an object without a key or a time")
        found.append((key, changed))
    token = page.findtext("{*}NextContinuationToken") or ""
    return found, token if page.findtext("{*}IsTruncated") == "true" else ""


def read_access_key(settings: ObjectStoreSettings) -> AccessKey:
    """Return the key of the user.

    Raises:
        ConfigError: A part is missing, or a file cannot be read.
    """
    return AccessKey(
        _read_part(settings.key_id_env, settings.key_id_file),
        _read_part(settings.secret_key_env, settings.secret_key_file),
        Secret(os.environ.get(settings.session_token_env, "")),
    )


def has_access_key(settings: ObjectStoreSettings) -> bool:
    """Return whether a key is configured on this machine."""
    return bool(settings.key_id_file or os.environ.get(settings.key_id_env))


def _read_part(env: str, file: str) -> Secret:
    return resolve_secret("", file) if file else resolve_secret(env, "")
