"""Signatures of requests to S3 stores: AWS Signature Version 4. Pure.

Source: "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from wikistate.secret import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"


class AccessKey(NamedTuple):
    """Key of a user of a store.

    Attributes:
        key_id: Id.
        secret: Secret part.
        token: Token of a session; empty for a lasting key.
    """

    key_id: Secret
    secret: Secret
    token: Secret


def encode_query(parameters: Mapping[str, str]) -> str:
    """Return the query string in the form that is signed."""
    return "&".join(f"{_quote(name)}={_quote(value)}" for name, value in sorted(parameters.items()))


def encode_path(path: str) -> str:
    """Return a path in the form that is signed."""
    return quote(path, safe="/-_.~")


def sign_request(
    host: str,
    path: str,
    query: str,
    *,
    key: AccessKey,
    region: str,
    at: datetime,
    method: str = "GET",
    body: bytes = b"",
) -> dict[str, str]:
    """Return the headers of a signed request to S3.

    Args:
        host: Host, with the port if it is not that of the scheme.
        path: Path, as `encode_path` returns it.
        query: Query, as `encode_query` returns it.
        key: Key of the user.
        region: Region of the store.
        at: Time of the request, in UTC.
        method: Method.
        body: Body.
    """
    digest = hashlib.sha256(body).hexdigest()
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if token := key.token.reveal():
        headers["x-amz-security-token"] = token
    names = ";".join(headers)
    canonical = "\n".join(
        (method, path, query, *(f"{name}:{value}" for name, value in headers.items()), "", names, digest)
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signing_key = f"AWS4{key.secret.reveal()}".encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        signing_key = _hmac(signing_key, part)
    signature = _hmac(signing_key, text).hex()
    credential = f"Credential={key.key_id.reveal()}/{scope}"
    del headers["host"]  # the client sets it
    return {**headers, "Authorization": f"{_ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _quote(text: str) -> str:
    return quote(text, safe="-_.~")
