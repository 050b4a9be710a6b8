"""The tags of web pages: links, titles and texts of real pages and of broken ones."""

from __future__ import annotations

import pytest

from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.html_tags import MAX_PAGE_BYTES, find_links, find_tags, find_title, strip_tags

HOSTILE = [
    *(
        b"<a ",
        b"<",
        b"<!--",
        b"<!-->",
        b"<script>",
        b"<title>",
        b"</a",
        b"<link rel='",
        b"<![CDATA[",
        b"<?",
        b"&#",
        b'"',
    ),
    *(b'<link rel="EditURI" ', b"<a =", b"<head>", b"<link>"),
]


@pytest.mark.parametrize(
    ("head", "links"),
    [
        (b'<link rel="EditURI" href="//w/api.php?a=1&amp;b=2">', [{"rel": "EditURI", "href": "//w/api.php?a=1&b=2"}]),
        (b"<LINK REL=EditURI HREF='/api.php' />", [{"rel": "EditURI", "href": "/api.php"}]),
        (b'<!-- <link rel="EditURI" href="/no"> --><link href="/yes" rel>', [{"href": "/yes", "rel": ""}]),
        (b'<script>"<link rel=EditURI href=/no>"</script><link rel="a" rel="b">', [{"rel": "a"}]),
        (b"</head><body><link rel=EditURI href=/no>", []),
        (b"<link " + b"a=b " * 1000 + b">", []),
    ],
)
def test_links_of_a_head_are_found(head: bytes, links: list[dict[str, str]]) -> None:
    """Comments, scripts and the body have none, and neither has a tag of kilobytes."""
    assert list(find_links(b"<!DOCTYPE html><html><head><title>x</title>" + head)) == links


def test_text_and_title_of_a_page() -> None:
    """The text is without the head, scripts, styles and comments."""
    page = (
        b"<html><HEAD><title>The\ntitle</title></HEAD><style>a>b</style><p>One<!-- no -->&amp;<b>two</b> 1 < 2</html>"
    )
    assert find_title(page) == b"The\ntitle"
    assert strip_tags(page).split() == [b"One", b"&amp;", b"two", b"1"]
    assert quote_first_line(page) == "'The title'"
    assert quote_first_line(b"\xef\xbb\xbf<html><p>One &lt;\xc3\xbc&gt;</p>") == "'One <ü>'"
    assert find_title(b"<html>") is None


@pytest.mark.parametrize("piece", HOSTILE)
def test_scan_of_a_broken_page_only_moves_forward(piece: bytes) -> None:
    """Each byte is in one tag at most, so that the work is that of one pass, and a page is read up to a bound."""
    page = piece * (4 * MAX_PAGE_BYTES // len(piece))
    end = 0
    for tag in find_tags(page):
        assert end <= tag.start < tag.end <= MAX_PAGE_BYTES
        end = tag.end
    assert len(strip_tags(page)) <= MAX_PAGE_BYTES
    assert all(len(value) <= MAX_PAGE_BYTES for link in find_links(page) for value in link.values())
    assert quote_first_line(b"<html>" + page)
