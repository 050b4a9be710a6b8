"""The concept base of a store, compared with the settings before rdf-consumer updates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from wikistate.adapters.connectors.memory import MemorySink
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.errors import ConfigError
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.rdf_consumer import assemble_rdf_consumer

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.streaming.store_job import StoreJob

VERSION, ABOUT = NamedNode("http://schema.org/version"), NamedNode("http://schema.org/about")
MY_WIKI, WIKIDATA, COMMONS = "http://my.wiki", "http://www.wikidata.org", "https://commons.wikimedia.org"


def build_job(folder: Path, *subjects: str, settings: tuple[str, ...] = (), graph: str = "") -> StoreJob:
    """Return the job of a store that holds entities."""
    store = Store(str(folder / "store"))
    for subject in subjects:
        node = (NamedNode(subject), VERSION, Literal(7))
        store.add(Quad(*node, NamedNode(graph)) if graph else Quad(*node))
    store.flush()
    del store
    (folder / "x.ndjson").touch()
    flags = CliSettings(source=f"file:{folder}/x.ndjson", assignments=(f"store.location={folder}/store", *settings))
    pipeline = assemble_rdf_consumer(load_configuration("rdf-consumer", flags).configuration, RecordingMeter())
    return pipeline.build_job(MemorySink())


@pytest.mark.parametrize(
    ("base", "settings"),
    [
        (MY_WIKI, ()),
        (f"{MY_WIKI}/base", ()),
        (MY_WIKI, (f"store.concept_base={WIKIDATA}",)),
        (MY_WIKI, (f"store.concept_base={COMMONS}", f"store.federated_concept_base={WIKIDATA}")),
        (WIKIDATA, (f"store.concept_base={MY_WIKI}",)),
        (MY_WIKI, ("store.concept_base=https://my.wiki",)),
    ],
)
async def test_store_of_another_wiki_is_not_updated(base: str, settings: tuple[str, ...], tmp_path: Path) -> None:
    """The default is Wikidata; the message has both concept bases, the store and the setting."""
    job = build_job(tmp_path, f"{base}/entity/Q1", f"{base}/entity/P2", settings=settings)
    with pytest.raises(ConfigError, match=r"store\.concept_base is") as error:
        await job.open()
    await job.close()
    assert f"have {base}: updates would not reach them" in error.value.message
    assert f"Set store.concept_base to {base}" in error.value.hint


@pytest.mark.parametrize(
    ("subjects", "settings"),
    [
        ((), ()),
        ((f"{WIKIDATA}/entity/Q1",), ()),
        ((f"{MY_WIKI}/entity/Q1",), (f"store.concept_base={MY_WIKI}/",)),
        ((f"{MY_WIKI}/entity/Q1", f"{WIKIDATA}/entity/Q1"), (f"store.concept_base={MY_WIKI}",)),
        ((f"{WIKIDATA}/entity/Q1",), (f"store.concept_base={COMMONS}", f"store.federated_concept_base={WIKIDATA}")),
        (("http://other.example/thing",), ()),
    ],
)
async def test_store_of_the_settings_is_opened(
    subjects: tuple[str, ...], settings: tuple[str, ...], tmp_path: Path
) -> None:
    """So is an empty one, and one that another Wikibase shares."""
    job = build_job(tmp_path, *subjects, settings=settings)
    await job.open()
    await job.close()


async def test_other_graphs_do_not_matter(tmp_path: Path) -> None:
    """A store of several wikis has a graph for each."""
    graph = ("store.graph=http://wikidata.graph/",)
    job = build_job(tmp_path, f"{MY_WIKI}/entity/Q1", settings=graph, graph="http://my.graph/")
    await job.open()
    await job.close()
