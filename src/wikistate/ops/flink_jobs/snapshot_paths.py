"""The paths of savepoints and checkpoints on the command line: in the folders of their environment, never in those of another.

Pure, except that symbolic links of this machine are resolved.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wikistate.errors import ConfigError
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure

if TYPE_CHECKING:
    from wikistate.ops.flink_jobs.environments import Environment

S3_SCHEMES = ("s3", "s3a", "s3p")
"""Schemes of one store: those of Flink's plugins, which may be used side by side."""


def resolve_path(environment: Environment, text: str, *, option: str) -> str:
    """Return the URI of a path on the command line.

    Args:
        environment: The environment.
        text: A path in the folder of savepoints of the environment, or a URI.
        option: The option, for messages.

    Raises:
        ConfigError: It is neither.
        FlinkJobError: It belongs to another environment.
    """
    if not text or any(ord(letter) < ord(" ") for letter in text):
        raise ConfigError(f"{option} is {text!r}; expected a path or a URI.", key=option)
    base = environment.settings.savepoints
    if "://" in text or text.startswith("file:/"):
        uri = _normalise(text)
    elif text.startswith("/"):
        if not base.startswith("file:"):
            raise ConfigError(
                f"{option} {text} is a path of this machine, but the savepoints of {environment.name} are in {base}.",
                hint="Give a path in that folder without the leading slash, or a whole URI.",
                key=option,
            )
        uri = _normalise(f"file://{text}")
    else:
        uri = _normalise(f"{base}/{text}")
        if not _contains(base, uri):
            raise FlinkJobError(
                f"{option} {text} leads out of {base}, the folder of savepoints of {environment.name}.",
                hint="Give a path in that folder, or a whole URI.",
                failure=JobFailure.FOREIGN_PATH,
            )
    _refuse_foreign(environment, uri, option)
    return uri


def _refuse_foreign(environment: Environment, uri: str, option: str) -> None:
    """Refuse a path in a folder of another environment. Of folders in each other the innermost one counts."""
    own = [("", folder) for folder in (environment.settings.savepoints, environment.settings.checkpoints)]
    foreign = [
        (name, folder)
        for name, other in environment.others.items()
        for folder in (other.savepoints, other.checkpoints)
        if folder not in (environment.settings.savepoints, environment.settings.checkpoints)
    ]
    owner, folder = max(
        ((name, folder) for name, folder in own + foreign if _contains(folder, uri)),
        key=lambda each: len(_key(each[1])),
        default=("", ""),
    )
    if owner:
        raise FlinkJobError(
            f"{option} {uri} belongs to the environment {owner}: it lies in {folder}.",
            hint=f"Copy it into {environment.settings.savepoints}, or name the environment by --env {owner}.",
            failure=JobFailure.FOREIGN_PATH,
        )


def local_path(uri: str) -> Path | None:
    """Return the path of this machine for a URI; None for one of a store."""
    parts = urlsplit(uri)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


def _normalise(uri: str) -> str:
    scheme, _, rest = uri.partition(":")
    host, _, path = rest.removeprefix("//").partition("/") if rest.startswith("//") else ("", "", rest.lstrip("/"))
    return f"{scheme}://{host}{posixpath.normpath(f'/{path}')}"


def _contains(folder: str, uri: str) -> bool:
    outer, inner = _key(folder), _key(uri)
    return inner == outer or inner.startswith(f"{outer}/")


def _key(uri: str) -> str:
    """Return a text by which addresses are compared: all schemes of S3 are one, and links are resolved."""
    if (path := local_path(uri)) is not None:
        return path.resolve().as_uri()
    scheme, _, rest = _normalise(uri).partition(":")
    return f"{'s3' if scheme in S3_SCHEMES else scheme}:{rest}"
