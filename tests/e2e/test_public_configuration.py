"""The configuration files of the public job run as they are: with other addresses, and nothing else changed."""

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
"""An authority that nobody trusts; it is loaded and not used."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Files of a deployment, the topics that it reads, and what is put before the names of those that it writes."""

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
    """A broker of its own, because the files name topics and groups. `kafka` says whether one can be had."""
    del kafka
    with KafkaBroker(tmp_path / "cluster") as broker:
        yield broker


@pytest.fixture(scope="module")
def changes() -> Corpus:
    """Changes as MediaWiki sends them now, four versions ahead of the pinned schema."""
    return corpus.compose(changes=CHANGES, version="1.11.0")


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A folder in the layout of the schema repository."""
    folder = tmp_path / "primary" / "jsonschema"
    shutil.copytree(Path(bundled.__file__).parent / "jsonschema", folder)
    return folder


@asynccontextmanager
async def farm(changes: Corpus) -> AsyncIterator[FakeWiki]:
    """The wikis of the changes, and the one that is asked for stream configuration."""
    world = MemoryDataset.from_corpus(changes, with_deleted=True)
    world.wikis["meta.wikimedia.org"] = Wiki("metawiki", "meta.wikimedia.org")
    async with FakeWiki(world) as wiki:
        yield wiki


def readdressed(files: Sequence[Path], addresses: dict[str, str], folder: Path) -> list[str]:
    """Options for copies of these files in which every one of these texts has given way to its address."""
    texts = [file.read_text() for file in files]
    for old, new in addresses.items():
        assert any(old in text for text in texts), f"none of the files says {old}"
        texts = [text.replace(old, new) for text in texts]
    options: list[str] = []
    for file, text in zip(files, texts, strict=True):
        (folder / file.name).write_text(text)
        options += ["--config", str(folder / file.name)]
    return options


def addresses(name: str, *, kafka: str, wiki: str, schemas: Path, certificate: Path) -> dict[str, str]:
    """What is another here than there."""
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
async def test_a_deployment_runs_from_its_own_files(
    name: str, cluster: KafkaBroker, changes: Corpus, schemas: Path, tmp_path: Path
) -> None:
    """What is produced after its start comes out in the topics of its datacenter, as the pinned version, and is committed."""
    deployment = DEPLOYMENTS[name]
    sink, error = deployment.prefix + SINK, deployment.prefix + ERROR
    for topic in (*deployment.sources, sink, error):
        cluster.create_topic(topic)
    (certificate := tmp_path / "ca.pem").write_text(CERTIFICATE)
    async with farm(changes) as wiki:
        replaced = addresses(
            name, kafka=cluster.bootstrap_servers, wiki=wiki.url, schemas=schemas, certificate=certificate
        )
        async with start_command(*JOB, *readdressed(deployment.files, replaced, tmp_path)) as job:
            await feed(job, cluster, deployment, changes)
            await wait_for_count(cluster, sink, error, count=len(real(changes)))
            finished = await job.stop()
        hosts = set(wiki.request_log.hosts)

    assert finished.status == 0, finished.err
    assert "Traceback" not in finished.err
    assert list_topics(cluster) == {*deployment.sources, sink, error}
    assert sum(committed_offsets(cluster, deployment.group).values()) == len(changes.events)
    check_outputs([orjson.loads(message.value) for message in read_all(cluster, sink)], changes)
    failures = [orjson.loads(message.value) for message in read_all(cluster, error)]
    check_errors(failures, changes)
    assert len(failures) + len(read_all(cluster, sink)) == len(real(changes))
    assert {"en.wikipedia.org", "de.wikipedia.org"} <= hosts
    assert ("meta.wikimedia.org" in hosts) == (name != "local")  # the local file has no routes


async def feed(job: Command, cluster: KafkaBroker, deployment: Deployment, changes: Corpus) -> None:
    """Share the changes out over the topics once the job reads them all: by itself it starts at their end."""
    await job.wait_for_log("partition_assigned", times=len(deployment.sources))
    for number, topic in enumerate(deployment.sources):
        produce(cluster, topic, [orjson.dumps(event) for event in changes.events[number :: len(deployment.sources)]])


def real(changes: Corpus) -> list[Event]:
    """The events that are no canaries."""
    return [event for event in changes.events if event["meta"]["domain"] != "canary"]


def check_outputs(outputs: list[Event], changes: Corpus, *, version: str = "1.7.0") -> None:
    """Each is valid as the version that it must state, and has the content of its revision."""
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
    """Whether the event is of a kind that gets content."""
    return event["page_change_kind"] != "delete" and bool(event["revision"]["is_content_visible"])


def check_errors(errors: list[Event], changes: Corpus) -> None:
    """They are valid, name the job, and are about what the wikis really cannot give: damaged revisions."""
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


def over_files(folder: Path, changes: Corpus, *more: str) -> list[str]:
    """Options that lay files over whatever the configuration says of Kafka."""
    (folder / "in.ndjson").write_bytes(encode_ndjson(changes.events))
    ends = ["--source", f"file:{folder / 'in.ndjson'}", "--sink", f"file:{folder / 'out.ndjson'}"]
    return [*ends, "--error-sink", f"file:{folder / 'errors.ndjson'}", *more]


async def run_local(folder: Path, changes: Corpus, *assignments: str) -> list[Event]:
    """Run the local configuration over files against a farm; the output."""
    async with farm(changes) as wiki:
        replaced = {"https://meta.wikimedia.org": wiki.url, "https://{domain}": wiki.url}
        (certificate := folder / "ca.pem").write_text(CERTIFICATE)
        replaced["/etc/ssl/certs/ca-certificates.crt"] = str(certificate)
        config = readdressed([EXAMPLES / "config-local-kafka.yaml"], replaced, folder)
        sets = [word for assignment in assignments for word in ("--set", assignment)]
        finished = await run_wikistate(*JOB, *config, *over_files(folder, changes), *sets)
    assert finished.status == 0, finished.err
    return decode_ndjson((folder / "out.ndjson").read_bytes())


async def test_a_schema_that_the_first_base_lacks_comes_from_the_next_over_http(
    changes: Corpus, schemas: Path, tmp_path: Path
) -> None:
    """The image's own copy is asked first; what is newer than the image is had from the repository's server."""
    asked: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        file = schemas / request.path.removeprefix("/repositories/primary/jsonschema/")
        return web.Response(body=file.read_bytes()) if file.is_file() else web.Response(status=404)

    (image := tmp_path / "image" / "error").mkdir(parents=True)
    shutil.copy(schemas / "error" / "2.1.0.yaml", image)
    async with serving(respond) as origin:
        bases = f"[{image.parent.as_uri()}, {origin}/repositories/primary/jsonschema/]"
        check_outputs(await run_local(tmp_path, changes, f"stream_manager.schema_uris={bases}"), changes)
    assert asked == ["/repositories/primary/jsonschema/mediawiki/page/change/1.7.0.yaml"]


async def test_latest_means_the_newest_version_of_the_repository(
    changes: Corpus, schemas: Path, tmp_path: Path
) -> None:
    """The output states the version that `latest` led to, and never `latest`."""
    folder = schemas / "mediawiki" / "page" / "change"
    (folder / "latest.yaml").symlink_to(folder / "1.11.0.yaml")
    outputs = await run_local(
        tmp_path,
        changes,
        f"stream_manager.schema_uris=[{schemas.as_uri()}]",
        "stream_manager.source.stream=mediawiki.page_change.v1:latest",
        "stream_manager.sink.stream=mediawiki.page_content_change.v1:latest",
    )
    check_outputs(outputs, changes, version="1.11.0")


@pytest.mark.parametrize("projection", ["pinned", "pass_through"])
async def test_newer_fields_are_left_out_or_kept_as_the_operator_wants(
    projection: str, changes: Corpus, tmp_path: Path
) -> None:
    """Pinned: the output is what 1.7.0 knows. Passing through: all fields are there, and `$schema` says of which version."""
    outputs = await run_local(
        tmp_path, changes, "stream_manager.schema_uris=[bundled:jsonschema]", f"stream_manager.projection={projection}"
    )
    keeps = projection == "pass_through"
    check_outputs(outputs, changes, version="1.11.0" if keeps else "1.7.0")
    given = {event["meta"]["id"]: event for event in real(changes)}
    newer = [event for event in outputs if "first_edit_dt" in given[event["meta"]["id"]].get("performer", {})]
    assert newer
    for event in newer:
        before = given[event["meta"]["id"]]
        assert (as_it_came(event) == as_it_came(before)) is keeps
        assert ("first_edit_dt" in event["performer"]) is keeps


def as_it_came(event: Event) -> dict[str, Any]:
    """The event without what the job adds and stamps."""
    slots = event["revision"].get("content_slots", {})
    bare = {role: {key: slot[key] for key in slot if key != "content_body"} for role, slot in slots.items()}
    kept = {name: value for name, value in event.items() if name not in {"$schema", "meta"}}
    return kept | {"revision": event["revision"] | {"content_slots": bare}}
