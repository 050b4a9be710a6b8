"""Documents: the bytes behind a URI, parsed into values that JSON can hold.

Schemas and stream configurations are YAML or JSON (Wikitech: Event Platform/Schemas). The caller passes a `ReadDocument`
that reads the bytes, so this module does not depend on a place or a client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import yaml

from wikistate.core.events.byte_order_mark import remove_marks
from wikistate.core.events.first_line import quote_first_line
from wikistate.errors import DocumentError

try:
    # A tenth of the time: 5 ms instead of 47 ms for one materialised schema.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]  # the same interface, in pure Python

ReadDocument = Callable[[str], bytes | None]
"""Reader of the bytes of a document by its full URI.

It returns None if the server or file system reports that the document does not exist. It raises `ExternalError` if the
server or file system does not respond.
"""

Document = dict[str, Any]
"""A parsed document: a JSON object."""

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _JsonLoader(SafeLoader):
    """YAML loader for JSON values: an unquoted timestamp stays a string, as it is in an event."""


_JsonLoader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != _TIMESTAMP]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}


def parse_document(content: bytes, uri: str) -> Document:
    """Parse a YAML or JSON document that must be an object.

    Args:
        content: The bytes, UTF-8.
        uri: Address that the bytes come from; errors name it.

    Raises:
        DocumentError: The document is not YAML or JSON, is not an object, or holds a value that JSON cannot hold.
    """
    content = remove_marks(content)
    is_json = content.lstrip().startswith(b"{") and not uri.endswith((".yaml", ".yml"))
    document = _parse_json(content, uri) if is_json else _parse_yaml(content, uri)
    if not isinstance(document, dict):
        raise DocumentError(
            f"{uri} must be an object, found {type(document).__name__}. It begins with {quote_first_line(content)}.",
            hint="Check that the address leads to the document itself and not to a web page about it.",
            uri=uri,
        )
    return document


def _parse_json(content: bytes, uri: str) -> object:
    try:
        parsed: object = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _malformed_error(uri, f"JSON, line {error.lineno}, column {error.colno}: {error.msg}", content) from error
    return parsed


def _parse_yaml(content: bytes, uri: str) -> object:
    loader = None
    try:
        loader = _JsonLoader(content)
        document: object = loader.get_single_data()
        # Legal YAML that is not JSON: keys that are not strings, cyclic values, dates, binary.
        orjson.dumps(document)
    except yaml.MarkedYAMLError as error:
        raise _malformed_error(uri, f"YAML{_format_position(error.problem_mark)}: {error.problem}", content) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _malformed_error(uri, f"YAML that JSON can hold: {' '.join(str(error).split())}", content) from error
    finally:
        if loader is not None:
            loader.dispose()
    return document


def _format_position(mark: yaml.Mark | None) -> str:
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _malformed_error(uri: str, reason: str, content: bytes) -> DocumentError:
    return DocumentError(
        f"{uri} is not well-formed {reason}. It begins with {quote_first_line(content)}.",
        hint="Correct the document, or check that the address leads to it and not to a web page.",
        uri=uri,
    )
