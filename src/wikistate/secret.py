"""Secrets as values of their own, which no output shows.

A `Secret` prints as ``***``. `mask` is the second guard: it hides the secrets of this process, the logins of URLs and the
tokens of queries in a text that another program has written. All outputs for people pass through it.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

HIDDEN = "***"
"""Text that stands for a secret."""

_SHORTEST_MASKED = 8
"""Characters of the shortest secret that `mask` looks for: a shorter one is a part of many words."""

_LONGEST_AUTHORITY = 1_024
"""Characters of a URL in which `mask` looks for a login. RFC 1035 allows 255 for a host name."""

_live: WeakValueDictionary[int, Secret] = WeakValueDictionary()


class Secret:
    """Secret text. Only `reveal` returns it.

    Pickles hold the text, because the workers of Flink need it.

    Args:
        text: The secret.
    """

    __slots__ = ("__weakref__", "_forms", "_heads", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._forms = _find_forms(text) if len(text) >= _SHORTEST_MASKED else ()
        self._heads = tuple({_take_head(form) for form in self._forms})
        if self._forms:
            _live[id(self)] = self

    def reveal(self) -> str:
        """Return the secret, for the client that sends it."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, specification: str) -> str:
        return format(HIDDEN, specification)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[object, ...]:
        return (Secret, (self._text,))

    @classmethod
    def parse(cls, value: object) -> Secret:
        """Return the secret that a setting holds.

        Raises:
            ValueError: It is not a text, is empty, or is the text that stands for a secret.
        """
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str | int | float):
            raise ValueError("a secret must be a text")  # noqa: TRY004  (pydantic turns it into an error of the setting)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not text.strip():
            raise ValueError("a secret must not be empty")
        if text == HIDDEN:
            raise ValueError(
                f"{HIDDEN} only stands for a secret in the output of `config show`; set the secret, or name it with the "
                "setting that ends in _env or _file"
            )
        return cls(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415  (only settings need it)

        hidden = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=hidden)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "password", "writeOnly": True}


def _find_forms(text: str) -> tuple[str, ...]:
    """Return the text and its encodings in URLs, in JSON and in headers, the longest first."""
    plain = text.encode("utf-8", "surrogatepass")
    encoded = {quote(plain, safe=""), quote(plain), quote_plus(plain), base64.b64encode(plain).decode()}
    return tuple(sorted({text, json.dumps(text)[1:-1], repr(text)[1:-1], *encoded}, key=len, reverse=True))


def reveal(value: str | Secret) -> str:
    """Return the text of a value that may be a secret, for the client that sends it."""
    return value.reveal() if isinstance(value, Secret) else value


_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credentials",
    "jaas.config",
    "oauthbearer.config",
    "user.info",
    "auth-params",
    "http-headers",
    "basic-auth",
    "api-key",
    "api.key",
    "apikey",
    "access-key",
    "access.key",
    "secret-key",
    "secret.key",
    "private.key",
    "private-key",
    "keystore.key",
    "key.pem",
)
_AZURE_KEY = "account.key."


def is_secret_name(name: str) -> bool:
    """Return whether a property with this name holds a secret: a property of Kafka, of Flink or of a log configuration.

    The names are those of librdkafka, of the Java client and of Flink (`GlobalConfiguration`), and unknown names by their
    ending.
    """
    lower = name.lower().replace("_", "-")
    return lower.endswith(_ENDINGS) or _AZURE_KEY in lower


_TOKEN_IN_QUERY = re.compile(
    r"(?i)([?&;](?:(?:access|private|auth|id|refresh|csrf|bearer|session)[_-]?token|token|lgtoken|lgpassword|password"
    r"|passwd|pwd|secret|client[_-]?secret|api[_-]?key|apikey|sig|signature|jwt)=)[^&;\s#\"'<>]+"
)
_END_OF_AUTHORITY = re.compile(r"[\s/?#\"'<>\\]")


def mask_values(value: Any) -> Any:
    """Return a value of settings for an output: with ``***`` for each secret, and with masked URLs."""
    match value:
        case Secret():
            return HIDDEN
        case str():
            return mask_url(value)
        case dict():
            return {name: mask_values(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [mask_values(inner) for inner in value]
        case _:
            return value


def hide_secrets(value: Any, name: str = "") -> Any:
    """Return nested options of another program in which the values with the name of a secret are `Secret`."""
    if isinstance(value, dict):
        return {key: hide_secrets(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [hide_secrets(inner) for inner in value]
    return Secret.parse(value) if is_secret_name(name) and isinstance(value, str | int | float) else value


def mask(text: str) -> str:
    """Return a text without the secrets of this process, the logins of URLs and the tokens of queries."""
    for reference in _live.valuerefs():
        if (secret := reference()) is not None and any([head in text for head in secret._heads]):  # noqa: C419, SLF001
            # The list is faster than a generator. The attributes belong to this module.
            text = _mask_forms(text, secret._forms)  # noqa: SLF001
    return mask_url(text)


def _mask_forms(text: str, forms: tuple[str, ...]) -> str:
    for form in forms:
        text = text.replace(form, HIDDEN)
    for form in forms:
        text = _mask_cut(text, form)
    return text


def _mask_cut(text: str, form: str) -> str:
    """Return a text without the beginnings of a secret: answers of servers are quoted up to a length."""
    head = _take_head(form)
    if head not in text:
        return text
    first, *others = text.split(head)
    rest = form[len(head) :]
    return HIDDEN.join([first, *(other[_count_common(other, rest) :] for other in others)])


def _take_head(form: str) -> str:
    """Return the beginning of a secret by which it is recognised where a text was cut."""
    return form[: max(_SHORTEST_MASKED, len(form) // 4)]


def _count_common(text: str, form: str) -> int:
    """Return the number of characters with which both begin."""
    pairs = zip(text, form, strict=False)
    return next((place for place, (left, right) in enumerate(pairs) if left != right), min(len(text), len(form)))


def mask_url(text: str) -> str:
    """Return a text without the logins and tokens of the URLs in it. The steps are linear in its length."""
    if "@" in text and "://" in text:
        first, *others = text.split("://")
        text = "://".join([first, *map(_mask_login, others)])
    return _TOKEN_IN_QUERY.sub(rf"\1{HIDDEN}", text) if "=" in text else text


def _mask_login(rest: str) -> str:
    found = _END_OF_AUTHORITY.search(rest, 0, _LONGEST_AUTHORITY)
    end = found.start() if found else min(len(rest), _LONGEST_AUTHORITY)
    _, at, host = rest[:end].rpartition("@")
    return f"{HIDDEN}@{host}{rest[end:]}" if at else rest
