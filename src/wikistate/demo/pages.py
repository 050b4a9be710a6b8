"""What a wiki consists of, as values: wikis, users, pages, revisions, slots.

Sizes are bytes of UTF-8. Times are RFC 3339 in UTC with a trailing Z. SHA-1 sums are kept as the forty hex digits of
the Action API; events state them in base 36, see `encode_base36`.
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
"""MediaWiki pads its sums to 31 digits: the largest 160-bit number has as many."""

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
"""The default serialisation format of each content model."""


def compute_sha1(text: str) -> str:
    """The SHA-1 of the text's UTF-8 as forty hex digits."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=65_536)  # a sum is written once for its revision and again as its child's prior state
def encode_base36(digest: str) -> str:
    """A hex SHA-1 as MediaWiki's database and events write it: base 36, lower case, 31 digits."""
    number = int(digest, 16)
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits)).rjust(BASE36_LENGTH, "0")


def decode_base36(digits: str) -> str:
    """The inverse of `encode_base36`."""
    return f"{int(digits, 36):040x}"


@dataclass(frozen=True, slots=True)
class Wiki:
    """One wiki of the farm.

    Attributes:
        wiki_id: The database name, ``enwiki``.
        domain: The canonical server name, ``en.wikipedia.org``.
        language: The content language's code.
        site_name: What the wiki calls itself.
        namespaces: Namespace number to local name; the main namespace has the empty name.
        content_models: Namespace number to content model, of those whose pages do not start as wikitext.
        concept_base: What the IRIs of its entities begin with, of a Wikibase repository; else empty.
        extensions: What is installed, by name.
        server: Its origin, where that is not https and its domain.
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


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who edits. `user_id` is None for an address that never registered."""

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
    """What can be wrong with stored content, by the flag that the Action API shows for it."""

    TEXT_MISSING = "textmissing"
    BAD_FORMAT = "badcontentformat"
    NO_SECTION = "nosuchsection"
    MISSING = "missing"
    SLOTS_MISSING = "slotsmissing"


class Slot(NamedTuple):
    """One slot of a revision.

    Attributes:
        role: ``main``, ``mediainfo``…
        model: The content model.
        text: The serialised content.
        size: Bytes of the text.
        sha1: Its hex sum.
        origin: The revision that this content was first saved with; 0 stands for the revision that holds the slot.
        flaw: Why the content cannot be had, if so.
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
        """The serialisation format: that of the model, plain text for a model that nobody knows."""
        return FORMATS.get(self.model, "text/plain")


def make_slot(
    text: str, *, model: str = "wikitext", role: str = "main", origin: int = 0, flaw: Flaw | None = None
) -> Slot:
    """A slot with this content, its size and its sum."""
    return Slot(role, model, text, len(text.encode()), compute_sha1(text), origin, flaw)


@dataclass(frozen=True, slots=True)
class Visibility:
    """What of a revision may be seen. `suppressed` hides from administrators as well (oversight)."""

    content: bool = True
    comment: bool = True
    editor: bool = True
    suppressed: bool = False


ALL_VISIBLE = Visibility()


@dataclass(frozen=True)
class Revision:
    """One saved state of a page.

    Attributes:
        rev_id: Its number, unique in the wiki.
        slots: In the order of their roles.
        parent_id: The revision before; 0 for none, None where that is not known.
        dt: When it was saved.
        editor: Who saved it.
        comment: The edit summary.
        minor: Marked as a minor edit.
        visibility: What of it may be seen.
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
        """Bytes of all slots together."""
        return sum(part.size for part in self.slots)

    @cached_property
    def sha1(self) -> str:
        """The hex sum. With several slots, the sum over the chain of their base-36 sums, as MediaWiki computes it."""
        chain = encode_base36(self.slots[0].sha1)
        for part in self.slots[1:]:
            chain = encode_base36(compute_sha1(chain + encode_base36(part.sha1)))
        return decode_base36(chain)


def make_revision(rev_id: int, text: str = "Some text.", *, parent_id: int | None = 0) -> Revision:
    """A revision of one wikitext slot, for tests that need no more; `dataclasses.replace` changes the rest."""
    return Revision(rev_id=rev_id, slots=(make_slot(text),), parent_id=parent_id)


@dataclass(frozen=True, slots=True)
class RedirectLink:
    """Where a redirect page points. The target need not exist, and may lie in a virtual (negative) namespace.

    The title has no prefix of another wiki: that is `interwiki`. The section, `fragment`, is not part of events.
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
    """A page without its revisions. `title` is prefixed and in text form: ``Talk:River Ash``."""

    page_id: int
    title: str
    namespace: int = 0
    redirect: RedirectLink | None = None
    revision_count: int = 1
    item_id: str | None = None

    @property
    def key(self) -> str:
        """The title as database and events write it: underscores for spaces."""
        return self.title.replace(" ", "_")
