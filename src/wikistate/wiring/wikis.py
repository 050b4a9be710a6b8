"""From a configuration to the wikis that may be asked and the client that asks them."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.adapters.http.client import HttpClient, HttpSettings, build_user_agent
from wikistate.adapters.mediawiki.credentials import BearerToken, BotPassword
from wikistate.adapters.mediawiki.dispatcher import BatchSettings
from wikistate.adapters.mediawiki.limits import FarmSettings, default_farm_settings
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.sessions import ANONYMOUS, build_session
from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_DOMAINS, WIKIMEDIA_TEMPLATE, Wikis, is_wikimedia
from wikistate.adapters.secrets import resolve_secret
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.mediawiki.credentials import Credential
    from wikistate.adapters.mediawiki.sessions import Session
    from wikistate.config.model import Configuration, CredentialSettings, WikiSettings
    from wikistate.telemetry.meter import Meter


def build_http_settings(configuration: Configuration) -> HttpSettings:
    """How requests are made, to wikis and to where documents lie."""
    enrich = configuration.enrich
    return HttpSettings(
        user_agent=build_user_agent(enrich.contact),
        routes=configuration.stream_manager.http_client_routes,
        ca_bundle=Path(enrich.ssl_ca_bundle_path) if enrich.ssl_ca_bundle_path else None,
        connect_timeout=enrich.connect_timeout,
        read_timeout=enrich.request_timeout,
        total_timeout=enrich.request_timeout,
        max_connections=enrich.http_session.pool_maxsize,
        gzip=enrich.gzip,
    )


def lacks_contact(configuration: Configuration) -> bool:
    """Whether Wikimedia's public wikis are meant and cannot write to whoever asks (its User-Agent policy)."""
    if followed := configuration.rdf.hostname or URL(configuration.rdf.wikibase).host:
        return is_wikimedia(followed) and not configuration.enrich.contact
    asks_wikimedia = configuration.allow_wikimedia and not configuration.enrich.mediawiki_api_endpoint_template
    follows_one = configuration.stream_manager.source.connector == "recentchanges"
    return asks_wikimedia and not (configuration.wikis or follows_one) and not configuration.enrich.contact


def build_allowed_wikis(configuration: Configuration) -> Wikis:
    """The list of wikis that events may name.

    Raises:
        ConfigError: A domain or a URL is not one, or limits are set for a farm that no wiki belongs to.
    """
    wikis = Wikis(
        domains=WIKIMEDIA_DOMAINS if configuration.allow_wikimedia else (),
        template=configuration.enrich.mediawiki_api_endpoint_template or WIKIMEDIA_TEMPLATE,
        explicit={domain: wiki.api for domain, wiki in configuration.wikis.items()},
        farms={domain: wiki.farm for domain, wiki in configuration.wikis.items() if wiki.farm},
    )
    for name in configuration.farms:
        if name not in wikis.farms:
            raise ConfigError(
                f"farms.{name}: no wiki belongs to this farm, so its limits would hold for nothing.",
                hint=f"Farms of this configuration: {', '.join(sorted(wikis.farms))}.",
                key=f"farms.{name}",
            )
    return wikis


def build_revision_client(configuration: Configuration, meter: Meter) -> RevisionClient:
    """The client that fetches content, with the limits of each farm.

    Raises:
        ConfigError: A credential cannot be read, or would be sent unencrypted.
    """
    enrich, manager, retry = configuration.enrich, configuration.stream_manager, configuration.enrich.retry
    one_by_one = not manager.process_async_enabled_default
    return RevisionClient(
        HttpClient(build_http_settings(configuration)),
        meter,
        policy=RetryPolicy(
            max_attempts=retry.max_attempts,
            base_delay=retry.base_delay,
            max_delay=retry.max_delay,
            retry_after_cap=retry.max_retry_after,
            acceptable_lag=retry.acceptable_lag,
        ),
        batches=BatchSettings(
            max_batch=1 if one_by_one else manager.process_batch_size_default or enrich.batch_size,
            linger=enrich.linger,
            maxlag=enrich.maxlag,
            max_response_bytes=enrich.max_response_bytes,
        ),
        farm_settings=partial(resolve_farm_settings, configuration),
        credentials={
            domain: credential
            for domain, wiki in configuration.wikis.items()
            if (credential := resolve_credential(wiki, key=f"wikis.{domain}.credentials"))
        },
    )


def resolve_farm_settings(configuration: Configuration, name: str) -> FarmSettings:
    """Limits of a farm: what the operator says of it, else our default, which the public jobs' workers may lower."""
    manager, default = configuration.stream_manager, default_farm_settings(name)
    workers = manager.process_max_workers_default if manager.process_async_enabled_default else 1
    stated = configuration.farms.get(name)
    concurrency = stated.concurrency if stated else None
    return FarmSettings(
        max_concurrency=concurrency or min(default.max_concurrency, workers or default.max_concurrency),
        rate=(stated.rate if stated else None) or configuration.enrich.rate or default.rate,
        latency_bound=configuration.enrich.latency_bound,
    )


def resolve_credential(wiki: WikiSettings, *, key: str) -> Credential | None:
    """Who we are to a wiki; None for nobody.

    Args:
        wiki: Its settings.
        key: The dotted path of its credentials, for the error.

    Raises:
        ConfigError: The credential cannot be read, or would be sent unencrypted.
    """
    credential = _read_credential(wiki.credentials, key=key)
    url = URL(wiki.api)
    if credential and url.scheme == "http" and not _is_loopback(url.host or ""):
        raise ConfigError(
            f"{key}: a secret would go to {url.host} unencrypted.", hint="Use an https URL as the wiki's api.", key=key
        )
    return credential


def build_wiki_session(configuration: Configuration, domain: str, *, http: HttpClient, url: str) -> Session:
    """Who we are to a wiki where something else of it is asked than its Action API.

    Args:
        configuration: Says so under ``wikis.DOMAIN``, or not.
        domain: The wiki's.
        http: How requests are made.
        url: The URL that is asked.

    Raises:
        ConfigError: The credential cannot be read, or the URL is not on the wiki's own server.
    """
    wiki, key = configuration.wikis.get(domain), f"wikis.{domain}.credentials"
    credential = resolve_credential(wiki, key=key) if wiki else None
    if wiki is None or credential is None:
        return ANONYMOUS
    if URL(url).origin() != URL(wiki.api).origin():
        raise ConfigError(
            f"{key}: a secret of {URL(wiki.api).origin()} would go to {URL(url).origin()}.",
            hint=f"{url} must be on the same server as wikis.{domain}.api.",
            key=key,
        )
    return build_session(credential, http=http, endpoint=http.endpoint(wiki.api), place=domain)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_credential(settings: CredentialSettings, *, key: str) -> Credential | None:
    if settings.token_env or settings.token_file:
        return BearerToken(resolve_secret(settings.token_env, settings.token_file))
    if not settings.bot_name:
        return None
    if not (settings.bot_password_env or settings.bot_password_file):
        raise ConfigError(
            f"{key}.bot_name is set, but there is no password.",
            hint=f"Set {key}.bot_password_env or {key}.bot_password_file.",
            key=key,
        )
    return BotPassword(settings.bot_name, resolve_secret(settings.bot_password_env, settings.bot_password_file))
