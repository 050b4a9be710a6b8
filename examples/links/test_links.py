"""Test of the example enrichment, without Kafka and without a configuration file."""

import asyncio

from links import enrich

from wikistate.demo.corpus import compose
from wikistate.testing.enrichment import run_enrichment
from wikistate.testing.wiki import MemoryDataset

STREAMS = {
    "stream_manager": {
        "stream_config_uri": "streams.yaml",
        "schema_uris": ["schemas", "bundled:jsonschema"],
        "sink": {"stream": "example.page_link.v1:1.0.0"},
        "error_sink": {"stream": "example_page_link.error:2.1.0"},
    },
    "filter": {"kinds": ["edit"]},
}


def test_each_link_becomes_one_event() -> None:
    """Each event names one target, and no target is named twice for a revision."""
    made = compose(changes=100)
    outputs = asyncio.run(
        run_enrichment(
            enrich, made.events, wiki=MemoryDataset.from_corpus(made), settings={"most": 3}, configuration=STREAMS
        )
    )
    links = [(event["wiki_id"], event["rev_id"], event["target_title"]) for event in outputs.events]
    assert len(links) == len(set(links)) > 0
    assert outputs.counted["links"] >= len(links)
    assert outputs.skipped["kind"] > 0
