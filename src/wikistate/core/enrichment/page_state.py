"""What a page is now, whichever of its revisions an event is about: a redirect or not, and where it leads.

A page counts as a redirect by its current revision alone, so that all of its history carries the same link (T381040).
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class RedirectTarget(NamedTuple):
    """Where a redirect leads: one step, also when that is a redirect again.

    Attributes:
        title: Prefixed, in text form, without the prefix of another wiki.
        interwiki: The prefix of another wiki, empty for a page of the same one.
        namespace: Number of its namespace here, below zero for a special page; None where the wiki did not say.
        page_id: Its page here; None when there is none.
        is_redirect: Whether that page is a redirect; None when there is no page.
    """

    title: str
    interwiki: str = ""
    namespace: int | None = None
    page_id: int | None = None
    is_redirect: bool | None = None


class PageState(NamedTuple):
    """The page as it is now.

    Attributes:
        is_redirect: Whether it is a redirect.
        target: Where it leads; None for no redirect, and for one of which the wiki has no record where it leads.
    """

    is_redirect: bool
    target: RedirectTarget | None = None


def with_page_state(event: Json, state: PageState) -> Json:
    """A new event whose page is a redirect, or is none, as the wiki says; the given one is not changed.

    Args:
        event: A ``mediawiki/page/change`` event.
        state: Of its page.
    """
    page = {name: value for name, value in event["page"].items() if name != "redirect_page_link"}
    page["is_redirect"] = state.is_redirect
    if state.target is not None:
        page["redirect_page_link"] = _build_page_link(state.target)
    return {**event, "page": page}


def _build_page_link(target: RedirectTarget) -> Json:
    """As ``page.redirect_page_link`` of page/change 1.7.0 has it. The section that a redirect names has no field there."""
    link = {
        "page_title": target.title.replace(" ", "_"),
        "namespace_id": target.namespace,
        "page_id": target.page_id,
        "is_redirect": target.is_redirect,
        "interwiki_prefix": target.interwiki or None,
    }
    return {name: value for name, value in link.items() if value is not None}
