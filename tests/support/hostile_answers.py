"""The answers of a hostile server, for a wiki, a stream and a store: functions that change the honest answer.

An answer may lie about the server, lead to other servers, ask for credentials, or be too large, too deep or unreadable.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

OTHER_DOMAIN = "other.example"
"""Domain of a wiki that the settings name, with credentials."""

MARKUP = '\x1b]0;owned\x07\x1b[31m[/b][bold]\r\n{"log.level":"error","message":"forged"}\n\u202e\x9b2J'
"""Text with terminal escapes, markup, a forged line of a log, and a mark that reverses the direction of writing."""

FORGED = "forged"
"""Message of the forged line of a log."""

_BOMB = gzip.compress(b" " * (16 << 20)) * 512
"""Eight GiB of spaces in eight MiB."""

_COMMENTS = gzip.compress(b": a comment that never ends\n" * 500_000)
_DEEP = 60_000
_HUGE_NUMBERS: tuple[Any, ...] = (2**63, 2**64, -(2**70), 10**300, 10**4000, -1, True, None, "9" * 400, [], {"*": 1})
_NUMBER = re.compile(rb"(?<=[ \":])[0-9]+(?=[ \";^,}\]])")
_JSON, _TURTLE, _HTML = "application/json", "text/turtle", "text/html; charset=utf-8"


class Targets(NamedTuple):
    """Servers that no hostile answer may lead to.

    Attributes:
        own: Origin of the hostile server.
        wiki: Origin of the other wiki.
        store: Origin of the other store.
        broker: Origin of the server of streams and schemas.
        trap: Origin of a server on localhost that no setting names.
    """

    own: str
    wiki: str
    store: str
    broker: str
    trap: str

    def locations(self) -> list[str]:
        """Return addresses that a redirect or a link may name."""
        host = self.wiki.removeprefix("http://")
        return [
            f"{self.wiki}/w/api.php?action=query&format=json",
            f"//{host}/wiki/Special:EntityData/Q1.ttl",
            "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
            f"{self.store}/query",
            f"{self.trap}/w/api.php",
            f"http://user:password@{host}/w/api.php",
            f"{self.broker}/schemas/error/2.1.0",
            f"http://[::ffff:127.0.0.1]:{self.trap.rpartition(':')[2]}/",
            "file:///etc/passwd",
            f"{self.own}/redirected?to={self.wiki}",
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of an HTTP server. `repeats` sends its body again and again, until the client leaves."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    repeats: bool = False

    @property
    def kind(self) -> str:
        """Its media type."""
        return self.headers.get("Content-Type", "").partition(";")[0]


class Visit(NamedTuple):
    """A request with the honest answer.

    Attributes:
        number: Number of the request, from 0.
        path: Path of its URL.
        query: Query of its URL, or its form.
        honest: The honest answer.
        targets: The other servers.
    """

    number: int
    path: str
    query: str
    honest: Answer
    targets: Targets

    @property
    def is_start(self) -> bool:
        """Whether a command sends it before its work: the facts of a wiki, a login, a probe of a store."""
        return (
            "siteinfo" in self.query
            or "action=login" in self.query
            or "type=login" in self.query
            or "ASK" in self.query
        )

    def pick(self, choices: list[Any]) -> Any:
        """Return one of several, in turn."""
        return choices[self.number % len(choices)]


Behaviour = Callable[[Visit], Answer]


def be_honest(visit: Visit) -> Answer:
    """Return the honest answer."""
    return visit.honest


def lie_about_itself(visit: Visit) -> Answer:
    """Call itself the other wiki, at the address of the other wiki, and name other servers wherever an address stands."""
    targets = visit.targets
    honest = visit.honest
    if honest.kind == _JSON or honest.kind.endswith("results+json"):
        body = _change_json(honest.body, lambda key, value: _lie(visit, key, value))
    else:
        body = honest.body.replace(targets.own.encode(), targets.wiki.encode())
    return Answer(honest.status, body, _misleading_headers(visit) | honest.headers)


def lead_away(visit: Visit) -> Answer:
    """Deny that it has an API, and link the API of the other servers from each page."""
    if visit.path.endswith("api.php") or visit.path in ("/update", "/query"):
        return Answer(404, b"<!DOCTYPE html><title>Not found</title>", {"Content-Type": _HTML})
    api = visit.pick(
        [f"{visit.targets.wiki}/w/api.php", "http://169.254.169.254/api.php", f"{visit.targets.trap}/api.php"]
    )
    page = (
        f'<!DOCTYPE html><link rel="EditURI" type="application/rsd+xml" href="{api}?action=rsd"><title>{MARKUP}</title>'
    )
    return Answer(200, page.encode(), {"Content-Type": _HTML, **_misleading_headers(visit)})


def redirect_all(visit: Visit) -> Answer:
    """Redirect each request."""
    return _redirect(visit)


def redirect_work(visit: Visit) -> Answer:
    """Redirect each request but those of the start."""
    return visit.honest if visit.is_start else _redirect(visit)


def demand_credentials(visit: Visit) -> Answer:
    """Refuse each request with a challenge for the credentials of the others."""
    challenges = [
        {"WWW-Authenticate": 'Basic realm="other.example"'},
        {"WWW-Authenticate": f'Bearer realm="{visit.targets.wiki}/token", scope="all"'},
        {"Proxy-Authenticate": 'Basic realm="proxy"'},
    ]
    cookie = {"Set-Cookie": "session=stolen; Domain=.1; Path=/"}
    status = visit.pick([401, 401, 407, 403])
    return Answer(status, MARKUP.encode(), {"Content-Type": _HTML, **cookie, **visit.pick(challenges)})


def ask_to_wait(visit: Visit) -> Answer:
    """Be overloaded, and ask for waits of all sizes."""
    waits = [
        "99999999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -9999999",
        "-1",
        "1e309",
        "NaN",
        "\u0661",
        "",
    ]
    maxlag = {"error": {"code": "maxlag", "info": MARKUP, "lag": 10**400, "host": MARKUP, "type": "db"}}
    if visit.number % 3 == 2:
        return Answer(200, json.dumps(maxlag).encode(), {"Content-Type": _JSON, "Retry-After": visit.pick(waits)})
    return Answer(visit.pick([429, 503]), b"Later.", {"Content-Type": "text/plain", "Retry-After": visit.pick(waits)})


def write_markup(visit: Visit) -> Answer:
    """Write escapes and markup into each text and each error."""
    honest = visit.honest
    if visit.is_start:
        return Answer(honest.status, _change_json(honest.body, _mark_name), honest.headers)
    if visit.number % 4 == 3:
        error = {
            "error": {"code": MARKUP, "info": MARKUP, "docref": MARKUP},
            "warnings": {MARKUP: {"warnings": MARKUP}},
        }
        return Answer(200, json.dumps(error).encode(), {"Content-Type": _JSON})
    if visit.number % 4 == 2:
        return Answer(
            visit.pick([400, 500, 200]), MARKUP.encode(), {"Content-Type": "text/plain", "X-Error": "\x1b[31m"}
        )
    if honest.kind == _JSON:
        return Answer(honest.status, _change_json(honest.body, _mark_text), honest.headers)
    escaped = json.dumps(MARKUP)[1:-1].encode()
    return Answer(honest.status, honest.body.replace(b'"@en', escaped + b'"@en'), honest.headers)


def send_numbers(visit: Visit) -> Answer:
    """Replace numbers by those that no machine integer holds, and documents by deep ones."""
    honest = visit.honest
    if visit.is_start and visit.number % 2 == 0:
        return honest
    if visit.number % 5 == 4:
        return Answer(200, _nest(honest.kind), honest.headers)
    huge = visit.pick(list(_HUGE_NUMBERS))
    if honest.kind == _JSON:
        body = _change_json(honest.body, lambda _, value: huge if type(value) is int else value)
    else:
        body = _NUMBER.sub(str(abs(int(huge))).encode() if isinstance(huge, int) else b"9" * 400, honest.body)
    return Answer(honest.status, body, honest.headers)


def send_bombs(visit: Visit) -> Answer:
    """Compress gigabytes into megabytes, in each answer but those of the start."""
    return visit.honest if visit.is_start else send_bombs_at_once(visit)


def send_bombs_at_once(visit: Visit) -> Answer:
    """Compress gigabytes into megabytes, in each answer."""
    headers = {"Content-Encoding": "gzip", "Content-Type": visit.honest.headers.get("Content-Type", _JSON)}
    if visit.path.startswith("/v2/stream/"):
        return Answer(200, _COMMENTS, headers, repeats=True)
    if visit.number % 3 == 2:
        return Answer(200, gzip.compress(_nest(visit.honest.kind)), headers)
    return Answer(visit.pick([200, 200, 503]), _BOMB, headers)


BEHAVIOURS: tuple[Behaviour, ...] = (
    be_honest,
    lie_about_itself,
    lead_away,
    redirect_all,
    redirect_work,
    demand_credentials,
    ask_to_wait,
    write_markup,
    send_numbers,
    send_bombs,
    send_bombs_at_once,
)


def _redirect(visit: Visit) -> Answer:
    status = visit.pick([301, 302, 303, 307, 308])
    location = visit.pick(visit.targets.locations())
    return Answer(status, b"Moved.", {"Content-Type": "text/plain", "Location": location})


def _misleading_headers(visit: Visit) -> dict[str, str]:
    location = visit.pick(visit.targets.locations())
    return {
        "Location": location,
        "Content-Location": location,
        "Link": f'<{location}>; rel="next", <{location}>; rel="canonical"',
        "Refresh": f"0; url={location}",
        "Alt-Svc": f'h2="{visit.targets.wiki.removeprefix("http://")}"; ma=86400',
        "Set-Cookie": "session=shared; Domain=.1; Path=/",
    }


def _change_json(body: bytes, change: Callable[[str, Any], Any]) -> bytes:
    """Return a document with each value changed by its key."""

    def walk(key: str, value: Any) -> Any:
        match value:
            case dict():
                return {name: walk(name, each) for name, each in value.items()}
            case list():
                return [walk(key, each) for each in value]
            case _:
                return change(key, value)

    try:
        document = json.loads(body)
    except ValueError:
        return body
    return json.dumps(walk("", document)).encode()


def _lie(visit: Visit, key: str, value: Any) -> Any:
    wiki = visit.targets.wiki
    lies: dict[str, Any] = {
        "server": wiki,
        "servername": OTHER_DOMAIN,
        "base": f"{wiki}/wiki/Main_Page",
        "wikiid": "otherwiki",
        "scriptpath": "//169.254.169.254/w",
        "script": f"{wiki}/w/index.php",
        "articlepath": visit.pick(["/wiki/$1", f"@{wiki.removeprefix('http://')}/$1", "//169.254.169.254/$1"]),
        "wikibase-conceptbaseuri": f"http://{OTHER_DOMAIN}/entity/",
        "domain": OTHER_DOMAIN,
        "uri": f"{wiki}/wiki/Q1",
        "$ref": f"{visit.targets.broker}/schemas/error/2.1.0",
        "clientlogin": wiki,
    }
    if key in lies:
        return lies[key]
    if key == "value" and isinstance(value, str) and value.startswith("http"):  # of the results of a query
        return f"{value}> }} SERVICE <{visit.targets.store}/query> {{ ?s ?p ?o }} #"
    return value


def _mark_name(key: str, value: Any) -> Any:
    return f"{value}{MARKUP}" if key in ("sitename", "generator", "mainpage", "time", "wikiid") else value


def _mark_text(key: str, value: Any) -> Any:
    return (
        f"{value}{MARKUP}" if isinstance(value, str) and key not in ("timestamp", "contentmodel", "continue") else value
    )


def _nest(kind: str) -> bytes:
    """Return a document of a media type that is nested deeply."""
    if kind == _TURTLE:
        return b"<urn:a> <urn:b> " + b"<<( " * _DEEP + b"<urn:a> <urn:b> <urn:c>" + b" )>>" * _DEEP + b" ."
    return b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
