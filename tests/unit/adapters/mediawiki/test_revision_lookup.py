"""Lookup of revisions that EntityData does not show: redirects, revisions that exist, and revisions that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.mediawiki.revision_lookup import RedirectRevision, RevisionLookup, RevisionState
from wikistate.errors import ConfigError, WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

AT = "2026-01-31T12:00:00Z"


class ScriptedQueries:
    """Client of the Action API with one answer."""

    def __init__(self, answer: dict[str, Any] | WikiError) -> None:
        self.answer = answer
        self.asked: list[Mapping[str, str]] = []
        self.closed = 0

    async def open(self) -> None:
        """See `PageQueries`."""

    async def query(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """See `PageQueries`."""
        self.asked.append(parameters)
        if isinstance(self.answer, WikiError):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        """See `PageQueries`."""
        self.closed += 1


def shown(revision: int = 7, **fields: Any) -> dict[str, Any]:
    """Return the answer about a revision that exists."""
    found = {"revid": revision, "timestamp": AT} | fields
    return {"query": {"pages": [{"pageid": 9, "title": "Item:Q1", "revisions": [found]}]}}


def with_content(text: str) -> dict[str, Any]:
    """Return the answer about a revision with this text in its main slot."""
    return shown(slots={"main": {"contentmodel": "wikibase-item", "content": text}})


async def look_up(answer: dict[str, Any] | WikiError, entity: str = "Q1", revision: int = 7) -> Any:
    """Return the result for an answer of the wiki."""
    queries = ScriptedQueries(answer)

    async def connect() -> ScriptedQueries:
        return queries

    return await RevisionLookup(connect).look_up(entity, revision)


@pytest.mark.parametrize("entity", ["Q1", "L1"])
async def test_redirect_names_its_target(entity: str) -> None:
    """The content says so, whether the target exists or not; the time is that of the revision."""
    text = f'{{"entity":"{entity}","redirect":"Q230"}}'
    assert await look_up(with_content(text), entity) == RedirectRevision("Q230", AT)


async def test_content_in_the_form_of_old_wikis_is_read() -> None:
    """Before slots, the content was a field of the revision."""
    assert await look_up(shown(content='{"entity":"Q1","redirect":"Q2"}')) == RedirectRevision("Q2", AT)


@pytest.mark.parametrize(
    "answer",
    [
        with_content('{"type":"item","id":"Q1"}'),
        with_content('{"entity":"Q5","redirect":"Q230"}'),
        with_content('{"entity":"Q1","redirect":"> ; DROP ALL"}'),
    ],
    ids=["item", "redirect of another entity", "invalid target"],
)
async def test_other_content_is_not_a_redirect(answer: dict[str, Any]) -> None:
    """The revision exists, so that EntityData fails to show it."""
    assert await look_up(answer) is RevisionState.SHOWN


@pytest.mark.parametrize(
    "answer",
    [
        {"query": {"badrevids": {"7": {"revid": 7, "missing": True}}}},
        shown(slots={"main": {"contentmodel": "wikibase-item", "texthidden": True}}),
        shown(8, slots={"main": {"content": "{}"}}),
        with_content("no JSON"),
        {"batchcomplete": True},
        WikiError("The wiki answers with the API error readapidenied."),
    ],
    ids=["deleted", "hidden", "another revision", "no JSON", "no result", "refused"],
)
async def test_revision_that_is_not_shown_is_missing(answer: dict[str, Any] | WikiError) -> None:
    """EntityData is right about it, or the wiki does not say."""
    assert await look_up(answer) is RevisionState.NOT_SHOWN


@pytest.mark.parametrize(
    ("roles", "state"),
    [(["main", "mediainfo"], RevisionState.SHOWN), (["main"], RevisionState.NOT_SHOWN)],
    ids=["with media info", "without"],
)
async def test_file_has_an_entity_if_it_has_its_slot(roles: list[str], state: RevisionState) -> None:
    """A file without media info exists as a page, and EntityData rightly answers 404."""
    assert await look_up(shown(roles=roles), "M33") is state


async def test_wiki_without_an_api_is_not_asked_again_at_once() -> None:
    """The address is searched again ten minutes later."""
    now, tries = [0.0], []

    async def connect() -> ScriptedQueries:
        tries.append(now[0])
        if len(tries) == 1:
            raise ConfigError("No Action API was found.")
        return ScriptedQueries(with_content('{"entity":"Q1","redirect":"Q2"}'))

    lookup = RevisionLookup(connect, clock=lambda: now[0])
    assert await lookup.look_up("Q1", 7) is RevisionState.NOT_SHOWN
    assert await lookup.look_up("Q1", 7) is RevisionState.NOT_SHOWN
    now[0] = 601.0
    assert await lookup.look_up("Q1", 7) == RedirectRevision("Q2", AT)
    assert tries == [0.0, 601.0]
    await lookup.close()


async def test_current_revision_without_a_number_is_not_looked_up() -> None:
    """No connection is made."""
    assert await look_up(WikiError("never"), revision=0) is RevisionState.NOT_SHOWN
