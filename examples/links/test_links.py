"""How an enrichment is tested: no Kafka, no configuration."""

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


def test_links_are_told_page_by_page() -> None:
    """Each event names one target, and none is named twice for a revision."""
    made = compose(changes=100)
    outputs = asyncio.run(
        run_enrichment(
            enrich, made.events, wiki=MemoryDataset.from_corpus(made), settings={"most": 3}, configuration=STREAMS
        )
    )
    told = [(event["wiki_id"], event["rev_id"], event["target_title"]) for event in outputs.events]
    assert len(told) == len(set(told)) > 0
    assert outputs.counted["links"] >= len(told)
    assert outputs.skipped["kind"] > 0
