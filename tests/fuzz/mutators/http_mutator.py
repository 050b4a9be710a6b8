"""Mutations of recorded HTTP responses: their heads, bodies, encodings and lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.mutators.byte_mutator import mutate_bytes
from tests.fuzz.mutators.compression import HTTP_FORMATS, compress
from tests.fuzz.mutators.json_mutator import mutate_json
from tests.fuzz.mutators.oddities import odd_address, odd_number, odd_text
from tests.fuzz.mutators.text_mutator import mutate_text

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

SEPARATOR = b"\n=====\n"
"""Line between the responses of an input. The server sends the first one to the first request, and so on."""

_HEADERS: dict[str, tuple[str, ...]] = {
    "Retry-After": (
        *("0", "1", "-1", "999999999999999999999", "99999999999", "1e9", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "²"),
        *("Fri, 31 Dec 99999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +9999", "Mon, 01 Jan 0001 00:00:00 GMT", ""),
    ),
    "Content-Encoding": ("gzip", "br", "zstd", "deflate", "gzip, gzip", "identity", "x-gzip", "", "compress"),
    "Content-Type": (
        *(
            "text/html",
            "application/json",
            "text/event-stream",
            "text/turtle",
            "",
            ";",
            "text/html; charset=\x80",
            "a/b" * 99,
        ),
        *("application/sparql-results+json", "application/n-triples", "text/turtle; charset=utf-16"),
    ),
    "Content-Length": ("0", "5", "99999999999999999999", "-1", "x", "1, 1"),
    "Transfer-Encoding": ("chunked", "gzip, chunked", "x"),
    "Set-Cookie": (
        "a=b",
        "session=x; Domain=evil.invalid",
        "=",
        "a=" + "b" * 9000,
        'a="\x1b"',
        "a=b; Expires=x",
        "\xe9=1",
    ),
    "Connection": ("close", "keep-alive", "upgrade"),
    "X-Long": ("y" * 20_000,),
    "MediaWiki-API-Error": ("maxlag", "ratelimited", "\x1b[2J"),
}
_STATUSES = (
    200,
    200,
    200,
    204,
    206,
    301,
    302,
    303,
    304,
    307,
    308,
    400,
    401,
    403,
    404,
    410,
    413,
    429,
    500,
    502,
    503,
    599,
    999,
    100,
)


def mutate_http(data: bytes, rng: random.Random, others: Sequence[bytes], tokens: Sequence[str]) -> bytes:
    """Return responses with some mutations."""
    answers = data.split(SEPARATOR)
    for _ in range(rng.choice((1, 1, 2, 3))):
        index = rng.randrange(len(answers))
        match rng.randrange(14):
            case 0:
                answers.insert(index, answers[index])
            case 1 if len(answers) > 1:
                del answers[index]
            case 2 if others:
                answers[index] = rng.choice(rng.choice(others).split(SEPARATOR))
            case 3:
                rng.shuffle(answers)
            case _:
                answers[index] = _mutate_answer(answers[index], rng, others, tokens)
    return SEPARATOR.join(answers)


def _mutate_answer(answer: bytes, rng: random.Random, others: Sequence[bytes], tokens: Sequence[str]) -> bytes:
    head, found, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    match rng.randrange(17):
        case 0:
            return mutate_bytes(answer, rng)
        case 1:
            lines[0] = f"HTTP/1.1 {rng.choice(_STATUSES)} Odd"
        case 2 | 3:
            _put(lines, rng.choice(list(_HEADERS)), rng)
        case 4:
            lines[0] = f"HTTP/1.1 {rng.choice((301, 302, 303, 307, 308, 200))} Odd"
            lines.append(f"Location: {_header_text(odd_address(rng))}")
        case 5:
            lines[0] = f"HTTP/1.1 {rng.choice((429, 503, 502, 200))} Odd"
            _put(lines, "Retry-After", rng)
        case 6 | 7:
            name, body = compress(body, rng, HTTP_FORMATS)
            lines.append(f"Content-Encoding: {name.removeprefix('raw ')}")
        case 8:
            lines.append(f"Content-Length: {len(body)}")
            body = body[: rng.randrange(len(body) + 1)]
        case 9:
            body = mutate_bytes(body, rng)
        case 10:
            lines.append("Transfer-Encoding: chunked")
            body = _chunk(body, rng)
        case _:
            body = mutate_body(body, rng, others, tokens)
    return "\r\n".join(lines).encode("latin-1", "replace") + (found or b"\r\n\r\n") + body


def mutate_body(body: bytes, rng: random.Random, others: Sequence[bytes], tokens: Sequence[str]) -> bytes:
    """Return a body with mutations of its format: JSON if it can be parsed as JSON, else text."""
    bodies = [each.partition(b"\r\n\r\n")[2] for other in others for each in other.split(SEPARATOR)]
    try:
        return mutate_json(body, rng, bodies, lambda text, source: mutate_text(text, source, tokens=tokens))
    except ValueError:
        text = body.decode("utf-8", "surrogateescape")
        donors = [each.decode("utf-8", "replace") for each in bodies[:20]]
        return mutate_text(text, rng, tokens=tokens, others=donors).encode("utf-8", "backslashreplace")


def _chunk(body: bytes, rng: random.Random) -> bytes:
    size = rng.choice((1, 7, 1000))
    chunks = [body[at : at + size] for at in range(0, min(len(body), 500 * size), size)]
    end = rng.choice((b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"", b"ffffffffffffffff\r\n", b"-1\r\n", b"g\r\n"))
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def _put(lines: list[str], name: str, rng: random.Random) -> None:
    value = rng.choice((*_HEADERS[name], _header_text(odd_text(rng)), odd_number(rng)))
    if rng.random() < 0.7:
        lines[1:] = [line for line in lines[1:] if not line.lower().startswith(f"{name.lower()}:")]
    lines.append(f"{name}: {value}")


def _header_text(text: str) -> str:
    return text.replace("\r", "").replace("\n", "").encode("utf-8", "replace").decode("latin-1")
