"""Path of a file beside another one: of error events, or of side outputs."""

from __future__ import annotations

from pathlib import PurePath

_COMPRESSIONS = frozenset({".br", ".bz2", ".gz", ".lz4", ".xz", ".zst"})
_FORMATS = frozenset({".csv", ".json", ".jsonl", ".log", ".ndjson", ".tsv", ".txt"})


def make_sibling_path(path: str, word: str) -> str:
    """Return the path with a word before the endings of its name: ``out/a.b.ndjson.zst`` becomes ``out/a.b.WORD.ndjson.zst``.

    The endings are those of a format and of a compression. All else belongs to the name, such as the dots of a host.

    Args:
        path: Path of a file.
        word: Word that names the content of the other file.
    """
    folder, slash, name = path.rpartition("/")
    stem, compression = _split_ending(name, _COMPRESSIONS)
    stem, ending = _split_ending(stem, _FORMATS)
    return f"{folder}{slash}{stem}.{word}{ending}{compression}"


def _split_ending(name: str, known: frozenset[str]) -> tuple[str, str]:
    ending = PurePath(name).suffix
    return (name.removesuffix(ending), ending) if ending.lower() in known else (name, "")
