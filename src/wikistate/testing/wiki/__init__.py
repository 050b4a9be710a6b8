"""A small wiki that speaks the Action API honestly, for tests, demonstrations and benchmarks.

In the loop of the caller: ``async with FakeWiki(world) as wiki``. In a process of its own, which shares nothing with
the client that is measured: ``async with WikiProcess(...) as wiki``, or ``python -m wikistate.testing.wiki``.
"""

from wikistate.testing.wiki.datasets import Dataset, MemoryDataset, SyntheticDataset
from wikistate.testing.wiki.process import WikiProcess
from wikistate.testing.wiki.query import Limits
from wikistate.testing.wiki.request_log import RequestLog
from wikistate.testing.wiki.server import FakeWiki

__all__ = ["Dataset", "FakeWiki", "Limits", "MemoryDataset", "RequestLog", "SyntheticDataset", "WikiProcess"]
