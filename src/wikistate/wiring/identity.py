"""Identity of a wiki: its domain and database name in events, files and metrics.

It comes from the settings. A wiki that no setting names is followed under the domain that it states, unless that is the
domain of a wiki of the settings: otherwise its content would be published as that of the other wiki.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from wikistate.adapters.http.origins import parse_origin
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.events.meta import CANARY
from wikistate.errors import ConfigError, WikiError
from wikistate.wiring.connectors import find_connector
from wikistate.wiring.wikis import build_allowed_wikis

if TYPE_CHECKING:
    from wikistate.config.model import Configuration

_MAX_DOMAIN = 253  # RFC 1035


class Identity(NamedTuple):
    """Names of a wiki.

    Attributes:
        domain: Value of `meta.domain`.
        wiki_id: Name of its database; empty if neither the settings nor the wiki state it.
    """

    domain: str
    wiki_id: str


def listed_domain(configuration: Configuration, api: str) -> str:
    """Return the domain under which the settings list the wiki with an Action API; empty for a wiki that is not listed."""
    return next((domain for domain, wiki in configuration.wikis.items() if wiki.api == api), "")


def other_wiki_ids(configuration: Configuration, domain: str) -> frozenset[str]:
    """Return the database names that the settings give to other wikis than that of a domain."""
    return frozenset(
        wiki.wiki_id for other, wiki in configuration.wikis.items() if other.lower() != domain.lower() and wiki.wiki_id
    )


def resolve_identity(
    configuration: Configuration, api: str, *, stated: Identity, reads_one_wiki: bool = False
) -> Identity:
    """Return the identity of the wiki with an Action API.

    Args:
        configuration: The settings: `rdf.hostname`, else the domain under which `wikis` lists the API, name the wiki.
        api: URL of the Action API.
        stated: Identity that the wiki states.
        reads_one_wiki: Whether the job processes this wiki only. Then the wikis that are allowed by default do not count as
            wikis of the settings: a copy of one of them has its domain.

    Raises:
        ConfigError: The settings do not name the wiki, and it states the domain or the database name of another one; or it is
            followed by events that have another domain than the settings.
        WikiError: The domain that it states is not the name of a server.
    """
    listed = listed_domain(configuration, api)
    domain = configuration.rdf.hostname or listed
    if not domain:
        domain = stated.domain
        _check_domain(domain, api)
        _check_collision(configuration, domain, api, reads_one_wiki=reads_one_wiki)
    elif not configuration.rdf.hostname:
        _check_events(configuration, listed, stated.domain, api)
    wiki = configuration.wikis.get(domain) or configuration.wikis.get(listed)
    wiki_id = wiki.wiki_id if wiki else ""
    if not wiki_id and stated.wiki_id in other_wiki_ids(configuration, listed or domain):
        raise ConfigError(
            f"The wiki at {api} states the database name {stated.wiki_id!r:.200}, which the settings give to another wiki.",
            hint=f"List it with a database name of its own: wikis.{domain}.api and wikis.{domain}.wiki_id.",
            key="wikis",
        )
    return Identity(domain, wiki_id or stated.wiki_id)


def check_concept_base_owner(configuration: Configuration, api: str, concept_uri: str) -> None:
    """Check that a wiki does not state the concept base of another wiki of the settings, unless a setting confirms it.

    Raises:
        ConfigError: The host of the concept base is the domain of another wiki of the settings.
    """
    host = URL(concept_uri).host or ""
    owner = next((wiki for domain, wiki in configuration.wikis.items() if domain.lower() == host), None)
    is_confirmed = configuration.rdf.concept_base or "concept_base" in configuration.store.model_fields_set
    if owner is not None and owner.api != api and not is_confirmed:
        raise ConfigError(
            f"The IRIs of the wiki at {api} begin with {concept_uri}, which is the domain of another wiki of the settings: that of "
            f"{owner.api}.",
            hint=f"If this is right, set rdf.concept_base to {concept_uri}.",
            key="rdf.concept_base",
        )


def _check_domain(stated: str, api: str) -> None:
    try:
        is_name = URL(f"{parse_origin(f'https://{stated}')}/") == URL(f"https://{stated}/") and stated != CANARY
    except ValueError:
        is_name = False
    if not is_name or len(stated) > _MAX_DOMAIN or any(each in stated for each in "/?#@"):
        raise WikiError(
            f"The wiki at {api} states the domain {stated!r:.200}, which is not the name of a server.",
            hint=f"List it with its domain: wikis.DOMAIN.api: {api}.",
            wiki=api,
        )


def _check_collision(configuration: Configuration, stated: str, api: str, *, reads_one_wiki: bool) -> None:
    """Check that the domain is not that of another wiki that the settings allow."""
    name = (URL(f"https://{stated}").raw_host or "").rstrip(".")
    other = build_allowed_wikis(configuration).lookup(name)
    if not isinstance(other, Wiki) or other.url == api:
        return
    is_listed = any(domain.lower() == name for domain in configuration.wikis)
    if not is_listed and (reads_one_wiki or URL(api).host == name):
        return  # the address in the settings has this name, and the API is at another path than expected
    raise ConfigError(
        f"The wiki at {api} calls itself {stated}, which is the domain of another wiki of the settings: that of {other.url}.",
        hint=f"If this is that wiki, set wikis.{name}.api to {api}. If it is not, list it with a domain of its own: "
        f"wikis.DOMAIN.api: {api}.",
        key="wikis",
    )


def _check_events(configuration: Configuration, listed: str, stated: str, api: str) -> None:
    """Check that a stream of events is not read for a domain that its events do not have."""
    is_read_from_wiki = find_connector(configuration.stream_manager.source.connector).capabilities.wiki
    if not is_read_from_wiki and listed != stated:
        raise ConfigError(
            f"The wiki at {api} is listed as {listed} and calls itself {stated!r:.200}: its events may have either domain.",
            hint="Set rdf.hostname to the meta.domain of its events.",
            key="rdf.hostname",
        )
