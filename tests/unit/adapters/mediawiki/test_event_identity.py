"""Events whose domain names one wiki and whose other fields name another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.mediawiki.wikis import Wiki, Wikis

if TYPE_CHECKING:
    from wikistate.core.enrichment.retry import Fail

WIKIS = Wikis(
    explicit={"my.wiki": "https://my.wiki/w/api.php", "members.example": "https://members.example/w/api.php"},
    wiki_ids={"members.example": "memberswiki"},
)


def check(domain: str, **fields: Any) -> Fail | None:
    """Return the failure of an event with a domain and further fields."""
    wiki = WIKIS.lookup(domain)
    assert isinstance(wiki, Wiki)
    meta = {"domain": domain} | fields.pop("meta", {})
    return WIKIS.check_event({"meta": meta, **fields}, wiki)


@pytest.mark.parametrize(
    ("domain", "fields"),
    [
        ("my.wiki", {"wiki_id": "memberswiki"}),
        ("my.wiki", {"database": "memberswiki"}),
        ("my.wiki", {"wiki": "memberswiki"}),
        ("de.wikipedia.org", {"wiki_id": "memberswiki"}),
        ("members.example", {"wiki_id": "mywiki"}),
        ("members.example", {"database": "dewiki"}),
        ("my.wiki", {"server_name": "members.example"}),
        ("my.wiki", {"server_name": "de.wikipedia.org"}),
        ("de.wikipedia.org", {"server_name": "en.wikipedia.org"}),
        ("my.wiki", {"meta": {"uri": "https://members.example/wiki/Main"}}),
        ("de.wikipedia.org", {"meta": {"uri": "https://MY.wiki/wiki/Main"}}),
    ],
)
def test_contradiction_is_an_error(domain: str, fields: dict[str, Any]) -> None:
    """The content of one wiki must not have the names of another."""
    failure = check(domain, **fields)
    assert failure is not None
    assert failure.error_type == "ContradictoryWiki"
    assert f"meta.domain is {domain}" in failure.message


@pytest.mark.parametrize(
    ("domain", "fields"),
    [
        ("my.wiki", {"wiki_id": "mywiki", "server_name": "my.wiki", "meta": {"uri": "https://my.wiki/wiki/A"}}),
        ("members.example", {"wiki_id": "memberswiki", "meta": {"uri": "https://members.example/wiki/A"}}),
        ("MEMBERS.example", {"wiki_id": "memberswiki", "meta": {"uri": "https://public.name/wiki/A"}}),
        ("de.wikipedia.org", {"wiki_id": "dewiki", "meta": {"uri": "https://de.m.wikipedia.org/wiki/A"}}),
        ("my.wiki", {"wiki_id": None, "database": 7, "server_name": [], "meta": {"uri": "https://[/"}}),
        ("my.wiki", {"server_name": "not.listed"}),
    ],
)
def test_other_events_pass(domain: str, fields: dict[str, Any]) -> None:
    """Also those whose names no setting explains, or are not texts."""
    assert check(domain, **fields) is None
