"""The secret settings, found by their type and their name, and a server that repeats whatever it is sent."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args, get_origin
from urllib.parse import quote, quote_plus, unquote_plus

from pydantic import BaseModel

from wikistate.config.model import Configuration
from wikistate.secret import Secret, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = 'Wq7/recognisable "Secret" & more'
"""A secret with characters that URLs, JSON and YAML encode."""

USER = "somebody"

NAMES = {
    "stream_manager.authentication": "https://schemas.example",
    "stream_manager.source.options.properties": "sasl.password",
    "stream_manager.sink.options.properties": "ssl.key.password",
    "stream_manager.error_sink.options.properties": "unknown.token",
    "wikis": "private.example",
    "flink": "s3.secret-key",
    "log_config": "password",
}
"""The names of entries of the maps."""


def find_secret_settings() -> list[tuple[str, ...]]:
    """Return the paths of the settings that hold a secret, and of those that name its variable or file."""
    return sorted(_walk(Configuration, ()))


def _walk(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        inner, kind = (*path, name), field.annotation
        hides = any(getattr(each, "func", None) is hide_secrets for each in field.metadata)
        if name.endswith("_env") or (
            name.endswith("_file") and f"{name.removesuffix('_file')}_env" in model.model_fields
        ):
            yield inner
        elif get_origin(kind) is dict:
            entry = NAMES.get(".".join(inner), "")
            value = get_args(kind)[1]
            if hides or _is_secret(value):
                yield (*inner, entry)
            elif isinstance(value, type) and issubclass(value, BaseModel):
                yield from _walk(value, (*inner, entry or "NAME"))
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _walk(kind, inner)
        elif _is_secret(kind):
            yield inner


def _is_secret(kind: Any) -> bool:
    return kind is Secret or any(map(_is_secret, get_args(kind)))


def nest(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a document of settings with one value."""
    for name in reversed(path):
        value = {name: value}
    return value  # type: ignore[return-value]


def find_secret(text: str) -> list[str]:
    """Return the forms of the secret that a text holds."""
    plain = SECRET.encode()
    forms = {
        SECRET,
        SECRET[:12],
        "recognisable",
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(plain).decode(),
        base64.b64encode(f"{USER}:{SECRET}".encode()).decode(),
    }
    return sorted(form for form in forms if form in text)


def find_secret_in_files(folder: Path) -> list[str]:
    """Return the files below a folder that hold the secret, or have it in their name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        str(path)
        for path in files
        if find_secret(path.read_bytes().decode("utf-8", "replace")) or find_secret(str(path.relative_to(folder)))
    ]


class _EchoServer(http.server.BaseHTTPRequestHandler):
    """Server that refuses each request, and repeats the request in its answer."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        sent = unquote_plus(f"{self.path} {self.rfile.read(length).decode()}")
        login = self.headers.get("Authorization", "")
        kind, _, rest = login.partition(" ")
        said = f"{sent} {login} {base64.b64decode(rest).decode() if kind == 'Basic' else rest} "
        said += " ".join(f"{name}={value}" for name, value in self.headers.items())
        self.server.seen.append(said)  # type: ignore[attr-defined]
        answer: dict[str, Any] = {"error": {"code": "refused", "info": said}}
        if "type=login" in sent:
            answer = {"query": {"tokens": {"logintoken": "token+\\"}}}
        elif "action=login" in sent:
            answer = {"login": {"result": "Failed", "reason": said}}
        body = json.dumps(answer).encode()
        status = 200 if "api.php" in self.path else 400
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  (the name of the standard library)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the standard library)
        """Log nothing."""


@contextmanager
def serve_echo() -> Iterator[tuple[str, list[str]]]:
    """Serve on loopback inside the block, and return the address and what was received."""
    seen: list[str] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _EchoServer) as server:
        server.seen = seen  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()
