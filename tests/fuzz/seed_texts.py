"""Seeds that are written by hand, and the functions that write all seeds."""

from __future__ import annotations

from typing import Any

import orjson
from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutators.compression import COMPRESSORS

from wikistate.core.events.bundled import read_bundled

NOW = 1_760_000_000_000
"""Milliseconds since the epoch: the time of the seeds."""

PAGE = """<!DOCTYPE html>
<html class="client-nojs" lang="en"><head><meta charset="UTF-8"><title>Main Page - my wiki</title>
<link rel="stylesheet" href="/w/load.php?lang=en"><script>var a = "<link>";</script>
<link rel="EditURI" type="application/rsd+xml" href="//my.wiki/w/api.php?action=rsd">
</head><body><p>Text &amp; more</p><!-- comment --></body></html>
"""
ROWS = """{"head": {"vars": ["entity", "version", "offset", "predicate", "object"]}, "results": {"bindings": [
{"entity": {"type": "uri", "value": "http://www.wikidata.org/entity/Q1"}, "subject": {"type": "bnode", "value": "b0"},
"version": {"type": "literal", "value": "5", "datatype": "http://www.w3.org/2001/XMLSchema#integer"},
"seen": {"type": "literal", "xml:lang": "en", "value": "x"},
"newest": {"type": "literal", "value": "2026-01-01T00:00:00Z", "datatype": "http://www.w3.org/2001/XMLSchema#dateTime"},
"predicate": {"type": "uri", "value": "http://schema.org/version"}, "number": {"type": "literal", "value": "7"}}]}}"""


def write(target: str, name: str, data: bytes | str) -> None:
    """Write one seed."""
    path = SEEDS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def write_lines(target: str, name: str, documents: list[Any]) -> None:
    """Write one seed of JSON lines."""
    write(target, name, b"\n".join(map(orjson.dumps, documents)))


def write_texts() -> None:
    """Write the seeds of targets that read text."""
    assignments = "enrich.batch_size=20\nwikis.my.wiki.api=https://my.wiki/w/api.php\nerror_limit={ratio: 0.5}\n"
    settings = """
stream_manager:
  source: {connector: kafka, options: {topics: [a, b], bootstrap_servers: "h:9092", properties: {session.timeout.ms: 10000}}}
  sink: {connector: file, options: {path: out.ndjson}}
enrich: {batch_size: 20, max_attempts: 3}
wikis:
  my.wiki: {api: "https://my.wiki/w/api.php", credentials: {token_env: TOKEN}}
http_client_routes: {"https://my.wiki": "http://localhost:6500"}
store: {location: "http://localhost:3030/ds", batch_triples: 1000}
rdf: {wikibase: "https://my.wiki", entity_namespaces: [0, 120]}
"""
    write("configuration", "settings", f"{settings}\n###\n{assignments}")
    write("stream-configuration", "bundled", read_bundled("bundled:streams.yaml") or b"")
    regular = {
        "streams": {
            "/^mw\\..*\\.error$/": {"schema_title": "error"},
            "other": {
                "schema_title": "a",
                "topics": ["/^a.*$/"],
                "topic_prefixes": None,
                "message_key_fields": {"a": "b.c"},
            },
        }
    }
    write("stream-configuration", "regular", orjson.dumps(regular))
    schema = """
title: mediawiki/page/change
$id: /mediawiki/page/change/1.0.0
$schema: http://json-schema.org/draft-07/schema#
type: object
additionalProperties: false
required: [meta]
properties:
  $schema: {type: string}
  meta: {type: object, properties: {dt: {type: string, format: date-time}, domain: {type: string, pattern: "^[a-z.]+$"}}}
  dt: {type: string}
  page: {type: object, properties: {page_title: {type: string}, page_id: {type: integer, minimum: 0, maximum: 9007199254740991}}}
  wiki_id: {type: string}
  revision: {type: object, additionalProperties: {anyOf: [{type: integer}, {type: string}, {type: object}]}}
"""
    write("schema", "small", schema)
    write("schema", "bundled", read_bundled("bundled:jsonschema/mediawiki/page/change/1.0.0.yaml") or b"")
    write(
        "subgraphs",
        "rules",
        """
prefixes: {wdt: "http://www.wikidata.org/prop/direct/", wd: "http://www.wikidata.org/entity/"}
bindings: {scholarly: [wd:Q13442814, wd:Q5]}
subgraphs:
  - name: most
    stream: most
    default: pass
    rules: ["block ?entity wdt:P31 ?scholarly"]
  - name: rest
    stream: rest
    default: block
    rules: ["pass ?entity wdt:P31 wd:Q5", "pass [] wdt:P1 ?entity"]
""",
    )
    write("page", "head", PAGE)
    write("store-errors", "page", f"{PAGE}\nCOMMIT: totalElapsed=1ms, mutationCount=12")
    write(
        "store-errors",
        "stack",
        "SPARQL-QUERY: queryStr=x\njava.util.concurrent.ExecutionException: <http://a> mutationCount=5\n",
    )
    write("headers", "wait", "429\nRetry-After: 120\nContent-Type: text/html\nContent-Encoding: gzip\n")
    write("headers", "date", "503\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\nContent-Encoding:  X-GZIP \n")
    location = "https://my.wiki/index.php?title=Spezial:Objektdaten/Q1.ttl&flavor=dump&revision=5"
    write("entity-answer", "redirect", f"301\nLocation: {location}\nContent-Type: text/html\n\nmoved")
    write("entity-answer", "gone", "404\nContent-Type: text/html\n\n<html>Revision 5 not found for Q1</html>")
    write("entity-answer", "well", "200\nContent-Type: text/turtle\n\n<a:b> <c:d> <e:f> .")
    for name, login in (
        ("success", {"result": "Success", "lguserid": 1, "lgusername": "Bot"}),
        ("wait", {"result": "Throttled", "wait": 5}),
        ("text", {"result": "Failed", "reason": "You have made too many recent login attempts. Wait 5 minutes."}),
        ("object", {"result": "Failed", "reason": {"code": "wrongpassword", "text": "x"}, "token": "+\\"}),
    ):
        write("login", name, orjson.dumps({"login": login}))


def write_streams() -> None:
    """Write the seeds of event streams, plain and compressed."""
    events = []
    for number in range(6):
        position = [
            {"topic": "eqiad.s", "partition": 0, "offset": number},
            {"topic": "codfw.s", "partition": 0, "offset": -1},
        ]
        if number % 2:
            position[0] = {"topic": "eqiad.s", "partition": 0, "timestamp": NOW + number}
        meta = {"topic": "eqiad.s", "partition": 0, "offset": number, "dt": "2026-01-01T00:00:00Z", "id": str(number)}
        data = orjson.dumps({"meta": meta}).decode()
        events.append(f"event: message\nid: {orjson.dumps(position).decode()}\ndata: {data}\n\n")
    text = ":ok\n\nretry: 1500\n" + "".join(events) + ": heartbeat\n\nid: x\ndata: a\ndata: b\n\n"
    write("sse", "stream", text)
    write("sse", "carriage-returns", "\ufeff" + text.replace("\n", "\r\n"))
    write("sse-compressed", "gzip", COMPRESSORS["gzip"](text.encode()))
    write("sse-compressed", "zstd", COMPRESSORS["zstd"](text.encode()))
    for name, compressor in COMPRESSORS.items():
        write("body", name.replace(" ", "-"), compressor(text.encode()))
        write("compressed-text", name.replace(" ", "-"), compressor(text.encode()))
    write("compressed-text", "plain", text)
