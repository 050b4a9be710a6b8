"""Words and phrases that the language rule bans, each with its replacement."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ban:
    """A banned word or phrase.

    Attributes:
        pattern: Finds it in prose; a space there matches a line break too.
        instead: The replacement, for the message.
        rule: Name of the rule, for the message.
    """

    pattern: re.Pattern[str]
    instead: str
    rule: str = "banned word"


def ban(phrase: str, instead: str, *, flags: int = re.IGNORECASE, rule: str = "banned word") -> Ban:
    """Make a ban of a regular expression that stands between word boundaries."""
    return Ban(re.compile(rf"\b(?:{phrase.replace(' ', _SPACE)})\b", flags), instead, rule)


_SPACE = r"[ \t]*\s[ \t]*"

_COMPARISON = r"(?! (?:longer|more|less|later|earlier|sooner|\w+er than)\b)"

_PEOPLE = ("user", "author", "operator", "editor", "maintainer", "reader", "contributor", "developer", "administrator")
_NOT_AFTER_PEOPLE = "".join(rf"(?<!\b{noun}\s)(?<!\b{noun}s\s)" for noun in (*_PEOPLE, "person", "people"))

BANS = (
    ban("nobody|no one", "the name of the component, with 'no': 'no consumer', 'no other member'"),
    ban("whoever|whomever", "the name of the component: 'the caller', 'each consumer that'"),
    ban("somebody|anybody|everybody", "the name of the component or 'another process', 'each caller', 'public'"),
    ban("himself|herself", "'itself', or the name of the component"),
    ban("go on|goes on|went on|gone on|going on", "'continues' or 'resumes'; 'is written to' for a stream"),
    ban(r"(?<![Tt]here\s)(?:is|are|was|were) none", "'is not a valid X', 'does not exist', 'there is no X'", flags=0),
    ban("anew", "'again'"),
    ban("by itself|by themselves|of its own accord|of their own accord", "'automatically', 'alone' or 'independently'"),
    ban("one's own|one's", "'your' or 'custom'"),
    ban("oneself", "'yourself', or the name of the component"),
    ban("let go|lets go|letting go", "'release', 'evict', 'close'"),
    ban(
        "told|tell|tells|telling",
        "'log', 'emit', 'commit', 'notify', 'return', 'report', 'configured'; 'distinguish' for 'tell apart'",
    ),
    ban("whatever happens", "'always', 'in any case'"),
    ban("once more", "'again'"),
    ban("at a stretch", "'at a time', 'without a pause'"),
    ban("asks? for mercy|mercy", "'reports overload'"),
    ban("(?:waited|waits|wait) long enough", "'timeout reached'"),
    ban("up to where", "'the position up to which'"),
    ban("is what|are what|was what", "'is the X that'; name the thing"),
    ban("all that is there|all there is", "'everything', 'all entries'"),
    ban(
        rf"{_NOT_AFTER_PEOPLE}who",
        "'that', 'which', or the name of the component; 'who' is for people: 'users who'",
        flags=0,
    ),
    ban(r"settl(?:e|es|ed|ing)", "'acknowledge', 'commit', 'reconcile', 'complete'"),
    ban(r"judg(?:e|es|ed|ing)|verdicts?", "'classify', 'decide', 'result'"),
    ban(r"walk(?:s|ed|ing)?", "'full scan', 'list', 'traverse'"),
    Ban(
        re.compile(
            rf"(?<!\bthere )(?<!\bthere\n)\b(?:is|are|was|were|be) no{_COMPARISON}\b(?= [a-z]|\n)".replace(" ", r"\s"),
            re.IGNORECASE,
        ),
        "'is not a X', 'is not a valid X', 'does not have a X'; 'there is no X' is allowed",
    ),
)

QUESTION_WORDS = frozenset(
    (
        "what",
        "who",
        "whoever",
        "whom",
        "whose",
        "where",
        "how",
        "which",
        "why",
        "when",
        "whatever",
        "wherever",
        "whichever",
    ),
)
"""Words that open a clause as subject or object."""

_CONDITION_WORDS = frozenset(("where", "when", "wherever"))
SENTENCE_OPENERS = QUESTION_WORDS - _CONDITION_WORDS
"""Question words that no sentence opens with; 'where' and 'when' also open a condition, which may stand within a text."""

NOT_IMPERATIVE = frozenset(
    (
        "a", "about", "after", "all", "an", "another", "any", "as", "at", "before", "beside", "between", "both", "by",
        "each", "either", "every", "everything", "for", "from", "how", "if", "in", "into", "it", "its", "like", "most",
        "neither", "no", "none", "not", "nothing", "of", "on", "one", "only", "our", "several", "since", "so", "some",
        "something", "that", "the", "their", "there", "these", "they", "this", "those", "through", "two", "until", "up",
        "whether", "with", "without",
    ),
)  # fmt: skip
"""First words that show that a docstring of a function is not in the imperative."""

IMPERATIVE_S = frozenset(("access", "address", "bypass", "canvas", "compress", "focus", "process", "pass", "press"))
IMPERATIVE_ED = frozenset(
    ("bleed", "breed", "embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed")
)
IMPERATIVE_ING = frozenset(("bring", "ping", "ring", "sing", "string", "swing"))

THIRD_PERSON = frozenset(
    (
        "abandons", "accepts", "adds", "admits", "answers", "appends", "applies", "asks", "assembles", "awaits", "becomes",
        "begins", "binds", "breaks", "brings", "builds", "cancels", "carries", "checks", "chooses", "closes", "collects",
        "comes", "compares", "compiles", "composes", "computes", "consumes", "converts", "creates", "decides", "decodes",
        "decompresses", "deletes", "delivers", "does", "downloads", "drives", "drops", "emits", "encodes", "enriches",
        "ensures", "fails", "fetches", "fills", "finds", "flushes", "follows", "generates", "gets", "gives", "goes",
        "handles", "hands", "has", "hides", "holds", "inserts", "installs", "invents", "is", "joins", "keeps", "knows",
        "lays", "leaves", "lets", "listens", "loads", "looks", "makes", "maps", "marks", "merges", "moves", "normalises",
        "normalizes", "opens", "parses", "passes", "performs", "polls", "prints", "produces", "puts", "raises", "reads",
        "receives", "refreshes", "rejects", "releases", "remembers", "removes", "renders", "reports", "retries", "returns",
        "runs", "says", "sends", "serves", "sets", "shows", "speaks", "splits", "stands", "starts", "stops", "submits",
        "takes", "tells", "throws", "translates", "tries", "turns", "validates", "verifies", "waits", "wraps", "writes",
        "yields",
    ),
)  # fmt: skip
"""Verbs in the third person that are not nouns in the plural as well."""

PRONOUNS = frozenset(("it", "its", "something", "someone", "somewhere", "that", "those", "these", "they", "whether"))
"""First words of a class docstring that name nothing."""
