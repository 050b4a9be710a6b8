from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.mediawiki.wikis import OWN_FARM, WIKIMEDIA_DOMAINS, WIKIMEDIA_FARM, Wiki, Wikis
from wikistate.core.enrichment.retry import Fail
from wikistate.errors import ConfigError


def test_wikis_of_wikimedia_are_allowed_by_default() -> None:
    """They are allowed by domain or any subdomain, at their own Action API, in one farm."""
    assert Wikis().lookup("en.wikipedia.org") == Wiki(
        "en.wikipedia.org", "https://en.wikipedia.org/w/api.php", None, WIKIMEDIA_FARM
    )
    for domain in (
        "www.wikidata.org",
        "commons.wikimedia.org",
        "wikimediafoundation.org",
        "xn--kgbechtv.wikipedia.org",
    ):
        assert isinstance(Wikis().lookup(domain), Wiki)


@pytest.mark.parametrize(
    "domain",
    [
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "evil.example/@wiki",
        "evil.example",
        "wikipedia.org.evil.example",
        "evilwikipedia.org",
        "evil.example#.wikipedia.org",
        "evil.example/.wikipedia.org",
        "evil.example?.wikipedia.org",
        "evil.example\\.wikipedia.org",
        "user@en.wikipedia.org",
        "user:password@en.wikipedia.org",
        "en.wikipedia.org:8080",
        "en.wikipedia.org.",
        ".wikipedia.org",
        "en..wikipedia.org",
        "-en.wikipedia.org",
        "en_x.wikipedia.org",
        "en.wikipedia.org\n",
        " en.wikipedia.org",
        "en.wikipedia.org\x00",
        "e\u0301n.wikipedia.org",
        "en.wi\u212aipedia.org",
        "https://en.wikipedia.org",
        "a" * 64 + ".wikipedia.org",
        "a." * 130 + "wikipedia.org",
        "",
        "canary",
    ],
)
def test_every_other_domain_is_rejected(domain: str) -> None:
    """The failure has its own type and says how to allow a wiki."""
    rejected = Wikis().lookup(domain)
    assert isinstance(rejected, Fail)
    assert rejected.error_type == "WikiNotAllowed"
    assert "=https://" in rejected.message


@given(st.text(alphabet="wikpedaorg.-_@:/#?%[]\\ \n\u212a0189", max_size=40))
def test_requested_host_is_always_below_an_allowed_domain(text: str) -> None:
    """No spelling of a domain leads to a URL whose host is not allowed."""
    for domain in (text, f"{text}.wikipedia.org", f"{text}wikipedia.org", f"wikipedia.org{text}"):
        found = Wikis().lookup(domain)
        if isinstance(found, Wiki):
            host = found.url.removeprefix("https://").removesuffix("/w/api.php")
            assert any(host == allowed or host.endswith("." + allowed) for allowed in WIKIMEDIA_DOMAINS)
            assert not set(host) & set("@:/#?%[]\\ \n")


def test_case_does_not_matter() -> None:
    """Host names are the same in upper and lower case."""
    assert Wikis().lookup("EN.Wikipedia.ORG") == Wikis().lookup("en.wikipedia.org")


def test_fixed_template_selects_the_wiki_by_host() -> None:
    """A service mesh has one URL for all wikis, the wiki's name in `Host`, and its own limits."""
    wikis = Wikis(template="http://localhost:6500/w/api.php")
    assert wikis.lookup("de.wikipedia.org") == Wiki(
        "de.wikipedia.org", "http://localhost:6500/w/api.php", "de.wikipedia.org", OWN_FARM
    )


@pytest.mark.parametrize(
    ("template", "url", "farm"),
    [
        ("https://{domain}/w/api.php", "https://de.wikipedia.org/w/api.php", WIKIMEDIA_FARM),
        ("http://localhost:8080/{domain}/api.php", "http://localhost:8080/de.wikipedia.org/api.php", OWN_FARM),
        ("https://{domain}.internal.example/api.php", "https://de.wikipedia.org.internal.example/api.php", OWN_FARM),
    ],
)
def test_template_names_the_wiki(template: str, url: str, farm: str) -> None:
    """The limits depend on the server that is requested, not on the wiki."""
    assert Wikis(template=template).lookup("de.wikipedia.org") == Wiki("de.wikipedia.org", url, None, farm)


def test_explicit_wikis_may_have_any_name() -> None:
    """Domains that the operator lists are allowed unchanged; each origin is a farm unless a farm is named."""
    wikis = Wikis(
        domains=(),
        explicit={
            "localhost": "http://127.0.0.1:8080/w/api.php",
            "10.0.0.7": "http://10.0.0.7/api.php",
            "Wiki.Example": "https://wiki.example/w/api.php",
            "mirror.example": "https://en.wikipedia.org/w/api.php",
        },
        farms={"10.0.0.7": "lab"},
    )
    farms = {}
    for domain in ("localhost", "10.0.0.7", "wiki.example", "mirror.example"):
        found = wikis.lookup(domain)
        assert isinstance(found, Wiki)
        farms[found.domain] = found.farm
    assert farms == {
        "localhost": "127.0.0.1:8080",
        "10.0.0.7": "lab",
        "wiki.example": "wiki.example",
        "mirror.example": WIKIMEDIA_FARM,
    }
    assert isinstance(wikis.lookup("en.wikipedia.org"), Fail)


@pytest.mark.parametrize(
    "url", ["wiki.example/api.php", "ftp://wiki.example/", "https://u:p@wiki.example/", "https://wiki.example/?a=b", ""]
)
def test_invalid_url_is_a_configuration_error(url: str) -> None:
    """It is found when the list is made, with the key of the setting."""
    with pytest.raises(ConfigError) as caught:
        Wikis(explicit={"wiki.example": url})
    assert caught.value.ids["key"] == "wikis.wiki.example"
    with pytest.raises(ConfigError):
        Wikis(template=url)


@pytest.mark.parametrize("domain", ["wikipedia", "WIKIPEDIA.ORG", "*.wikipedia.org", "10.0.0.1", ""])
def test_domain_that_is_not_a_host_name_is_a_configuration_error(domain: str) -> None:
    """A pattern or an address would allow less or more than intended."""
    with pytest.raises(ConfigError):
        Wikis(domains=[domain])


def test_invented_subdomains_do_not_fill_the_memory() -> None:
    """The cache of look-ups is bounded."""
    wikis = Wikis()
    for number in range(10_000):
        wikis.lookup(f"w{number}.wikipedia.org")
    assert len(wikis._known) <= 4096
