"""Wikis that are asked at one address and state another one: entities come from the server that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.errors import WikiError
from wikistate.testing.faults import HttpStatus, Rule
from wikistate.testing.wikibase import FakeWikibase, Item, Repository, make_wikibase_wiki
from wikistate.wiring.wikibase import discover_wikibase

if TYPE_CHECKING:
    from wikistate.config.model import Configuration


def serve(stated: str, **shape: Any) -> FakeWikibase:
    """Return a Wikibase with an item that states a server."""
    repository = Repository(make_wikibase_wiki(**shape))
    repository.save(Item(id="Q1", labels={"en": "an item"}))
    wikibase = FakeWikibase(repository)
    wikibase.stated_server = stated
    return wikibase


def configure(wikibase: FakeWikibase, *more: str) -> Configuration:
    """Return the configuration of rdf-sync for the wiki at this address."""
    assignments = (f"rdf.wikibase={wikibase.url}", "store.location=store", *more)
    return load_configuration("rdf-sync", CliSettings(assignments=assignments)).configuration


@pytest.mark.parametrize(
    "stated", ["https://public.example", "http://169.254.169.254", "http://localhost:1", "//public.example"]
)
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"language": "de", "article_path": "/index.php?title=$1"},
        {"concept_base": "https://wb.example/base", "article_path": "/view/$1"},
    ],
    ids=["default", "German", "other concept base"],
)
async def test_entities_come_from_the_server_that_was_asked(stated: str, shape: dict[str, Any]) -> None:
    """An entity is read at the start without a request to the stated server."""
    async with serve(stated, **shape) as wikibase:
        found = await discover_wikibase(configure(wikibase))
        assert found.is_readable
        assert found.site.entity_data.startswith(f"{wikibase.url}/")
        assert found.site.stated_server != wikibase.url


async def test_error_names_the_stated_server_and_the_setting() -> None:
    """A wiki whose pages are on another server than its API is named with both settings that help."""
    async with serve("https://public.example") as wikibase:
        wikibase.set_faults([Rule(HttpStatus(404), path="EntityData")])
        with pytest.raises(WikiError, match="cannot be read") as error:
            await discover_wikibase(configure(wikibase))
        assert (
            f"Set rdf.entity_data to the address of Special:EntityData, such as {wikibase.url}/wiki/"
            in error.value.hint
        )
        assert (
            "its pages are at https://public.example: to request them there, add it to allowed_origins"
            in error.value.hint
        )


async def test_confirmed_server_is_requested() -> None:
    """The setting `allowed_origins` has the server that the wiki states."""
    async with serve("") as pages, serve(pages.url) as wikibase:
        found = await discover_wikibase(configure(wikibase, f'allowed_origins=["{pages.url}"]'))
        assert found.site.entity_data.startswith(f"{pages.url}/")
