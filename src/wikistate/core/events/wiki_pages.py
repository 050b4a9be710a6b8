"""Pages and revisions of ``prop=revisions|info``, read without the content. Pure.

Source: MediaWiki documentation, API:Revisions and API:Info.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.fields import FieldError, Fields, quote_value
from wikistate.core.events.wiki_rows import SMALLEST_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_SHA1_DIGITS = 40


class RevisionWithPage(NamedTuple):
    """A revision and its page, as ``prop=revisions|info`` describes both."""

    page: Json
    revision: Json


def read_pages(document: object) -> Iterator[Fields]:
    """Yield the pages of an answer, those without revisions as well.

    Raises:
        FieldError: The answer has no list of pages.
    """
    return Fields(document).get_fields("query").get_all("pages")


def read_revisions(page: Fields, name: str = "revisions") -> Iterator[RevisionWithPage]:
    """Yield the revisions of a page with the page.

    Args:
        page: Page of `read_pages`.
        name: Name of the list: ``revisions`` or ``deletedrevisions``.

    Raises:
        FieldError: A field of the page or of a revision is missing, or has another type.
    """
    for revision in page.get_all(name):
        page.get_integer("ns", minimum=SMALLEST_NAMESPACE)
        page.get_integer("lastrevid")
        if name == "revisions":
            page.text("title")
            page.integer("pageid")
        _check_revision(revision)
        yield RevisionWithPage(dict(page.values), dict(revision.values))


def _check_revision(revision: Fields) -> None:
    revision.integer("revid", minimum=1)
    revision.time("timestamp")
    for number in ("parentid", "size", "userid"):
        revision.get_integer(number)
    for text in ("user", "comment"):
        revision.get_text(text)
    _check_sha1(revision)
    slots = revision.get_fields("slots")
    for role in slots.values:
        slot = slots.fields(role)
        slot.get_text("contentmodel")
        slot.get_integer("size")
        _check_sha1(slot)


def _check_sha1(fields: Fields) -> None:
    sha1 = fields.get_text("sha1")
    if sha1 and (len(sha1) != _SHA1_DIGITS or not all(digit in "0123456789abcdefABCDEF" for digit in sha1)):
        raise FieldError(
            f"{fields.path_of('sha1')} is {quote_value(sha1)}, but must be {_SHA1_DIGITS} hexadecimal digits"
        )
