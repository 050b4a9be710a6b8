"""Values that readers do not expect: numbers beyond all bounds, halves of characters, deep nesting, foreign addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_NUMBERS = (
    *("0", "-0", "-1", "1", "2147483648", "9007199254740993", "9223372036854775806", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775809", "18446744073709551616", "253402300800000", "1e5", "1.5", "-0.0"),
    *("1e308", "1e309", "-1e999", "1e-400", "9" * 40, "9" * 5000, "1" + "0" * 400, "0.1e2", "4294967295"),
)
_NOT_JSON = ("NaN", "Infinity", "-Infinity", "undefined", "", "'x'", "0x10", "01", "\ud7ff", "nul", "tru")

HOSTS = (
    *("169.254.169.254", "127.0.0.1:9", "[::1]:9", "localhost:9", "10.0.0.1", "evil.invalid", "0.0.0.0:9"),
    *("2130706433", "0x7f.1:9", "evil.invalid@127.0.0.1", "127.0.0.1@evil.invalid", "[::ffff:169.254.169.254]"),
)
"""Hosts that no target may send a request to."""

_ADDRESSES = tuple(
    form.replace("HOST", host)
    for host in HOSTS
    for form in ("http://HOST/", "https://HOST/w/api.php", "//HOST/x", "http://HOST/wiki/$1", "http://user:pass@HOST/")
)
_OTHER_ADDRESSES = (
    *("file:///etc/passwd", "javascript:alert(1)", "../../../../tmp/escaped", "/etc/passwd", "http://", "http:///x"),
    *(
        "http://[::1",
        "http://[v1.x]/",
        "http://a:99999/",
        "http://a:x/",
        "https://a b/",
        "http://%zz/",
        "http:x",
        "//",
        "?",
    ),
    *(
        "http://" + "a" * 300 + "/",
        "http://xn--a/",
        "http://\u2100.invalid/",
        "http://a\u0000b/",
        "ht\ntp://a/",
        "#",
        "data:,x",
    ),
)
_TIMES = (
    *("0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "9999-12-31T23:59:59-23:59"),
    *("2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "10000-01-01T00:00:00Z", "infinity"),
    *("0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00.999999999999Z", "20260101000000", "-0001-01-01T00:00:00Z"),
)
_TEXTS = (
    *(
        "\u0000",
        "\ud800",
        "\udfff\ud800",
        "\ufeff",
        "\u001b[31mred\u001b]0;x\u0007",
        "[/b]",
        "[red]",
        "a\r\nb",
        "\u202e",
        "\u2028",
    ),
    *(
        "x" * 70_000,
        "\u00e9" * 5_000,
        "\u0665\u0666",
        "\u00b2",
        "\U0001f600",
        "%00",
        "$1",
        "${jndi:x}",
        "{0}",
        "%s",
        "\\",
        '"',
        "'",
    ),
    *(
        "> . <http://evil.invalid/",
        '" . } ; DROP ALL #',
        "wd:Q1",
        "Q0",
        "Q01",
        "Q99999999999999999999",
        "L1-F1",
        "P1",
        "M1",
    ),
    *(
        "Q1-" + "0" * 300,
        "Special:EntityData/Q1",
        "__proto__",
        "id",
        "true",
        "null",
        "NaN",
        "1e400",
        "-1",
        " 1 ",
        "1_000",
    ),
)


def odd_text(rng: random.Random) -> str:
    """Return a text that readers do not expect."""
    group = rng.choice((_TEXTS, _TIMES, _ADDRESSES, _OTHER_ADDRESSES, _NUMBERS))
    return rng.choice(group)


def odd_address(rng: random.Random) -> str:
    """Return an address that no request may be sent to."""
    return rng.choice(_ADDRESSES if rng.random() < 0.7 else _OTHER_ADDRESSES)


def odd_number(rng: random.Random) -> str:
    """Return a number as text."""
    return rng.choice(_NUMBERS)


def odd_json(rng: random.Random) -> str:
    """Return JSON, or nearly JSON, for a value or a key's place."""
    match rng.randrange(10):
        case 0 | 1 | 2:
            return rng.choice(_NUMBERS)
        case 3:
            return rng.choice(_NOT_JSON)
        case 4 | 5:
            return rng.choice(("null", "true", "false", "{}", "[]", '""', "[null]", "[[]]", '{"":null}', "[{}]"))
        case 6:
            return nest(rng, rng.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"))), middle="1")
        case 7:
            count = rng.choice((10, 1_000, 20_000))
            return "[" + ",".join(["1"] * count) + "]" if rng.random() < 0.5 else _wide_object(count)
        case _:
            return quote(odd_text(rng))


def quote(text: str) -> str:
    """Return a text as a JSON string. Halves of characters are escaped."""
    pieces = []
    for character in text:
        code = ord(character)
        if character in '"\\':
            pieces.append("\\" + character)
        elif code < 0x20 or 0xD800 <= code <= 0xDFFF:
            pieces.append(f"\\u{code:04x}")
        else:
            pieces.append(character)
    return '"' + "".join(pieces) + '"'


def nest(rng: random.Random, pair: tuple[str, str], middle: str = "") -> str:
    """Return brackets nested up to a hundred thousand deep, closed or not."""
    depth = rng.choice((3, 50, 130, 300, 1_100, 5_000, 30_000, 100_000))
    closed = pair[1] * depth if rng.random() < 0.8 else ""
    return pair[0] * depth + middle + closed


def _wide_object(count: int) -> str:
    return "{" + ",".join(f'"k{number}":{number}' for number in range(count)) + "}"
