"""The configuration files of the public job run unchanged, except for the addresses."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web
from tests.e2e.commands import JOB, decode_ndjson, encode_ndjson, run_wikistate, start_command
from tests.e2e.kafka_topics import committed_offsets, list_topics, produce, read_all, wait_for_count
from tests.support.broker import KafkaBroker
from tests.unit.adapters.http.http_server import serving

from wikistate.core.events import bundled
from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.demo import corpus
from wikistate.demo.pages import Wiki
from wikistate.testing.wiki import FakeWiki, MemoryDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tests.e2e.commands import Command

    from wikistate.core.events.meta import Event
    from wikistate.demo.corpus import Corpus

EXAMPLES = Path(__file__).parents[2] / "examples" / "wikimedia"
DEPLOYED = EXAMPLES / "mw-page-content-change-enrich"
CHANGES = 200
SINK, ERROR = "mediawiki.page_content_change.v1", "mw_page_content_change_enrich.error"

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBijCCATGgAwIBAgIUOXcCZE2RK3rqa+WoEJ8Sv0YobCUwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPd2lraXN0YXRlIHRlc3RzMCAXDTI2MTEyMTAxMjYzNloYDzIx
MjYxMDI4MDEyNjM2WjAaMRgwFgYDVQQDDA93aWtpc3RhdGUgdGVzdHMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQC2tOAoqv8DBCjeHkhnM8Nw5clBpQgG9L7CsFl
VLomiBGgK/MMaVeeB5VnHG3PzgNi2Ftx3EbpyKmW602KkWcJo1MwUTAdBgNVHQ4E
FgQUe5TrD4f1s7gu/TW28IlGCgQ+OW0wHwYDVR0jBBgwFoAUe5TrD4f1s7gu/TW2
8IlGCgQ+OW0wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBmiqUC
x7uVgVk96OUJAna6IP5vs3a5JmuuXktmOMwg9gIgLRilY6+m9Wxr8fSm/FbKUaQ1
GYPUIFkdgNayKek5ntA=
-----END CERTIFICATE-----
"""
"""Authority that no client trusts; it is loaded and not used."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Files of a deployment, the topics that it reads, and the prefix of the topics that it writes."""

    files: tuple[Path, ...]
    sources: tuple[str, ...]
    prefix: str
    group: str


DEPLOYMENTS = {
    "local": Deployment(
        (EXAMPLES / "config-local-kafka.yaml",),
        ("eqiad.mediawiki.page_change.v1",),
        "eqiad.",
        "mw-page-content-change-enrich.local.000",
    ),
    "staging": Deployment(
        (DEPLOYED / "values-base.yaml", DEPLOYED / "staging.yaml"),
        ("eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"),
        "eqiad.",
        "mw-page-content-change-enrich.wikikube-staging-eqiad.000",
    ),
    "eqiad": Deployment(
        (DEPLOYED / "values-base.yaml", DEPLOYED / "eqiad.yaml"),
        ("eqiad.mediawiki.page_change.v1",),
        "eqiad.",
        "mw-page-content-change-enrich.wikikube-eqiad.000",
    ),
    "codfw": Deployment(
        (DEPLOYED / "values-base.yaml", DEPLOYED / "codfw.yaml"),
        ("codfw.mediawiki.page_change.v1",),
        "codfw.",
        "mw-page-content-change-enrich.wikikube-codfw.000",
    ),
}


@pytest.fixture
def cluster(kafka: KafkaBroker, tmp_path: Path) -> Iterator[KafkaBroker]:
    """Broker for this test alone, because the files name topics and groups; it is available where the shared one is."""
    del kafka
    with KafkaBroker(tmp_path / "cluster") as broker:
        yield broker


@pytest.fixture(scope="module")
def changes() -> Corpus:
    """Changes of the current MediaWiki, four versions ahead of the pinned schema."""
    return corpus.compose(changes=CHANGES, version="1.11.0")


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """Folder in the layout of the schema repository."""
    folder = tmp_path / "primary" / "jsonschema"
    shutil.copytree(Path(bundled.__file__).parent / "jsonschema", folder)
    return folder


@asynccontextmanager
async def farm(changes: Corpus) -> AsyncIterator[FakeWiki]:
    """Serve the wikis of the changes, and the wiki with the stream configuration."""
    dataset = MemoryDataset.from_corpus(changes, with_deleted=True)
    dataset.wikis["meta.wikimedia.org"] = Wiki("metawiki", "meta.wikimedia.org")
    async with FakeWiki(dataset) as wiki:
        yield wiki


def copy_with_addresses(files: Sequence[Path], addresses: dict[str, str], folder: Path) -> list[str]:
    """Copy files with each text replaced by its address, and return the options that name the copies."""
    texts = [file.read_text() for file in files]
    for old, new in addresses.items():
        assert any(old in text for text in texts), f"no file has the text {old}"
        texts = [text.replace(old, new) for text in texts]
    options: list[str] = []
    for file, text in zip(files, texts, strict=True):
        (folder / file.name).write_text(text)
        options += ["--config", str(folder / file.name)]
    return options


def addresses(name: str, *, kafka: str, wiki: str, schemas: Path, certificate: Path) -> dict[str, str]:
    """Return the addresses that replace those of the public deployment."""
    common = {
        "file:///srv/app/event-schemas/primary/jsonschema": schemas.as_uri(),
        "/etc/ssl/certs/ca-certificates.crt": str(certificate),
    }
    if name == "local":
        wikis = {"https://meta.wikimedia.org": wiki, "https://{domain}": wiki}
        return common | wikis | {"localhost:9092": kafka}
    clusters = ("kafka-test-eqiad",) if name == "staging" else (f"kafka-main-{name}", "kafka-jumbo-eqiad")
    tls = {"security.protocol: SSL": "security.protocol: PLAINTEXT"}
    tls["/etc/ssl/certs/wmf-ca-certificates.crt"] = str(certificate)
    services = {f"{cluster}.external-services.svc.cluster.local:9093": kafka for cluster in clusters}
    return common | tls | services | {"http://localhost:6500": wiki}


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_deployment_runs_from_its_own_files(
    name: str, cluster: KafkaBroker, changes: Corpus, schemas: Path, tmp_path: Path
) -> None:
    """Changes after the start are written to the topics of the datacenter in the pinned version, and are committed."""
    deployment = DEPLOYMENTS[name]
    sink, error = deployment.prefix + SINK, deployment.prefix + ERROR
    for topic in (*deployment.sources, sink, error):
        cluster.create_topic(topic)
    (certificate := tmp_path / "ca.pem").write_text(CERTIFICATE)
    async with farm(changes) as wiki:
        replaced = addresses(
            name, kafka=cluster.bootstrap_servers, wiki=wiki.url, schemas=schemas, certificate=certificate
        )
        async with start_command(*JOB, *copy_with_addresses(deployment.files, replaced, tmp_path)) as job:
            await feed(job, cluster, deployment, changes)
            await wait_for_count(cluster, sink, error, count=len(without_canaries(changes)))
            finished = await job.stop()
        hosts = set(wiki.request_log.hosts)

    assert finished.status == 0, finished.err
    assert "Traceback" not in finished.err
    assert list_topics(cluster) == {*deployment.sources, sink, error}
    assert sum(committed_offsets(cluster, deployment.group).values()) == len(changes.events)
    assert_outputs([orjson.loads(message.value) for message in read_all(cluster, sink)], changes)
    failures = [orjson.loads(message.value) for message in read_all(cluster, error)]
    assert_errors(failures, changes)
    assert len(failures) + len(read_all(cluster, sink)) == len(without_canaries(changes))
    assert {"en.wikipedia.org", "de.wikipedia.org"} <= hosts
    assert ("meta.wikimedia.org" in hosts) == (name != "local")  # the local file has no routes


async def feed(job: Command, cluster: KafkaBroker, deployment: Deployment, changes: Corpus) -> None:
    """Divide the changes among the topics after the job has their partitions: by default it starts at their end."""
    await job.wait_for_log("partition_assigned", times=len(deployment.sources))
    for number, topic in enumerate(deployment.sources):
        produce(cluster, topic, [orjson.dumps(event) for event in changes.events[number :: len(deployment.sources)]])


def without_canaries(changes: Corpus) -> list[Event]:
    """Return the events that are not canary events."""
    return [event for event in changes.events if event["meta"]["domain"] != "canary"]


def assert_outputs(outputs: list[Event], changes: Corpus, *, version: str = "1.7.0") -> None:
    """Assert that each event is valid in the stated version, and has the content of its revision."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", version)
    texts = {(stored.wiki.wiki_id, stored.revision.rev_id): stored.revision for stored in changes.revisions()}
    assert len(outputs) > CHANGES * 0.9
    for event in outputs:
        assert event["$schema"] == schema.uri
        assert event["meta"]["stream"] == SINK
        assert schema.describe_violations(event) == ""
        if shows_content(event):
            revision = texts[event["wiki_id"], event["revision"]["rev_id"]]
            slots = event["revision"]["content_slots"]
            expected = {part.role: part.text for part in revision.slots} if revision.visibility.content else {}
            assert {role: slot["content_body"] for role, slot in slots.items() if "content_body" in slot} == expected


def shows_content(event: Event) -> bool:
    """Return whether the event is of a kind that gets content."""
    return event["page_change_kind"] != "delete" and bool(event["revision"]["is_content_visible"])


def assert_errors(errors: list[Event], changes: Corpus) -> None:
    """Assert that the errors are valid, name the job, and are about damaged revisions only."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get("error", "2.1.0")
    damaged = {
        (stored.wiki.wiki_id, stored.revision.rev_id)
        for stored in changes.revisions()
        if stored.revision.flaw or any(part.flaw for part in stored.revision.slots)
    }
    for event in errors:
        assert schema.describe_violations(event) == ""
        assert event["emitter_id"] == "mw-page-content-change-enrich"
        failed = orjson.loads(event["raw_event"])
        assert (failed["wiki_id"], failed["revision"]["rev_id"]) in damaged


def file_options(folder: Path, changes: Corpus, *more: str) -> list[str]:
    """Return options that replace the Kafka endpoints of the configuration by files."""
    (folder / "in.ndjson").write_bytes(encode_ndjson(changes.events))
    endpoints = ["--source", f"file:{folder / 'in.ndjson'}", "--sink", f"file:{folder / 'out.ndjson'}"]
    return [*endpoints, "--error-sink", f"file:{folder / 'errors.ndjson'}", *more]


async def run_local(folder: Path, changes: Corpus, *assignments: str) -> list[Event]:
    """Run the local configuration over files against a farm, and return the output."""
    async with farm(changes) as wiki:
        replaced = {"https://meta.wikimedia.org": wiki.url, "https://{domain}": wiki.url}
        (certificate := folder / "ca.pem").write_text(CERTIFICATE)
        replaced["/etc/ssl/certs/ca-certificates.crt"] = str(certificate)
        config = copy_with_addresses([EXAMPLES / "config-local-kafka.yaml"], replaced, folder)
        sets = [word for assignment in assignments for word in ("--set", assignment)]
        finished = await run_wikistate(*JOB, *config, *file_options(folder, changes), *sets)
    assert finished.status == 0, finished.err
    return decode_ndjson((folder / "out.ndjson").read_bytes())


async def test_schema_that_the_first_base_lacks_comes_from_the_next_one_over_http(
    changes: Corpus, schemas: Path, tmp_path: Path
) -> None:
    """The image's own copy has priority; a schema newer than the image comes from the server of the repository."""
    requested: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requested.append(request.path)
        file = schemas / request.path.removeprefix("/repositories/primary/jsonschema/")
        return web.Response(body=file.read_bytes()) if file.is_file() else web.Response(status=404)

    (image := tmp_path / "image" / "error").mkdir(parents=True)
    shutil.copy(schemas / "error" / "2.1.0.yaml", image)
    async with serving(respond) as origin:
        bases = f"[{image.parent.as_uri()}, {origin}/repositories/primary/jsonschema/]"
        assert_outputs(await run_local(tmp_path, changes, f"stream_manager.schema_uris={bases}"), changes)
    assert requested == ["/repositories/primary/jsonschema/mediawiki/page/change/1.7.0.yaml"]


async def test_latest_means_the_newest_version_of_the_repository(
    changes: Corpus, schemas: Path, tmp_path: Path
) -> None:
    """The output states the version that `latest` refers to, and never `latest`."""
    folder = schemas / "mediawiki" / "page" / "change"
    (folder / "latest.yaml").symlink_to(folder / "1.11.0.yaml")
    outputs = await run_local(
        tmp_path,
        changes,
        f"stream_manager.schema_uris=[{schemas.as_uri()}]",
        "stream_manager.source.stream=mediawiki.page_change.v1:latest",
        "stream_manager.sink.stream=mediawiki.page_content_change.v1:latest",
    )
    assert_outputs(outputs, changes, version="1.11.0")


@pytest.mark.parametrize("projection", ["pinned", "pass_through"])
async def test_projection_drops_or_keeps_newer_fields(projection: str, changes: Corpus, tmp_path: Path) -> None:
    """Pinned: the output has the fields of 1.7.0. Pass-through: it has all fields, and `$schema` states their version."""
    outputs = await run_local(
        tmp_path, changes, "stream_manager.schema_uris=[bundled:jsonschema]", f"stream_manager.projection={projection}"
    )
    keeps = projection == "pass_through"
    assert_outputs(outputs, changes, version="1.11.0" if keeps else "1.7.0")
    given = {event["meta"]["id"]: event for event in without_canaries(changes)}
    newer = [event for event in outputs if "first_edit_dt" in given[event["meta"]["id"]].get("performer", {})]
    assert newer
    for event in newer:
        before = given[event["meta"]["id"]]
        assert (without_additions(event) == without_additions(before)) is keeps
        assert ("first_edit_dt" in event["performer"]) is keeps


def without_additions(event: Event) -> dict[str, Any]:
    """Return the event without the fields that the job adds or changes."""
    slots = event["revision"].get("content_slots", {})
    bare = {role: {key: slot[key] for key in slot if key != "content_body"} for role, slot in slots.items()}
    unchanged = {name: value for name, value in event.items() if name not in {"$schema", "meta"}}
    return unchanged | {"revision": event["revision"] | {"content_slots": bare}}
