"""Origins that requests are sent to, and the addresses of their names."""

from __future__ import annotations

import pickle
import socket
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings
from wikistate.adapters.http.documents import DocumentReader
from wikistate.adapters.http.origins import (
    GuardedConnection,
    GuardedResolver,
    Origins,
    RefusedAddressError,
    check_address,
    explain_refusal,
    parse_origin,
    refuse_address,
)
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import ExternalError

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

NAMED = Origins(named=frozenset({"https://my.wiki/w/api.php", "http://plain.wiki", "http://odd.wiki:8080"}))


class ScriptedResolver(AbstractResolver):
    """Resolver with one answer for every name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses."""
        del family
        self.asked.append(host)
        values: list[Any] = [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in self._addresses
        ]
        return values

    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://my.wiki/w/api.php?a=b#c", "https://my.wiki"),
        ("HTTPS://MY.Wiki:443", "https://my.wiki"),
        ("http://my.wiki:80/", "http://my.wiki"),
        ("http://my.wiki:8080/", "http://my.wiki:8080"),
        ("http://[::1]:80/x", "http://[::1]"),
        ("https://münchen.example/wiki/Ä", "https://xn--mnchen-3ya.example"),
    ],
)
def test_origin_has_one_form(url: str, origin: str) -> None:
    """Case, default ports and letters outside ASCII do not matter."""
    assert parse_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "my.wiki",
        "//my.wiki/",
        "file:///etc/passwd",
        "ftp://my.wiki/",
        "https://",
        "https://user@my.wiki/",
        "https://my.wiki@evil.example/",
        "https://my.wiki:secret@evil.example/",
        "https://my.wiki\\@evil.example/",
        "https://evil.example\\@my.wiki/",
        "https://my.wiki\t.evil.example/",
        "https://my.wiki\n/",
        " https://my.wiki/",
        "\x00https://my.wiki/",
        "https://my wiki/",
    ],
)
def test_ambiguous_addresses_have_no_origin(url: str) -> None:
    """Clients read them in different ways."""
    with pytest.raises(ValueError, match=r"URL|host|character|user|Invalid"):
        parse_origin(url)
    assert not NAMED.may_follow(url, asked="https://my.wiki/")
    assert not NAMED.may_follow(url, asked="https://user:secret@my.wiki/")
    assert not NAMED.is_confirmed(url)


def test_url_of_the_settings_may_have_a_user() -> None:
    """A password for a proxy is part of the URL, not of the origin, and in no message."""
    named = Origins(named=frozenset({"https://user:secret@my.wiki/w/api.php"}))
    assert named.admits("https://user:secret@my.wiki/w/api.php")
    assert named.may_follow("https://my.wiki/x", asked="https://user:secret@my.wiki/")
    assert not named.admits("https://my.wiki:secret@evil.example/")
    assert "secret" not in explain_refusal("https://evil.example/", asked="https://user:secret@my.wiki/")


@pytest.mark.parametrize(
    ("url", "is_admitted"),
    [
        ("https://my.wiki/wiki/Main", True),
        ("https://MY.WIKI:443/x", True),
        ("http://plain.wiki/x", True),
        ("https://plain.wiki/x", True),
        ("http://odd.wiki:8080/x", True),
        ("http://my.wiki/x", False),
        ("https://my.wiki:8443/", False),
        ("https://odd.wiki:8080/x", False),
        ("https://my.wiki./", False),
        ("https://my.wiki.evil.example/", False),
        ("https://evil.example/https://my.wiki/", False),
        ("https://sub.my.wiki/", False),
        ("http://127.0.0.1/", False),
        ("http://2130706433/", False),
        ("http://0177.0.0.1/", False),
        ("http://0x7f.1/", False),
        ("http://[::ffff:127.0.0.1]/", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("https://en.wikipedia.org/", False),
    ],
)
def test_origins_of_the_settings_are_admitted(url: str, is_admitted: bool) -> None:  # noqa: FBT001
    """Scheme, host and port count; http may become https on the same host."""
    assert NAMED.admits(url) is is_admitted


def test_public_wikis_and_templates_are_admitted() -> None:
    """Their domains are in events, and the list of allowed wikis has checked them."""
    public = Origins(public_domains=("wikipedia.org",))
    assert public.admits("https://de.wikipedia.org/w/api.php")
    assert not any(
        map(public.admits, ("http://de.wikipedia.org/", "https://notwikipedia.org/", "https://de.wikipedia.org:81/"))
    )
    assert public.requires_public_address("de.wikipedia.org")
    farm = Origins(templates=("http://{domain}.farm.internal:81/api.php",))
    assert farm.admits("http://de.wiki.farm.internal:81/api.php")
    assert not any(
        map(farm.admits, ("http://de.farm.internal/", "http://a/.farm.internal:81", "http://farm.internal:81"))
    )


@pytest.mark.parametrize(
    ("stated", "may_follow"),
    [
        ("https://plain.wiki/w/api.php", True),
        ("http://plain.wiki/other", True),
        ("https://data.wiki/x", True),
        ("https://my.wiki/w/api.php", False),
        ("http://data.wiki/x", False),
        ("https://plain.wiki:8443/", False),
        ("http://169.254.169.254/", False),
    ],
)
def test_answers_lead_to_the_same_server_or_a_confirmed_one(stated: str, may_follow: bool) -> None:  # noqa: FBT001
    """Another server of the settings is not that of this wiki: its credential must not be sent for it."""
    origins = Origins(named=NAMED.named, confirmed=frozenset({"https://data.wiki"}))
    assert origins.may_follow(stated, asked="http://plain.wiki/") is may_follow
    if not may_follow:
        reason = explain_refusal(stated, asked="http://plain.wiki/")
        assert "http://plain.wiki, which the settings name" in reason
        assert f"add {parse_origin(stated)} to allowed_origins" in reason


def test_https_does_not_become_http() -> None:
    """A redirect to http would show a credential."""
    assert not NAMED.may_follow("http://my.wiki/", asked="https://my.wiki/")


PRIVATE = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.8.8.8",
    "100.64.0.1",
    "fd12:3456::1",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "169.254.1.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:0001::",
    "64:ff9b::7f00:1",
    "240.0.0.1",
    "255.255.255.255",
]
NEVER = [
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
]
PUBLIC = ["208.80.154.224", "2620:0:861:ed1a::1", "::ffff:208.80.154.224", "64:ff9b::d050:9ae0"]


def test_addresses_of_names_are_checked() -> None:
    """A name of the settings may have a private address; no name has that of a metadata service."""
    assert [each for each in PRIVATE + NEVER if not refuse_address(each, is_named=False)] == []
    assert [each for each in PUBLIC if refuse_address(each, is_named=False)] == []
    assert [each for each in NEVER if not refuse_address(each, is_named=True)] == []
    assert [each for each in PRIVATE + PUBLIC if refuse_address(each, is_named=True)] == []


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("208.80.154.224", "10.0.0.1"), ("::ffff:169.254.169.254",)])
async def test_look_up_with_a_refused_address_fails(addresses: tuple[str, ...]) -> None:
    """One refused address among others is enough, because a client tries them in turn."""
    origins = Origins(public_domains=("wikipedia.org",))
    with pytest.raises(RefusedAddressError, match=r"de\.wikipedia\.org has the address"):
        await GuardedResolver(origins, ScriptedResolver(*addresses)).resolve("de.wikipedia.org", 443)


async def test_names_of_the_settings_may_be_private() -> None:
    """An internal network has such names; the metadata service is refused even there."""
    inner = GuardedResolver(NAMED, ScriptedResolver("10.0.0.1"))
    assert [each["host"] for each in await inner.resolve("plain.wiki")] == ["10.0.0.1"]
    with pytest.raises(RefusedAddressError, match="no server of this kind"):
        await GuardedResolver(NAMED, ScriptedResolver("169.254.169.254")).resolve("plain.wiki")


async def test_client_connects_only_to_addresses_that_were_checked() -> None:
    """The name of a public wiki that leads to this machine gets no request, and the failure is final."""
    requests: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requests.append(request.path)
        return web.Response(text="{}")

    async with serving(respond) as origin:
        port = origin.rpartition(":")[2]
        template = f"http://{{domain}}:{port}/w/api.php"
        settings = HttpSettings(origins=Origins(templates=(template,)))
        resolver = ScriptedResolver("127.0.0.1")
        named = HttpClient(settings, resolver=resolver)
        public = HttpClient(HttpSettings(origins=_PublicTemplate(templates=(template,))), resolver=resolver)
        answers = []
        for client in (named, public):
            await client.open()
            endpoint = client.endpoint(f"http://de.wiki.example:{port}/w/api.php")
            answers.append(await client.request(endpoint, "", headers={}, limit=100))
            await client.close()
    assert requests == ["/w/api.php"]
    assert resolver.asked == ["de.wiki.example", "de.wiki.example"]
    assert isinstance(answers[0], HttpResponse)
    assert isinstance(answers[1], Failure)
    assert answers[1].kind is FailureKind.INVALID_REQUEST


class _PublicTemplate(Origins):
    """Origins whose names must have public addresses, at any port."""

    def requires_public_address(self, host: str) -> bool:
        """See `Origins`."""
        return bool(host)


async def test_client_sends_nothing_to_other_origins() -> None:
    """The failure names the server; streams and documents are refused as well."""
    requests: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requests.append(request.path)
        return web.Response(text="{}")

    async with serving(respond) as origin:
        settings = HttpSettings(origins=NAMED)
        client = HttpClient(settings)
        await client.open()
        endpoint = client.endpoint(f"{origin}/w/api.php")
        answers = [
            await client.request(endpoint, "", headers={"Authorization": "Bearer x"}, limit=100),
            await client.stream(endpoint, "", headers={}),
        ]
        await client.close()
        with pytest.raises(ExternalError, match="no setting names this server"):
            DocumentReader(settings)(f"{origin}/schema.yaml")
    for answer in answers:
        assert isinstance(answer, Failure)
        assert answer.kind is FailureKind.INVALID_REQUEST
        assert "no setting names this server" in answer.detail
    assert requests == []


async def test_blocking_connection_checks_its_peer() -> None:
    """The address of the connection itself is checked, so that no second look-up can differ."""
    with pytest.raises(RefusedAddressError, match=r"metadata\.internal has the address"):
        check_address("metadata.internal", "169.254.169.254", is_named=True)

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(text="{}")

    async with serving(respond) as origin:
        connection = GuardedConnection(origin.removeprefix("http://"), timeout=5)
        connection.connect()
        connection.close()


def test_origins_survive_pickle() -> None:
    """A runner sends them to its workers."""
    assert pickle.loads(pickle.dumps(NAMED)) == NAMED
