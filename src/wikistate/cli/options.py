"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wikistate.cli.query_format import QueryFormat
from wikistate.wiring.registry import JOBS

Config = Annotated[
    list[Path] | None,
    typer.Option("--config", "-c", metavar="FILE", help="YAML file; repeat it, later files win key by key."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, for example enrich.batch_size=20; repeatable."),
]
SourceUrl = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="URL",
        help="kafka://host:port/topic[?group=…&start=committed|earliest|latest|TIME&end=latest|TIME], file:PATH, or - "
        "for standard input. A new group starts at the latest record; start=earliest reads the existing records, too. "
        "eventstreams:STREAM[?since=TIME&end=TIME&base=URL] reads a public stream, recentchanges:API_URL"
        "[?since=TIME&end=TIME] a wiki that sends no events; both keep their position in --state.",
    ),
]
SinkUrl = Annotated[
    str,
    typer.Option(
        "--sink",
        metavar="URL",
        help="kafka://host:port/topic, file:PATH[.gz|.zst], parquet:FOLDER, or -, the default, for standard output.",
    ),
]
ErrorSinkUrl = Annotated[
    str,
    typer.Option(
        "--error-sink",
        metavar="URL",
        help="The sink of error events, as for --sink; by default beside the sink, and standard error for -.",
    ),
]
Wiki = Annotated[
    list[str] | None,
    typer.Option(
        "--wiki",
        metavar="DOMAIN=API_URL",
        help="A wiki that events may name, beside the wikis of Wikimedia; repeatable.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="The most requests a second to each farm of wikis; by default 5 for Wikimedia's, unlimited for others.",
    ),
]
State = Annotated[
    str,
    typer.Option(
        metavar="FOLDER",
        help="The folder of the position of eventstreams and recentchanges, and of the state of rdf-updater; by default "
        "~/.local/state/wikistate/JOB_NAME.",
    ),
]
WikibaseUrl = Annotated[
    str,
    typer.Option(
        "--wikibase",
        metavar="URL",
        help="For rdf-sync: the address of the wiki that the store follows. The wiki supplies all settings that are not set.",
    ),
]
StoreLocation = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="FOLDER|URL",
        help="A triple store: a folder, or the URL of a SPARQL 1.1 Update endpoint. rdf-consumer resumes at the position "
        "that the store holds.",
    ),
]
Job = Annotated[str, typer.Argument(metavar="JOB", help=f"The job to run: {', '.join(spec.name for spec in JOBS)}.")]
CreateTopics = Annotated[bool, typer.Option("--create-topics", help="Create missing Kafka topics first.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(help="Serve Prometheus metrics on this port of the loopback interface; 0 takes a free one."),
]
QueryText = Annotated[
    str, typer.Argument(metavar="QUERY", help="A SPARQL query, a file that holds one, or - for standard input.")
]
AnswerFormat = Annotated[
    QueryFormat | None,
    typer.Option("--format", help="The format of the answer; by default a table at a terminal, elsewhere TSV."),
]
AnswerLimit = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="The most rows or triples; by default 1,000 in a table, else 100,000."),
]
QueryTimeout = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="The longest time for the answer.")]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="The longest wait for each answer of an endpoint."),
]
