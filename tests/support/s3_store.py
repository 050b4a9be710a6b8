"""A real S3 store in memory, which checks the signature of each request: S3Proxy."""

from __future__ import annotations

import urllib.error
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.request import Request, urlopen

from tests.support.jars import declared_jars
from tests.support.java import java_program
from tests.support.processes import Process, find_free_port

from wikistate.adapters.http.aws_signature import AccessKey, encode_path, sign_request
from wikistate.ops.jars import fetch
from wikistate.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

KEY_ID, SECRET_KEY = "local-identity", "local-credential"
REGION = "us-east-1"
_START_TIMEOUT = 120.0  # seconds; 2 are usual


class S3StoreProcess:
    """Store on a port of the loopback interface, a context manager. It accepts one key, `KEY_ID` and `SECRET_KEY`.

    Args:
        folder: Folder of its settings and log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = find_free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        """URL of the store."""

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "s3proxy.endpoint": self.endpoint,
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.identity": KEY_ID,
            "s3proxy.credential": SECRET_KEY,
            "jclouds.provider": "transient",
        }
        (path := self._folder / "s3proxy.conf").write_text(
            "".join(f"{name}={value}\n" for name, value in settings.items())
        )
        (jar,) = fetch(declared_jars("s3-store"))
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command: list[str | Path] = [java_program(), *options, "-jar", jar, "--properties", path]
        self._process = Process(command, log=self._folder / "s3proxy.log")
        self._process.wait_until(self._is_ready, within=_START_TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def create_bucket(self, name: str) -> None:
        """Create a bucket, unless it exists."""
        try:
            self.put(name, b"")
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.CONFLICT:
                raise

    def put(self, path: str, content: bytes) -> None:
        """Write an object.

        Args:
            path: Bucket and key, without a leading slash; a bucket alone is created.
            content: Its content.
        """
        encoded = encode_path(f"/{path}")
        headers = sign_request(
            f"127.0.0.1:{self._port}",
            encoded,
            "",
            key=AccessKey(Secret(KEY_ID), Secret(SECRET_KEY), Secret("")),
            region=REGION,
            at=datetime.now(tz=UTC),
            method="PUT",
            body=content,
        )
        with urlopen(Request(f"{self.endpoint}{encoded}", content, headers, method="PUT")) as answer:
            assert answer.status == 200

    def _is_ready(self) -> bool:
        try:
            urlopen(self.endpoint)
        except urllib.error.HTTPError as error:
            return error.code == HTTPStatus.FORBIDDEN  # it answers, and refuses a request without a signature
        except urllib.error.URLError:
            return False
        return False
