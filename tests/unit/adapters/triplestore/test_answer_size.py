"""Bound of answers of a store by the memory that they take."""

from __future__ import annotations

import pytest
from tests.support.limited_process import run_limited

from wikistate.adapters.triplestore.answer_size import check_answer
from wikistate.errors import StoreError

DENSE = {
    "arrays": b"[" + b"[]," * 16_000_000 + b"1]",
    "numbers": b"[" + b"0.5," * 20_000_000 + b"1]",
    "texts": b"[" + b'"ab",' * 18_000_000 + b"1]",
    "objects": b"[" + b"{}," * 3_000_000 + b"1]",
}


@pytest.mark.parametrize("name", DENSE)
def test_dense_answer_is_refused_before_it_is_parsed(name: str) -> None:
    """The error names the URL and both sizes."""
    with pytest.raises(StoreError, match=r"http://store/query answers a query with [0-9,]+ bytes, which take some"):
        check_answer(DENSE[name], "http://store/query")


def test_answer_of_a_hundred_thousand_entities_is_read() -> None:
    """It is the largest list that a command asks for."""
    binding = b'{"entity":{"type":"uri","value":"http://www.wikidata.org/entity/Q123456789"}},'
    check_answer(b'{"head":{"vars":["entity"]},"results":{"bindings":[' + binding * 200_000 + b"]}}", "http://store")


def test_store_with_a_dense_answer_is_an_error_within_little_memory() -> None:
    """The endpoint checks each answer; the child has no room for the parsed one."""
    found = run_limited(
        """
        import asyncio
        from aiohttp import web
        from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
        from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
        from wikistate.core.rdf.uris import Uris
        from wikistate.core.sparql.update_target import UpdateTarget
        from wikistate.errors import StoreError

        async def answer(request):
            return web.Response(body=b"[" + b"[]," * 16_000_000 + b"1]", content_type="application/json")

        async def main():
            app = web.Application()
            app.router.add_post("/", answer)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            target = UpdateTarget(Uris.for_wikibase("http://wikibase.example"))
            store = SparqlEndpoint(EndpointSettings(update_url=f"http://127.0.0.1:{port}/"), target)
            try:
                await store.open()
            except StoreError as error:
                print(error.message)
            finally:
                await store.close()
                await runner.cleanup()

        asyncio.run(main())
        """,
        megabytes=900,
    )
    assert found.returncode == 0, found.stderr
    assert "bytes of memory; allowed are 1,073,741,824" in found.stdout
