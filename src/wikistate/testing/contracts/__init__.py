"""Contract suites: the tests that each source, sink and triple store passes, for implementations anywhere.

A suite is a base class. A test module subclasses it and provides one fixture, `place`; `sources`, `sinks` and `stores`
each show an example. The suites need pytest and pytest-asyncio, which wikistate does not install: they are dependencies
of the tests that subclass them.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.sources", f"{__name__}.sinks", f"{__name__}.stores")
