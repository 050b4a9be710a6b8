"""Check at the start of a run that the entities of a wiki can be read: fetched, parsed and munged.

Without it, a wrong address or a wrong concept base leaves the store empty, and each entity becomes a failed fetch.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from wikistate.adapters.http.origins import SETTING, Origins
from wikistate.adapters.mediawiki.credentials import explain_private_wiki
from wikistate.adapters.mediawiki.entity_pages import ListPosition, list_entities
from wikistate.adapters.mediawiki.wikibase_site import check_concept_uri, find_concept_uri
from wikistate.core.enrichment.failures import Failure, FailureKind, RetryRule, find_failure_rule
from wikistate.core.enrichment.retry import Fail
from wikistate.core.rdf.bounded_parse import PEAK_FACTOR, ParseLimits
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.updater.fetch_failures import RetryState, decide_fetch_retry
from wikistate.errors import InputError, WikiError
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.feeds import build_crash_marker
from wikistate.wiring.rdf_updater import build_entity_client, build_fetch_policy, entity_uris
from wikistate.wiring.wikis import find_wiki_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.adapters.crash_marker import CrashMarker
    from wikistate.adapters.mediawiki.entity_data import EntityDataClient
    from wikistate.adapters.mediawiki.entity_pages import EntityPage
    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import Meter

_MAX_SAMPLE = 3
"""Entities of a namespace that are tried: one may have been deleted since it was listed, or be malformed."""

_LOGIN_KINDS = frozenset({FailureKind.CLIENT_ERROR, FailureKind.UNPARSABLE, FailureKind.LOGGED_OUT})
"""Failures of requests to a private wiki without a valid login: a status, or a web page that asks for a login."""

_INVALID_RESPONSES = frozenset({FailureKind.UNPARSABLE, FailureKind.EMPTY, FailureKind.LOGGED_OUT})
"""Failures that are retried during a run, because they may pass. At the start they show a wrong address or login."""

_UNREACHABLE = frozenset({FailureKind.CONNECT_TIMEOUT, FailureKind.CONNECTION_FAILED})


class CheckedEntities(NamedTuple):
    """Result of the check.

    Attributes:
        concept_uri: Concept base in the RDF of the wiki; empty if no entity could be read.
        entity_data: Address of entities: the target of redirects, if the wiki redirects.
        is_confirmed: Whether an entity was read. False for a wiki without entities, and during an outage of the wiki.
    """

    concept_uri: str
    entity_data: str
    is_confirmed: bool


async def check_entities(
    configuration: Configuration, site: WikibaseSite, queries: Queries, api: str, meter: Meter | None = None
) -> CheckedEntities:
    """Read an entity of the wiki as the job does.

    Args:
        configuration: The settings, as the user wrote them.
        site: Description of the wiki.
        queries: Client of the wiki; open.
        api: URL of the Action API of the wiki.
        meter: Records the requests; None for no metrics.

    Raises:
        ConfigError: The wiki uses another concept base than the settings, or a credential cannot be used.
        WikiError: The wiki lists entities, and none of a sample can be read, also after `rdf.acceptable_lag`; the first
            cause.
    """
    rdf = configuration.rdf
    rdf = rdf.model_copy(update={"hostname": site.domain, "entity_data": rdf.entity_data or site.entity_data})
    configuration = configuration.model_copy(update={"rdf": rdf})
    client = build_entity_client(configuration, meter or RecordingMeter())
    check = _EntityCheck(configuration, site, client, api)
    await client.open()
    try:
        return await check.run(queries)
    finally:
        await client.close()


class _EntityCheck:
    """See `check_entities`."""

    def __init__(self, configuration: Configuration, site: WikibaseSite, client: EntityDataClient, api: str) -> None:
        self._configuration = configuration
        self._site = site
        self._client = client
        self._api = api
        self._missing: Failure | None = None

    async def run(self, queries: Queries) -> CheckedEntities:
        marker = build_crash_marker(self._configuration, "check")
        marker.open()
        try:
            return await self._try_until_replicated(queries, marker)
        finally:
            marker.close()

    async def _try_until_replicated(self, queries: Queries, marker: CrashMarker) -> CheckedEntities:
        """Try samples again while the wiki may list entities that the replica of the RDF does not have yet."""
        policy, started_at, state = build_fetch_policy(self._configuration.rdf), monotonic(), RetryState()
        while True:
            try:
                return await self._try_sample(queries, marker)
            except WikiError:
                if self._missing is None:
                    raise
                state = state.after_failure(self._missing.kind, wiki_responds=True)
                age = monotonic() - started_at
                retry = decide_fetch_retry(self._missing, retry_state=state, age=age, policy=policy)
                if isinstance(retry, Fail):
                    raise
            await asyncio.sleep(retry.seconds)

    async def _try_sample(self, queries: Queries, marker: CrashMarker) -> CheckedEntities:
        first: WikiError | None = None
        self._missing = None
        async for page in _sample_pages(queries, self._site):
            found = await self._client.request(page.entity, page.revision)
            if isinstance(found, Failure):
                if self._may_pass(found):
                    return self._build_result("")
                is_file = self._site.pages.is_mediainfo(page.namespace)
                if found.kind is FailureKind.BAD_REVISION and is_file:
                    continue  # a file without media info
                if found.kind is FailureKind.BAD_REVISION and found.names_subject:
                    self._missing = found
                first = first or self._build_error(page, found)
                continue
            try:
                return self._build_result(await asyncio.to_thread(self._read_marked, page, found, marker))
            except InputError as error:
                first = first or WikiError(
                    f"The entities of {self._site.domain} cannot be read. {error.message}",
                    hint=error.hint,
                    wiki=self._site.domain,
                )
        if first is not None:
            raise first
        return self._build_result("")

    def _build_result(self, concept_uri: str) -> CheckedEntities:
        return CheckedEntities(concept_uri, self._client.settings.prefix, bool(concept_uri))

    def _read_marked(self, page: EntityPage, body: bytes, marker: CrashMarker) -> str:
        slot = marker.begin(b"%s, revision %d" % (page.entity.encode(), page.revision))
        try:
            return self._read(page, body)
        finally:
            marker.end(slot)

    def _read(self, page: EntityPage, body: bytes) -> str:
        """Return the concept base in the RDF of an entity, after the RDF was munged with it."""
        settings, rdf = self._client.settings, self._configuration.rdf
        base = self._client.url(page.entity, page.revision)
        concept_uri = find_concept_uri(body, entity_id=page.entity, base=base, mime_type=settings.mime_type)
        check_concept_uri(rdf.concept_base, actual=concept_uri)
        uris = entity_uris(rdf.model_copy(update={"concept_base": concept_uri}))
        limits = ParseLimits(rdf.max_entity_triples, rdf.max_parsed_bytes // PEAK_FACTOR)
        triples = parse_triples(body, base=base, mime_type=settings.mime_type, limits=limits)
        munge(triples, page.entity, uris)
        return concept_uri

    def _may_pass(self, failure: Failure) -> bool:
        """Return whether the wiki is overloaded or down; a run waits for that."""
        if failure.kind in _UNREACHABLE:
            return URL(self._client.settings.prefix).origin() == URL(self._api).origin()
        is_retried = find_failure_rule(failure.kind).retry_rule is RetryRule.UNTIL_LIMIT
        return is_retried and failure.kind not in _INVALID_RESPONSES

    def _build_error(self, page: EntityPage, failure: Failure) -> WikiError:
        detail = failure.detail.rstrip(".")
        return WikiError(
            f"The entities of {self._site.domain} cannot be read: the wiki lists {page.entity}, and {detail}.",
            hint=self._build_hint(failure.kind),
            failure=failure.kind.value,
            wiki=self._site.domain,
        )

    def _build_hint(self, kind: FailureKind) -> str:
        if kind is FailureKind.LOGIN_FAILED:
            return f"Correct the credentials under wikis.{self._site.domain}."
        if kind in _LOGIN_KINDS:
            prefix = self._client.settings.prefix
            wiki = find_wiki_settings(self._configuration, self._site.domain, prefix)
            has_credential = wiki is not None and bool(wiki.credentials.model_fields_set)
            return explain_private_wiki(self._api, has_credential=has_credential)
        requested = self._client.settings.prefix
        if requested != self._site.entity_data:
            return f"Remove rdf.entity_data, which is {requested}: the default is {self._site.entity_data}."
        path = URL(requested).raw_path_qs
        advice = f"Set rdf.entity_data to the address of Special:EntityData, such as {URL(self._api).origin()}{path}"
        stated = self._site.stated_server
        if not stated or Origins().may_follow(stated, asked=self._api):
            return f"{advice}."
        return f"{advice}. The wiki states that its pages are at {stated:.200}: to request them there, add it to {SETTING}."


async def _sample_pages(queries: Queries, site: WikibaseSite) -> AsyncIterator[EntityPage]:
    """Yield some entities of each namespace that are not redirects; files last, as many of them have no entity."""
    files = site.pages.mediainfo_namespaces
    for namespace in (*sorted(site.pages.namespaces - files), *sorted(files)):
        count = 0
        async for batch in list_entities(queries, site, start=ListPosition(namespace)):
            for page in batch.pages:
                if page.namespace == namespace and not page.is_redirect and count < _MAX_SAMPLE:
                    count += 1
                    yield page
            if count == _MAX_SAMPLE or batch.next is None or batch.next.namespace != namespace:
                break
