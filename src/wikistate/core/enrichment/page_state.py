"""Current state of a page, independent of the revision that an event is about: whether it is a redirect, and its target.

A page counts as a redirect by its current revision alone, so that all of its history carries the same link (T381040).
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class RedirectTarget(NamedTuple):
    """Target of a redirect: one step, also if the target is a redirect again.

    Attributes:
        title: Title with its namespace, in text form, without the prefix of another wiki.
        interwiki: The prefix of another wiki; empty for a page of the same wiki.
        namespace: Number of the namespace on the same wiki, below zero for a special page; None if it is not known.
        page_id: Page on the same wiki; None if there is no such page.
        is_redirect: Whether the target is a redirect; None if there is no such page.
    """

    title: str
    interwiki: str = ""
    namespace: int | None = None
    page_id: int | None = None
    is_redirect: bool | None = None


class PageState(NamedTuple):
    """Current state of a page.

    Attributes:
        is_redirect: Whether the page is a redirect.
        target: Target of the redirect; None if the page is not a redirect or the wiki has no record of its target.
    """

    is_redirect: bool
    target: RedirectTarget | None = None


def with_page_state(event: Json, state: PageState) -> Json:
    """Return a copy of the event with the current redirect state of its page; the given event is not changed.

    Args:
        event: A ``mediawiki/page/change`` event.
        state: Current state of the event's page.
    """
    page = {name: value for name, value in event["page"].items() if name != "redirect_page_link"}
    page["is_redirect"] = state.is_redirect
    if state.target is not None:
        page["redirect_page_link"] = _build_page_link(state.target)
    return {**event, "page": page}


def _build_page_link(target: RedirectTarget) -> Json:
    """Build ``page.redirect_page_link`` of page/change 1.7.0. It has no field for the section that a redirect names."""
    link = {
        "page_title": target.title.replace(" ", "_"),
        "namespace_id": target.namespace,
        "page_id": target.page_id,
        "is_redirect": target.is_redirect,
        "interwiki_prefix": target.interwiki or None,
    }
    return {name: value for name, value in link.items() if value is not None}
