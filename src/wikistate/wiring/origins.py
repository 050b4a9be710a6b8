"""Origins that the settings name: the only servers that the clients of wikis, streams and documents send requests to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.eventstreams.settings import PUBLIC_BASE
from wikistate.adapters.http.origins import SETTING, Origins, parse_origin
from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_DOMAINS
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.config.model import Configuration

_TEMPLATE_PART = "{domain}"


def build_origins(configuration: Configuration) -> Origins:
    """Return the origins that the settings name.

    Raises:
        ConfigError: A value of `allowed_origins` is not an origin.
    """
    template = configuration.enrich.mediawiki_api_endpoint_template
    return Origins(
        named=frozenset(filter(None, _named_urls(configuration))),
        confirmed=frozenset(map(_require_origin, configuration.allowed_origins)),
        templates=(template,) if _TEMPLATE_PART in template else (),
        public_domains=WIKIMEDIA_DOMAINS if configuration.allow_wikimedia and not template else (),
    )


def _named_urls(configuration: Configuration) -> Iterator[str]:
    """Yield the URLs in the settings. Invalid ones are reported by the parts that use them."""
    rdf, manager = configuration.rdf, configuration.stream_manager
    yield from (rdf.wikibase, rdf.entity_data, rdf.subgraphs)
    if rdf.hostname:
        yield f"https://{rdf.hostname}"
    yield from (manager.source.options.url, PUBLIC_BASE)
    yield from (manager.stream_config_uri, *manager.schema_uris)
    yield from (*manager.http_client_routes.keys(), *manager.http_client_routes.values())
    yield from (wiki.api for wiki in configuration.wikis.values())
    yield configuration.enrich.mediawiki_api_endpoint_template


def _require_origin(text: str) -> str:
    try:
        return parse_origin(text)
    except ValueError as error:
        raise ConfigError(
            f"{SETTING} has {text!r:.200}: {error}", hint="For example: https://data.my.wiki.", key=SETTING
        ) from error
