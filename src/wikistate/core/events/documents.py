"""Documents: the bytes behind a URI, parsed into values that JSON can hold.

Schemas and stream configurations are YAML or JSON (Wikitech: Event Platform/Schemas). The caller passes a `ReadDocument`
that reads the bytes, so this module does not depend on a place or a client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from wikistate.core.events.byte_order_mark import remove_marks
from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.yaml_text import YamlError, load_yaml
from wikistate.errors import DocumentError

ReadDocument = Callable[[str], bytes | None]
"""Reader of the bytes of a document by its full URI.

It returns None if the server or file system reports that the document does not exist. It raises `ExternalError` if the
server or file system does not respond.
"""

Document = dict[str, Any]
"""A parsed document: a JSON object."""


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
    try:
        document = load_yaml(content)
        # Legal YAML that is not JSON: keys that are not strings, numbers beyond 64 bits.
        orjson.dumps(document)
    except YamlError as error:
        raise _malformed_error(uri, f"YAML that JSON can hold{error.place}: {error.problem}", content) from error
    except TypeError as error:
        raise _malformed_error(uri, f"YAML that JSON can hold: {error}", content) from error
    return document


def _malformed_error(uri: str, reason: str, content: bytes) -> DocumentError:
    return DocumentError(
        f"{uri} is not well-formed {reason}. It begins with {quote_first_line(content)}.",
        hint="Correct the document, or check that the address leads to it and not to a web page.",
        uri=uri,
    )
