"""A fake wiki with the Action API, for tests, demonstrations and benchmarks; contract tests verify its responses.

In the event loop of the caller: ``async with FakeWiki(dataset) as wiki``. In a separate process, which shares nothing
with the measured client: ``async with WikiProcess(...) as wiki``, or ``python -m wikistate.testing.wiki``.
"""

from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wiki.datasets import Dataset, MemoryDataset, SyntheticDataset
from wikistate.testing.wiki.process import WikiProcess
from wikistate.testing.wiki.query import Limits
from wikistate.testing.wiki.request_log import RequestLog
from wikistate.testing.wiki.server import FakeWiki

__all__ = [
    "Accounts",
    "Dataset",
    "FakeWiki",
    "Limits",
    "MemoryDataset",
    "RequestLog",
    "SyntheticDataset",
    "WikiProcess",
]
