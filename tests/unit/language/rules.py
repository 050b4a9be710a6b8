"""The mechanical part of the language rule, as pure functions from a file's text to violations."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.language import words
from tests.unit.language.texts import (
    DOCSTRINGS,
    Kind,
    Text,
    read_hash_comments,
    read_java,
    read_page,
    read_python,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_WORD = re.compile(r"\s*([A-Za-z][\w'-]*)")
_SECTION = re.compile(r"^([ \t]*)(Args|Attributes|Raises|Returns|Yields):[ \t]*$", re.MULTILINE)
_ENTRY = re.compile(r"([*\w.`|,\[\] \N{CURRENCY SIGN}]+?)(?: \([^)]*\))?:\s+(\S.*)", re.DOTALL)
_SENTENCE_START = re.compile(
    r"(?:\A|(?<=[.!?])[\"')]*\s+|\n[ \t]*\n|^[ \t]*(?:[*\-+]|\d+\.|#+)[ \t]+|\|[ \t]*|^[ \t]*>[ \t]*)\s*(?:\*\*|_)?([A-Z][a-z]+)\b",
    re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.!?](?=[\s\"')*]|$)|\n[ \t]*\n|\||\Z|\n(?=#)|(?<=\A)\Z")
_LEVELS = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical"))
_LOGGERS = frozenset(("log", "_log", "logger", "_logger"))
_EVENT_ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_BANNED_TEST_START = re.compile(r"test_(who|what|whoever|whom|whose|nobody|somebody|how|why|whatever|where|which)_")
_BANNED_TEST_WORDS = re.compile(
    r"_(whoever|nobody|nobodys|somebody|anew|goes_on|go_on|went_on|lets_go|let_go|by_itself|told|tells"
    r"|(?:that|which)_(?:is|are)_none|(?<!there_)(?:is|are)_no(?!_longer|_more))(?=_|$)",
)

_NO_QUESTION = "a noun phrase, or an imperative verb for a function: 'Return the positions that ...'"
_IMPERATIVE = "an imperative verb: 'Return', 'Raise', 'Apply', 'Yield', 'Wait'"
_NOUN = "a noun phrase that begins with the field's term"


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """A place that breaks the language rule."""

    path: str
    line: int
    rule: str
    text: str
    instead: str

    def __str__(self) -> str:
        """Return one line: place, text, rule and replacement."""
        return f"{self.path}:{self.line}: {self.rule}: {self.text!r}; use {self.instead}"


def check_source(path: str, source: str, bans: tuple[words.Ban, ...] = words.BANS) -> Iterator[Violation]:
    """Yield the violations of a file.

    Args:
        path: Path of the file from the root of the repository; its ending and its first folder choose the rules.
        source: The text of the file.
        bans: Words and phrases that are banned.
    """
    if path.endswith(".py"):
        tree = ast.parse(source)
        texts = read_python(tree, source, with_messages=not path.startswith("tests/"))
        yield from _check_log_events(path, tree)
        yield from _check_test_names(path, tree)
    elif path.endswith(".md"):
        texts = read_page(source)
    elif path.endswith(".java"):
        texts = read_java(source)
    else:
        texts = read_hash_comments(source)
    for text in texts:
        yield from _check_text(path, text, bans)


def _check_text(path: str, text: Text, bans: tuple[words.Ban, ...]) -> Iterator[Violation]:
    if text.kind in DOCSTRINGS:
        yield from _check_first_word(path, text)
        yield from _check_entries(path, text)
    yield from _check_sentences(path, text)
    for banned in bans:
        for match in banned.pattern.finditer(text.text):
            yield Violation(path, _line(text, match.start()), banned.rule, _excerpt(text, match), banned.instead)


def _check_first_word(path: str, text: Text) -> Iterator[Violation]:
    match = _FIRST_WORD.match(text.text)
    if match is None:
        return
    fault = _fault_of(match.group(1), text.kind)
    if fault is not None:
        rule, instead = fault
        yield Violation(path, _line(text, match.start(1)), f"{text.kind.value} {rule}", _first_line(text.raw), instead)


def _fault_of(first: str, kind: Kind) -> tuple[str, str] | None:
    word = first.lower()
    if word in words.QUESTION_WORDS:
        return "opens with a question word", _NO_QUESTION
    if kind is Kind.FUNCTION and _is_not_imperative(word):
        return "is not in the imperative", _IMPERATIVE
    if kind in {Kind.CLASS, Kind.MODULE, Kind.ATTRIBUTE, Kind.PROPERTY} and word in words.THIRD_PERSON:
        return "opens with a verb in the third person", _NOUN
    if kind is Kind.CLASS and word in words.PRONOUNS:
        return "opens with a pronoun", _NOUN
    return None


def _is_not_imperative(word: str) -> bool:
    return (
        word in words.NOT_IMPERATIVE
        or (word.endswith("s") and not word.endswith("ss") and word not in words.IMPERATIVE_S)
        or (word.endswith("ed") and word not in words.IMPERATIVE_ED)
        or (word.endswith("ing") and word not in words.IMPERATIVE_ING)
    )


def _check_entries(path: str, text: Text) -> Iterator[Violation]:
    """Yield the entries of the sections whose text opens with a question word.

    'When' may open an entry of Raises, Returns and Yields: there it is a condition.
    """
    for section in _SECTION.finditer(text.text):
        is_condition = section.group(2) in {"Raises", "Returns", "Yields"}
        for start, entry in _entries(text.text, section):
            described = entry if section.group(2) in {"Returns", "Yields"} else _description(entry)
            match = _FIRST_WORD.match(described)
            word = match.group(1).lower() if match else ""
            if word in words.QUESTION_WORDS and not (is_condition and word == "when"):
                rule = f"entry of {section.group(2)} opens with a question word"
                yield Violation(
                    path, _line(text, start), rule, _first_line(text.raw[start:]), "a noun phrase; 'If' for a condition"
                )


def _description(entry: str) -> str:
    match = _ENTRY.match(entry)
    return match.group(2) if match else ""


def _entries(text: str, section: re.Match[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a section with their places; a line that goes deeper than the first belongs to no new entry."""
    offset, depth = section.end() + 1, 0
    for line in text[section.end() + 1 :].splitlines(keepends=True):
        indent = len(line) - len(line.lstrip())
        if line.strip():
            depth = depth or indent
            if indent < depth or indent <= len(section.group(1)):
                return
            if indent == depth:
                yield offset, line.strip()
        offset += len(line)


def _check_sentences(path: str, text: Text) -> Iterator[Violation]:
    for match in _SENTENCE_START.finditer(text.text):
        word = match.group(1)
        if word.lower() not in words.SENTENCE_OPENERS or (match.start() == 0 and text.kind in DOCSTRINGS):
            continue
        end = _SENTENCE_END.search(text.text, match.end())
        is_question = end is not None and end.group() == "?"
        is_title = text.kind is Kind.PAGE and text.text.startswith("How to ", match.start(1))
        is_label = text.text[match.end() : match.end() + 1] in {".", ":"}
        if not is_question and not is_title and not is_label:
            instead = "subject, verb, object: name the thing first"
            yield Violation(
                path,
                _line(text, match.start(1)),
                "sentence opens with a question word",
                _excerpt(text, match),
                instead,
            )


def _check_log_events(path: str, tree: ast.Module) -> Iterator[Violation]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_log_call(node.func) and node.args and not _is_event_id(node.args[0]):
            text = ast.unparse(node.args[0])
            yield Violation(
                path,
                node.lineno,
                "log event is not an id",
                text,
                "an id in snake case with fields: 'partition_assigned', topic=...",
            )


def _is_log_call(node: ast.expr) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr not in _LEVELS:
        return False
    owner = node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name in _LOGGERS


def _is_event_id(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_event_id(node.body) and _is_event_id(node.orelse)
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and _EVENT_ID.fullmatch(node.value) is not None
    )


def _check_test_names(path: str, tree: ast.Module) -> Iterator[Violation]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if _BANNED_TEST_START.match(node.name) or _BANNED_TEST_WORDS.search(node.name):
            instead = "the fact in plain words: 'test_retry_limit_turns_event_into_error_event'"
            yield Violation(path, node.lineno, "test name", node.name, instead)


def _line(text: Text, offset: int) -> int:
    return text.line + text.text.count("\n", 0, offset)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:100]


def _excerpt(text: Text, match: re.Match[str]) -> str:
    """Cut the match with a few words on both sides."""
    start, end = max(match.start() - 30, 0), match.end() + 40
    return " ".join(text.raw[start:end].split())
