"""Content that is not wikitext: Wikibase items, structured captions of files, Lua, CSS, JSON.

Items and captions follow the public description of the Wikibase JSON format; all values are made up.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wikistate.demo import wikitext

if TYPE_CHECKING:
    from random import Random

LANGUAGES = ("en", "de", "fr", "ru", "ar", "he", "hi", "ja", "zh", "th", "el")


def make_item(item_id: str, rng: Random) -> str:
    """Make the JSON of a Wikibase item in a few languages with a few statements."""
    languages = rng.sample(LANGUAGES, rng.randrange(1, 6))
    entity = {
        "type": "item",
        "id": item_id,
        "labels": {language: _make_term(language, rng) for language in languages},
        "descriptions": {"en": {"language": "en", "value": "village in a made-up county"}},
        "aliases": {},
        "claims": dict(_make_claims(item_id, rng, name) for name in rng.sample(("P31", "P17", "P131", "P361"), 2)),
        "sitelinks": {},
    }
    return _dump(entity)


def edit_item(text: str, rng: Random) -> str:
    """Return the item after an edit: another label, or one more statement."""
    entity = json.loads(text)
    if rng.random() < 0.5:
        language = rng.choice(LANGUAGES)
        entity["labels"][language] = _make_term(language, rng)
    else:
        name, statements = _make_claims(entity["id"], rng, rng.choice(("P31", "P17", "P131", "P361", "P910")))
        entity["claims"].setdefault(name, []).extend(statements)
    return _dump(entity)


def make_caption(media_id: str, rng: Random) -> str:
    """Make the ``mediainfo`` slot of a file: captions in one or two languages."""
    labels = {language: _make_term(language, rng) for language in rng.sample(LANGUAGES, rng.randrange(1, 3))}
    return _dump({"type": "mediainfo", "id": media_id, "labels": labels, "descriptions": {}, "statements": {}})


def make_file_page(subject: str, author: str) -> str:
    """Make the wikitext of a file page."""
    return (
        f"== {{{{int:filedesc}}}} ==\n{{{{Information\n|description={{{{en|1={subject}}}}}\n|date=2026-05-30\n"
        f"|source={{{{own}}}}\n|author=[[User:{author}|{author}]]\n}}}}\n\n"
        f"== {{{{int:license-header}}}} ==\n{{{{self|cc-by-sa-4.0}}}}\n\n[[Category:{subject}]]"
    )


def make_lua_module(name: str, rng: Random) -> str:
    """Make a Lua module."""
    steps = rng.randrange(2, 12)
    lines = [f"-- {name}", "local p = {}", "", "local widths = {"]
    lines += [f"\t[{step}] = {rng.randrange(1, 400)}," for step in range(1, steps)]
    lines += ["}", "", "function p.main(frame)", "\tlocal key = tonumber(frame.args[1]) or 1"]
    return "\n".join([*lines, "\treturn widths[key] or '?'", "end", "", "return p", ""])


def make_stylesheet(rng: Random) -> str:
    """Make the CSS of a user."""
    rules = (f".mw-item-{step} {{\n\tmargin: {rng.randrange(40)}px;\n\tcontent: '→';\n}}" for step in range(1, 4))
    return "\n".join(rules)


def make_json_page(rng: Random) -> str:
    """Make a JSON page."""
    entries = {f"step-{step}": {"enabled": rng.random() < 0.5, "weight": rng.randrange(100)} for step in range(1, 5)}
    return json.dumps({"description": "Größe, taille, размер", "steps": entries}, ensure_ascii=False, indent=4)


def _make_term(language: str, rng: Random) -> dict[str, str]:
    return {"language": language, "value": rng.choice(wikitext.load_phrases(language).names)}


def _make_claims(item_id: str, rng: Random, name: str) -> tuple[str, list[dict[str, Any]]]:
    number = rng.randrange(100, 9_000_000)
    value = {"value": {"entity-type": "item", "numeric-id": number, "id": f"Q{number}"}, "type": "wikibase-entityid"}
    snak = {"snaktype": "value", "property": name, "datavalue": value, "datatype": "wikibase-item"}
    key = f"{item_id}${rng.getrandbits(64):016X}"
    return name, [{"mainsnak": snak, "type": "statement", "id": key, "rank": "normal"}]


def _dump(entity: dict[str, Any]) -> str:
    return json.dumps(entity, separators=(",", ":"))
