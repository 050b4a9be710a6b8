"""A fake Wikibase: entities of every kind and datatype as RDF, edits, and the Action API that lists the changes.

In the event loop of the caller: ``async with FakeWikibase(repository) as wikibase``. In a separate process:
``async with WikibaseProcess("--entities", "100") as wikibase``, or ``python -m wikistate.testing.wikibase``.
"""

from wikistate.testing.wikibase.change_events import build_legacy_event, build_page_change
from wikistate.testing.wikibase.changes import Change
from wikistate.testing.wikibase.edit_simulator import EditSimulator
from wikistate.testing.wikibase.entities import EntityKind, Item, Lexeme, MediaInfo, Property, Redirect, Statement
from wikistate.testing.wikibase.entity_generator import EntityGenerator
from wikistate.testing.wikibase.layout import make_wikibase_wiki
from wikistate.testing.wikibase.process import WikibaseProcess
from wikistate.testing.wikibase.repository import Repository
from wikistate.testing.wikibase.server import FakeWikibase
from wikistate.testing.wikibase.vocabulary import COMMONS, WIKIDATA, Vocabulary

__all__ = [
    "COMMONS",
    "WIKIDATA",
    "Change",
    "EditSimulator",
    "EntityGenerator",
    "EntityKind",
    "FakeWikibase",
    "Item",
    "Lexeme",
    "MediaInfo",
    "Property",
    "Redirect",
    "Repository",
    "Statement",
    "Vocabulary",
    "WikibaseProcess",
    "build_legacy_event",
    "build_page_change",
    "make_wikibase_wiki",
]
