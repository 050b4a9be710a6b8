"""Wiring of the wikis: the wikis that events may name, the client that queries them, and its credentials."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.adapters.http.addresses import is_http_url, require_encrypted
from wikistate.adapters.http.client import HttpClient, HttpSettings, build_user_agent
from wikistate.adapters.http.contact_notice import ContactNotice
from wikistate.adapters.http.credentials import resolve_authentication
from wikistate.adapters.http.origins import try_origin
from wikistate.adapters.http.routes import Routes
from wikistate.adapters.mediawiki.credentials import BearerToken, BotPassword
from wikistate.adapters.mediawiki.dispatcher import BatchSettings
from wikistate.adapters.mediawiki.limits import FarmSettings, default_farm_settings
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.sessions import ANONYMOUS, build_session
from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_DOMAINS, WIKIMEDIA_TEMPLATE, Wikis, is_wikimedia
from wikistate.adapters.secrets import resolve_secret
from wikistate.config.enrich import WhenRefused
from wikistate.core.enrichment.circuit_breaker import BreakerSettings
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.errors import ConfigError
from wikistate.wiring.origins import build_origins

if TYPE_CHECKING:
    from wikistate.adapters.http.credentials import Credential as HttpCredential
    from wikistate.adapters.mediawiki.credentials import Credential
    from wikistate.adapters.mediawiki.sessions import Session
    from wikistate.config.model import Configuration, CredentialSettings, WikiSettings
    from wikistate.telemetry.meter import Meter

CONTACT_NOTICE = ContactNotice(is_wikimedia)
"""The notice of this process: Wikimedia's User-Agent policy requires an address of the operator of a client."""


def build_http_settings(configuration: Configuration) -> HttpSettings:
    """Return the settings of the HTTP client, for wikis and for documents such as schemas.

    Raises:
        ConfigError: A credential for documents cannot be read, or would be sent unencrypted.
    """
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
        origins=build_origins(configuration),
        credentials=_resolve_document_credentials(configuration),
        contact_notice=None if enrich.contact else CONTACT_NOTICE,
    )


def _resolve_document_credentials(configuration: Configuration) -> dict[str, HttpCredential]:
    """Return the credentials for schemas and stream configurations by origin. A route counts as a part of the way."""
    found, routes = {}, Routes(configuration.stream_manager.http_client_routes)
    for name, settings in configuration.stream_manager.authentication.items():
        key = f"stream_manager.authentication.{name}"
        if not is_http_url(name):
            raise ConfigError(f"{key} is not an origin.", hint="For example https://schemas.example.", key=key)
        origin = str(URL(name).origin())
        if credential := resolve_authentication(settings, urls=[routes.resolve(origin).url], key=key):
            found[origin] = credential
    return found


def build_allowed_wikis(configuration: Configuration) -> Wikis:
    """Return the wikis that events may name.

    Raises:
        ConfigError: A domain or a URL is not valid, or limits are set for a farm without a wiki.
    """
    wikis = Wikis(
        domains=WIKIMEDIA_DOMAINS if configuration.allow_wikimedia else (),
        template=configuration.enrich.mediawiki_api_endpoint_template or WIKIMEDIA_TEMPLATE,
        explicit={domain: wiki.api for domain, wiki in configuration.wikis.items()},
        farms={domain: wiki.farm for domain, wiki in configuration.wikis.items() if wiki.farm},
        wiki_ids={domain: wiki.wiki_id for domain, wiki in configuration.wikis.items() if wiki.wiki_id},
    )
    for name in configuration.farms:
        if name not in wikis.farms:
            raise ConfigError(
                f"farms.{name}: no wiki belongs to this farm, so its limits would have no effect.",
                hint=f"Use a farm of this configuration: {', '.join(sorted(wikis.farms))}.",
                key=f"farms.{name}",
            )
    return wikis


def build_revision_client(configuration: Configuration, meter: Meter) -> RevisionClient:
    """Build the client that fetches content, with the limits of each farm.

    Raises:
        ConfigError: A credential cannot be read, or would be sent unencrypted.
    """
    enrich, manager, retry = configuration.enrich, configuration.stream_manager, configuration.enrich.retry
    sequential = not manager.process_async_enabled_default
    http = build_http_settings(configuration)
    return RevisionClient(
        HttpClient(http),
        meter,
        policy=RetryPolicy(
            max_attempts=retry.max_attempts,
            base_delay=retry.base_delay,
            max_delay=retry.max_delay,
            retry_after_cap=retry.max_retry_after,
            acceptable_lag=retry.acceptable_lag,
        ),
        batches=BatchSettings(
            max_batch=1 if sequential else manager.process_batch_size_default or enrich.batch_size,
            linger=enrich.linger,
            maxlag=enrich.maxlag,
            max_response_bytes=enrich.max_response_bytes,
        ),
        breaker=build_breaker_settings(configuration),
        farm_settings=partial(resolve_farm_settings, configuration),
        credentials={
            domain: credential
            for domain, wiki in configuration.wikis.items()
            if (credential := resolve_credential(wiki, key=f"wikis.{domain}.credentials", http=http))
        },
        credential_origins={domain: try_origin(wiki.api) for domain, wiki in configuration.wikis.items()},
    )


def build_breaker_settings(configuration: Configuration) -> BreakerSettings:
    """Return the settings of the circuit breakers of wikis."""
    breaker = configuration.enrich.circuit_breaker
    return BreakerSettings(
        failures=breaker.failures,
        first_probe=breaker.first_probe,
        longest_probe=breaker.longest_probe,
        reject=breaker.when_open is WhenRefused.ERROR,
    )


def resolve_farm_settings(configuration: Configuration, name: str) -> FarmSettings:
    """Return the limits of a farm: those of the settings, else the defaults.

    The number of workers, a setting of the public jobs, may lower the default concurrency.
    """
    manager, default = configuration.stream_manager, default_farm_settings(name)
    workers = manager.process_max_workers_default if manager.process_async_enabled_default else 1
    configured = configuration.farms.get(name)
    concurrency = configured.concurrency if configured else None
    return FarmSettings(
        max_concurrency=concurrency or min(default.max_concurrency, workers or default.max_concurrency),
        rate=(configured.rate if configured else None) or configuration.enrich.rate or default.rate,
        latency_bound=configuration.enrich.latency_bound,
    )


def resolve_credential(wiki: WikiSettings, *, key: str, http: HttpSettings) -> Credential | None:
    """Return the credential for a wiki; None for anonymous requests.

    Args:
        wiki: The settings of the wiki.
        key: The dotted path of the credentials in the settings, for the error.
        http: The settings of the client: a route is a part of the way.

    Raises:
        ConfigError: The credential cannot be read, or would be sent unencrypted.
    """
    credential = _read_credential(wiki.credentials, key=key)
    if credential and is_http_url(wiki.api):
        allowed = wiki.credentials.allow_unencrypted
        address = Routes(http.routes).resolve(wiki.api).url
        require_encrypted(address, key=key, hint="Use an https URL as the wiki's api.", allowed=allowed)
    return credential


def build_wiki_session(configuration: Configuration, domain: str, *, http: HttpClient, url: str) -> Session:
    """Build the session for requests to a wiki outside its Action API.

    Args:
        configuration: The settings; without credentials under ``wikis.DOMAIN`` the session is anonymous.
        domain: The domain of the wiki.
        http: The client that sends the requests.
        url: The URL of the requests.

    Raises:
        ConfigError: The credential cannot be read, or the URL is not on the server of the wiki's Action API.
    """
    wiki, key = find_wiki_settings(configuration, domain, url), f"wikis.{domain}.credentials"
    credential = resolve_credential(wiki, key=key, http=build_http_settings(configuration)) if wiki else None
    if wiki is None or credential is None:
        return ANONYMOUS
    if URL(url).origin() != URL(wiki.api).origin():
        raise ConfigError(
            f"{key}: a secret of {URL(wiki.api).origin()} would go to {URL(url).origin()}.",
            hint=f"Use a URL on the same server as wikis.{domain}.api instead of {url}.",
            key=key,
        )
    return build_session(credential, http=http, endpoint=http.endpoint(wiki.api), place=domain)


def find_wiki_settings(configuration: Configuration, domain: str, url: str) -> WikiSettings | None:
    """Return the settings of a wiki; None without settings.

    They are under the domain that the wiki states. If there are none, the only wiki whose Action API is on the server of
    the URL is meant: users know the domain in the address of their wiki, which may be another one.
    """
    if domain in configuration.wikis:
        return configuration.wikis[domain]
    on_server = [wiki for wiki in configuration.wikis.values() if URL(wiki.api).origin() == URL(url).origin()]
    return on_server[0] if len(on_server) == 1 else None


def _read_credential(settings: CredentialSettings, *, key: str) -> Credential | None:
    if settings.token_env or settings.token_file:
        read = partial(resolve_secret, settings.token_env, settings.token_file)
        return BearerToken(read(), read)
    if not settings.bot_name:
        return None
    if not (settings.bot_password_env or settings.bot_password_file):
        raise ConfigError(
            f"{key}.bot_name is set, but there is no password.",
            hint=f"Set {key}.bot_password_env or {key}.bot_password_file.",
            key=key,
        )
    return BotPassword(settings.bot_name, resolve_secret(settings.bot_password_env, settings.bot_password_file))


def build_query_client(configuration: Configuration, api: str, meter: Meter | None = None) -> QueryClient:
    """Build the client that queries the Action API of the wiki.

    Raises:
        ConfigError: A credential cannot be read, or would be sent unencrypted.
    """
    wiki = next((wiki for wiki in configuration.wikis.values() if wiki.api == api), None)
    http = build_http_settings(configuration)
    credential = resolve_credential(wiki, key="wikis", http=http) if wiki else None
    return QueryClient(
        api,
        http,
        credential=credential,
        maxlag=configuration.enrich.maxlag,
        outage_limit=configuration.stream_manager.source.options.reconnect_limit,
        meter=meter,
    )
