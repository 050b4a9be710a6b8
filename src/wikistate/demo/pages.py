"""Wikis, users, pages, revisions and slots as values.

Sizes are bytes of UTF-8. Times are RFC 3339 in UTC with a trailing Z. SHA-1 sums have the forty hex digits of the
Action API; events have them in base 36, see `encode_base36`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE36_LENGTH = 31
"""Length of a sum: MediaWiki pads it to 31 digits, the length of the largest 160-bit number."""

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "wikitext": "text/x-wiki",
        "css": "text/css",
        "javascript": "text/javascript",
        "json": "application/json",
        "Scribunto": "text/plain",
        "wikibase-item": "application/json",
        "wikibase-mediainfo": "application/json",
        "wikibase-property": "application/json",
        "wikibase-lexeme": "application/json",
    }
)
"""Default serialisation format of each content model."""


def compute_sha1(text: str) -> str:
    """Return the SHA-1 of the text in UTF-8 as forty hex digits."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=65_536)  # a sum is encoded for its revision and again for the prior state of the next one
def encode_base36(digest: str) -> str:
    """Return a hex SHA-1 in the form of the database and the events of MediaWiki: base 36, lower case, 31 digits."""
    number = int(digest, 16)
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits)).rjust(BASE36_LENGTH, "0")


def decode_base36(digits: str) -> str:
    """Return the hex SHA-1 of a sum that `encode_base36` made."""
    return f"{int(digits, 36):040x}"


@dataclass(frozen=True, slots=True)
class Wiki:
    """Wiki of the farm.

    Attributes:
        wiki_id: Database name, ``enwiki``.
        domain: Canonical server name, ``en.wikipedia.org``.
        language: Code of the content language.
        site_name: Site name of the wiki.
        namespaces: Namespace number to local name; the main namespace has the empty name.
        content_models: Namespace number to default content model, without the namespaces of wikitext.
        concept_base: Concept base of a Wikibase repository, without ``/entity/``; empty for other wikis.
        extensions: Names of the installed extensions.
        server: Origin of the wiki if it is not https with its domain; else empty.
        article_path: Path of a page, with ``$1`` for its title.
    """

    wiki_id: str
    domain: str
    language: str = "en"
    site_name: str = "Wikipedia"
    namespaces: Mapping[int, str] = field(default_factory=lambda: {0: "", 1: "Talk"})
    content_models: Mapping[int, str] = field(default_factory=dict)
    concept_base: str = ""
    extensions: tuple[str, ...] = ()
    server: str = ""
    article_path: str = "/wiki/$1"

    @property
    def script_path(self) -> str:
        """Path of the folder of ``index.php`` and ``api.php``: ``/w``, or the root if pages are below ``index.php``."""
        return "" if self.article_path.startswith("/index.php") else "/w"


@dataclass(frozen=True, slots=True)
class User:
    """Editor of revisions. `user_id` is None for an IP address without an account."""

    name: str
    user_id: int | None = None
    central_id: int | None = None
    groups: tuple[str, ...] = ("*",)
    edit_count: int = 0
    registered: str | None = None
    is_bot: bool = False
    is_system: bool = False
    is_temp: bool = False


class Flaw(StrEnum):
    """Flaw of stored content; the value is its flag in the Action API."""

    TEXT_MISSING = "textmissing"
    BAD_FORMAT = "badcontentformat"
    NO_SECTION = "nosuchsection"
    MISSING = "missing"
    SLOTS_MISSING = "slotsmissing"


class Slot(NamedTuple):
    """Slot of a revision.

    Attributes:
        role: ``main``, ``mediainfo``…
        model: Content model.
        text: Serialised content.
        size: Size of the text in bytes.
        sha1: SHA-1 of the text in hex.
        origin: Revision that first saved this content; 0 for the revision of the slot.
        flaw: Flaw because of which the content is unavailable; None without one.
    """

    role: str
    model: str
    text: str
    size: int
    sha1: str
    origin: int = 0
    flaw: Flaw | None = None

    @property
    def format(self) -> str:
        """Serialisation format of the content model; plain text for an unknown model."""
        return FORMATS.get(self.model, "text/plain")


def make_slot(
    text: str, *, model: str = "wikitext", role: str = "main", origin: int = 0, flaw: Flaw | None = None
) -> Slot:
    """Make a slot with this content, its size and its sum."""
    return Slot(role, model, text, len(text.encode()), compute_sha1(text), origin, flaw)


@dataclass(frozen=True, slots=True)
class Visibility:
    """Visibility of the parts of a revision. `suppressed` hides them from administrators as well (oversight)."""

    content: bool = True
    comment: bool = True
    editor: bool = True
    suppressed: bool = False


ALL_VISIBLE = Visibility()


@dataclass(frozen=True)
class Revision:
    """Revision of a page.

    Attributes:
        rev_id: Revision id, unique in the wiki.
        slots: Slots in the order of their roles.
        parent_id: Parent revision; 0 for no parent, None for an unknown one.
        dt: Time of the revision.
        editor: Author of the revision.
        comment: Edit summary.
        minor: Whether it is a minor edit.
        visibility: Visibility of its parts.
        tags: Change tags.
        flaw: `Flaw.SLOTS_MISSING` or `Flaw.TEXT_MISSING` for a revision that cannot be loaded as a whole.
    """

    rev_id: int
    slots: tuple[Slot, ...]
    parent_id: int | None = 0
    dt: str = "2026-06-01T00:00:00Z"
    editor: User = User("192.0.2.1")
    comment: str = ""
    minor: bool = False
    visibility: Visibility = ALL_VISIBLE
    tags: tuple[str, ...] = ()
    flaw: Flaw | None = None

    @cached_property
    def size(self) -> int:
        """Sum of the sizes of all slots in bytes."""
        return sum(part.size for part in self.slots)

    @cached_property
    def sha1(self) -> str:
        """SHA-1 in hex. With several slots, MediaWiki computes it over the chain of their base-36 sums."""
        chain = encode_base36(self.slots[0].sha1)
        for part in self.slots[1:]:
            chain = encode_base36(compute_sha1(chain + encode_base36(part.sha1)))
        return decode_base36(chain)


def make_revision(rev_id: int, text: str = "Some text.", *, parent_id: int | None = 0) -> Revision:
    """Make a revision with one wikitext slot, for tests; `dataclasses.replace` changes the other fields."""
    return Revision(rev_id=rev_id, slots=(make_slot(text),), parent_id=parent_id)


@dataclass(frozen=True, slots=True)
class RedirectLink:
    """Target of a redirect page. It need not exist, and may be in a virtual (negative) namespace.

    The title does not have the prefix of another wiki, which is `interwiki`. Events omit the section, `fragment`.
    """

    title: str
    namespace: int = 0
    page_id: int | None = None
    interwiki: str | None = None
    is_redirect: bool = False
    item_id: str | None = None
    fragment: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Page without its revisions. `title` is prefixed and in text form: ``Talk:River Ash``."""

    page_id: int
    title: str
    namespace: int = 0
    redirect: RedirectLink | None = None
    revision_count: int = 1
    item_id: str | None = None

    @property
    def key(self) -> str:
        """Title in the form of the database and the events: underscores instead of spaces."""
        return self.title.replace(" ", "_")
