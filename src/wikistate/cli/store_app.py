"""The commands below ``wikistate store``, as `wikistate.cli.app`."""

from __future__ import annotations

from typing import Annotated

import typer

from wikistate.cli.options import (
    AnswerFormat,
    AnswerLimit,
    Config,
    QueryText,
    QueryTimeout,
    Set,
    StoreLocation,
    Timeout,
    WikibaseUrl,
)

store_app = typer.Typer(help="Query, inspect and verify a triple store.", no_args_is_help=True)


@store_app.command("counts")
def store_counts(
    *, store: StoreLocation = "", timeout: Timeout = 10.0, config: Config = None, set_: Set = None
) -> None:
    """Print the number of entities of each type in a store; a missing type is visible here."""
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415
    from wikistate.cli.stores import print_counts  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(print_counts(flags, timeout))


@store_app.command("query")
def store_query(
    text: QueryText,
    *,
    store: StoreLocation = "",
    format_: AnswerFormat = None,
    limit: AnswerLimit = None,
    timeout: QueryTimeout = 60.0,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Print the answer of a store to a SPARQL query, also while a job writes to the store. It writes nothing."""
    from wikistate.cli.query import QueryRequest, query  # noqa: PLC0415
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(query(flags, QueryRequest(text, format_, limit, timeout)))


@store_app.command("sweep")
def store_sweep(*, store: StoreLocation = "", timeout: Timeout = 10.0, config: Config = None, set_: Set = None) -> None:
    """Delete orphaned values, references and sitelinks, for stores with store.delete_orphans off."""
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415
    from wikistate.cli.stores import sweep  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(sweep(flags, timeout))


@store_app.command("verify")
def store_verify(
    *,
    store: StoreLocation = "",
    wikibase: WikibaseUrl = "",
    sample: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="The number of entities to compare; all, if there are not more."),
    ] = 100,
    entity: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Compare this entity instead of a sample; repeatable.")
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Repair entities that differ from the wiki. For a store that rdf-sync writes."),
    ] = False,
    wait: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="Compare entities that are behind again for this time; an older change is left behind.",
        ),
    ] = 60.0,
    max_unknown: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", min=0, max=100, help="The largest share of the entities that may not be comparable."
        ),
    ] = 10.0,
    list_limit: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="The most entities to list; of a larger wiki, random numbers are drawn."),
    ] = 100_000,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Compare entities in a store with the wiki, triple for triple, each at the revision that the store holds.

    Half of the sample was edited lately; the rest is drawn at random from all entities, after those that only one side
    has. Exits with code 7 if the store has a difference that no later update repairs, or if too many entities cannot be
    compared.
    """
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415
    from wikistate.cli.verify import VerifyRequest, verify  # noqa: PLC0415

    flags = CliSettings(store=store, wikibase=wikibase, assignments=tuple(set_ or ()), files=tuple(config or ()))
    request = VerifyRequest(
        tuple(entity or ()),
        sample=sample,
        repair=repair,
        wait=wait,
        max_unknown=max_unknown,
        list_limit=list_limit,
    )
    raise typer.Exit(verify(flags, request))
