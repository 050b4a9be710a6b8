"""Names of a wiki in events, as the settings state them."""

from __future__ import annotations

from typing import NamedTuple


class WikiNames(NamedTuple):
    """Names of a wiki in events, from the settings.

    Attributes:
        domain: The value of `meta.domain`; empty for the domain that the wiki states.
        wiki_id: The name of its database; empty for the name that the wiki states.
        other_wiki_ids: The names of the databases of other wikis, which the wiki must not state.
    """

    domain: str = ""
    wiki_id: str = ""
    other_wiki_ids: frozenset[str] = frozenset()
