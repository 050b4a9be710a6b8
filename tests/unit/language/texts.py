"""Prose of the repository: docstrings, comments, messages and documentation pages, each with its place.

Everything here works on the text of one file and reads nothing else, so that a rule needs no file to be tested.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE_SPAN = re.compile(r"``.+?``|`[^`\n]+(?:\n[^`\n]+)?`", re.DOTALL)
_URL = re.compile(r"\b[a-z][a-z+]*://\S+")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)")
_FENCE = re.compile(r"^ {0,6}(```|~~~).*?^ {0,6}\1[ \t]*$", re.MULTILINE | re.DOTALL)
_ENTRY_NAME = re.compile(r"^[ \t]+\*{0,2}[a-z_]\w*(?=:\s)", re.MULTILINE)
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_PROSE_STRING = re.compile(r"[A-Za-z]{2,}\S* \S+ \S")
_HIDDEN = "\N{CURRENCY SIGN}"
"""Mark of a hidden character of code. It is not a letter, so that no rule sees a word."""


class Kind(Enum):
    """Places where prose stands."""

    MODULE = "module docstring"
    CLASS = "class docstring"
    FUNCTION = "function docstring"
    PROPERTY = "property docstring"
    TEST = "test docstring"
    ATTRIBUTE = "attribute docstring"
    COMMENT = "comment"
    MESSAGE = "message"
    PAGE = "page"


DOCSTRINGS = frozenset({Kind.MODULE, Kind.CLASS, Kind.FUNCTION, Kind.PROPERTY, Kind.TEST, Kind.ATTRIBUTE})


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose with code, links and addresses hidden.

    Attributes:
        kind: Place of the prose.
        line: Line of its first character, counted from 1.
        raw: The text with code, for messages; line breaks are those of the file.
        text: The text without code, of the same length.
    """

    kind: Kind
    line: int
    raw: str
    text: str


def make_text(kind: Kind, line: int, raw: str) -> Text:
    """Return a text whose code spans and addresses are hidden."""
    return Text(kind, line, raw, hide_code(raw))


def hide_code(text: str) -> str:
    """Replace code spans and addresses by marks of the same length."""
    for pattern in (_CODE_SPAN, _URL):
        text = pattern.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    return "".join("\n" if character == "\n" else _HIDDEN for character in match.group())


def _hide_word(match: re.Match[str]) -> str:
    return re.sub(r"\w", _HIDDEN, match.group())


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def read_page(source: str) -> Iterator[Text]:
    """Yield the prose of a Markdown page, without fenced code, code spans, link targets and HTML comments."""
    text = source
    for pattern in (_FENCE, _HTML_COMMENT):
        text = pattern.sub(_blank, text)
    text = _LINK_TARGET.sub(_hide, text)
    yield Text(Kind.PAGE, 1, source, hide_code(text))


def read_java(source: str) -> Iterator[Text]:
    """Yield the comments of a Java file."""
    for match in _BLOCK_COMMENT.finditer(source):
        text = re.sub(
            r"^[ \t]*(/\*+|\*/|\*|//)", lambda mark: " " * len(mark.group()), match.group(), flags=re.MULTILINE
        )
        yield make_text(Kind.COMMENT, source.count("\n", 0, match.start()) + 1, text.replace("*/", "  "))


def read_hash_comments(source: str) -> Iterator[Text]:
    """Yield the comments of a file in which a line that begins with a hash is a comment: YAML, TOML, make, shell."""
    lines = enumerate(source.splitlines(), 1)
    yield from _join_comments((number, line.strip()) for number, line in lines if line.strip().startswith("#"))


def read_python(tree: ast.Module, source: str, *, with_messages: bool) -> Iterator[Text]:
    """Yield the prose of a Python file.

    Args:
        tree: The parsed file.
        source: The file.
        with_messages: Whether string literals that look like prose count, as error messages, help texts and log lines.
    """
    nodes = list(ast.walk(tree))
    documented = dict(_find_docstrings(nodes))
    strings = [node for node in nodes if isinstance(node, ast.JoinedStr) or _is_string(node)]
    for node, kind in documented.items():
        raw = str(node.value)
        yield Text(kind, node.lineno, raw, hide_code(_ENTRY_NAME.sub(_hide_word, raw)))
    yield from _join_comments(_find_comments(source, strings))
    if with_messages:
        yield from _find_messages(nodes, set(documented))


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _find_docstrings(nodes: list[ast.AST]) -> Iterator[tuple[ast.Constant, Kind]]:
    for node in nodes:
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        is_first = True
        for statement in node.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                constant = statement.value
                if isinstance(constant.value, str):
                    yield constant, _kind_of(node) if is_first else Kind.ATTRIBUTE
            is_first = False


def _kind_of(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Kind:
    if isinstance(node, ast.Module):
        return Kind.MODULE
    if isinstance(node, ast.ClassDef):
        return Kind.TEST if node.name.startswith("Test") else Kind.CLASS
    if node.name.startswith("test_"):
        return Kind.TEST
    decorators = {_last_name(decorator) for decorator in node.decorator_list}
    is_value = decorators & {"property", "cached_property", "fixture", "setter", "getter"}
    return Kind.PROPERTY if is_value else Kind.FUNCTION


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _find_comments(source: str, strings: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield each comment with its line. Outside of the string literals every hash begins a comment."""
    lines = source.encode().split(b"\n")
    if not any(b"#" in line for line in lines):
        return
    for node in strings:
        assert isinstance(node, ast.expr)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        for number in range(node.lineno - 1, node.end_lineno):
            line = lines[number]
            if b"#" not in line:
                continue
            start = node.col_offset if number == node.lineno - 1 else 0
            end = node.end_col_offset if number == node.end_lineno - 1 else len(line)
            lines[number] = line[:start] + b" " * (end - start) + line[end:]
    for number, line in enumerate(lines, 1):
        code, mark, comment = line.partition(b"#")
        if mark:
            # A comment after code stands alone; only whole lines are joined to a block.
            yield (number if not code.strip() else -number), "#" + comment.decode()


def _join_comments(comments: Iterator[tuple[int, str]]) -> Iterator[Text]:
    """Join comments on consecutive lines, so that a phrase over two lines is found."""
    block: list[str] = []
    first = last = 0
    for number, comment in comments:
        if block and number == last + 1:
            block.append(comment.lstrip("#: "))
        else:
            if block:
                yield make_text(Kind.COMMENT, abs(first), "\n".join(block))
            block, first = [comment.lstrip("#: ")], number
        last = number
    if block:
        yield make_text(Kind.COMMENT, abs(first), "\n".join(block))


def _find_messages(nodes: list[ast.AST], documented: set[ast.Constant]) -> Iterator[Text]:
    inner = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "`…`" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented | inner:
            text = node.value
        else:
            continue
        if _PROSE_STRING.search(text):
            yield make_text(Kind.MESSAGE, node.lineno, text)
