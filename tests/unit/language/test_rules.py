"""The checker finds what the language rule bans, at its place, and leaves plain English alone."""

from __future__ import annotations

import pytest
from tests.unit.language.rules import check_source
from tests.unit.language.words import BANS


def rules_in(source: str, path: str = "src/wikistate/a.py") -> list[str]:
    """Return the names of the broken rules, in the order of their lines."""
    return [violation.rule for violation in sorted(check_source(path, source))]


def function(docstring: str, decorator: str = "") -> str:
    """Return the source of a function with a docstring."""
    return f'{decorator}\ndef f() -> None:\n    """{docstring}"""\n'


@pytest.mark.parametrize(
    "docstring",
    [
        "Return the positions that are not committed yet.",
        "See `Source`.",
        "Process one record.",
        "Need no argument.",
        "Embed the page.",
        "Bring the store up to date.",
        "Address the request to one wiki.",
        "``wikistate demo``: watch the main job.",
    ],
)
def test_imperative_docstring_of_function_is_accepted(docstring: str) -> None:
    """Words that look like another form are known."""
    assert rules_in(function(docstring)) == []


@pytest.mark.parametrize(
    "docstring",
    [
        "Returns the positions.",
        "The positions.",
        "A position.",
        "Whether the store answers.",
        "Seconds until the next request.",
        "Added by the caller.",
        "Reading of the page.",
        "Up to 50 records.",
        "Kafka's name of the topic.",
    ],
)
def test_docstring_of_function_that_is_not_imperative_is_found(docstring: str) -> None:
    """Third person, noun phrase, participle and gerund."""
    assert rules_in(function(docstring)) == ["function docstring is not in the imperative"]


@pytest.mark.parametrize("word", ["What", "Who", "Where", "How", "Which", "Why", "When", "Whose", "Whatever"])
def test_question_word_at_start_of_each_kind_of_docstring_is_found(word: str) -> None:
    """One violation for each docstring, at its first word."""
    docstring = f'"""{word} comes next."""\n'
    source = f"{docstring}class A:\n    {docstring}\n    x: int\n    {docstring}\n    @property\n    def p(self) -> int:\n        {docstring}\n"
    assert rules_in(source + function(f"{word} comes next.")) == [
        "module docstring opens with a question word",
        "class docstring opens with a question word",
        "attribute docstring opens with a question word",
        "property docstring opens with a question word",
        "function docstring opens with a question word",
    ]


def test_property_and_fixture_have_a_noun_phrase() -> None:
    """Both name a value."""
    for decorator in (
        "@property",
        "@cached_property",
        "@pytest.fixture",
        "@pytest.fixture(scope='session')",
        "@x.setter",
    ):
        assert rules_in(function("The positions.", decorator)) == []
        assert rules_in(function("Returns the positions.", decorator)) == [
            "property docstring opens with a verb in the third person"
        ]


def test_docstring_of_test_states_a_fact() -> None:
    """It needs no imperative."""
    source = 'def test_a() -> None:\n    """A crash repeats the last batch."""\n'
    assert rules_in(source, "tests/unit/test_a.py") == []


def test_verb_and_pronoun_at_start_of_class_docstring_are_found() -> None:
    """A class is a thing, so its docstring begins with a noun."""
    source = 'class A:\n    """Reads a topic."""\nclass B:\n    """Something that reads."""\nclass C:\n    """Events of a page."""\n'
    assert rules_in(source) == [
        "class docstring opens with a verb in the third person",
        "class docstring opens with a pronoun",
    ]


def test_question_word_at_start_of_an_entry_is_found_with_its_line() -> None:
    """A continuation line is not an entry; Raises may hold a condition."""
    source = '''def f(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: What is added,
            whatever: it is.
        b: The other number.
        **kwargs: Where the rest goes.

    Returns:
        What is the sum.

    Raises:
        ValueError: When a number is negative.
        TypeError: What is given is not a number.
    """
'''
    found = sorted(check_source("src/wikistate/a.py", source))
    assert [(violation.line, violation.rule) for violation in found] == [
        (5, "entry of Args opens with a question word"),
        (8, "entry of Args opens with a question word"),
        (11, "entry of Returns opens with a question word"),
        (15, "entry of Raises opens with a question word"),
    ]


def test_condition_that_opens_an_argument_is_found() -> None:
    """'If' opens a condition there; 'When' reads as a point in time."""
    assert rules_in(function("Add.\n\n    Args:\n        a: When it is added.\n    ")) == [
        "entry of Args opens with a question word"
    ]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Nobody reads the topic.", "no consumer"),
        ("It is for whoever reads it.", "each consumer that"),
        ("The run goes on.", "resumes"),
        ("The run goes\non.", "resumes"),
        ("The answer is none.", "does not exist"),
        ("The text is no time.", "is not a valid X"),
        ("The texts are no\ntimes.", "is not a valid X"),
        ("It is read anew.", "again"),
        ("The folder is let go.", "release"),
        ("Use one's own client.", "your"),
        ("The error passes by itself.", "automatically"),
        ("The user is told so.", "report"),
        ("The source that asks, or the one who asks.", "users who"),
        ("It is the task who asks.", "users who"),
        ("An answer settles the request.", "acknowledge"),
        ("The walk ends.", "full scan"),
        ("The verdict is final.", "classify"),
    ],
)
def test_banned_word_is_found_with_its_replacement(text: str, instead: str) -> None:
    """In a page as in a docstring, also over a line break."""
    for path, source in (("docs/a.md", text), ("src/wikistate/a.py", f'"""Module.\n\n{text}\n"""\n')):
        found = list(check_source(path, source))
        assert [violation.rule for violation in found] == ["banned word"]
        assert instead in found[0].instead


@pytest.mark.parametrize(
    "text",
    [
        "There is no topic.",
        "It is empty where there is none.",
        "Where there are no topics, the run ends.",
        "The event is no longer in flight.",
        "The offset is no later than the end.",
        "The offset is no greater than the end.",
        "The value is None.",
        "The key `is none` of `nobody`.",
        "See <https://example.org/nobody>.",
        "[a link](nobody.md)",
        "```text\nnobody\n```",
        "<!-- nobody -->",
        "The toll is paid.",
        "It is for users who ask, and for an operator\nwho waits.",
    ],
)
def test_plain_english_and_code_are_accepted(text: str) -> None:
    """Code spans, addresses and fenced code are not prose."""
    assert rules_in(text, "docs/a.md") == []


def test_names_of_parameters_are_code() -> None:
    """A parameter is renamed in the code first."""
    docstring = "Add.\n\n    Args:\n        walk: The first number.\n        **told: A walk.\n    "
    assert [violation.line for violation in check_source("src/wikistate/a.py", function(docstring))] == [7]


def test_comments_are_checked_and_a_phrase_over_two_lines_is_found() -> None:
    """A hash within a string begins no comment."""
    source = 'x = "# nobody"  # the run goes on\n# It is read by\n# itself.\ny = f"{x}#"  # anew\n'
    found = sorted(check_source("tests/unit/a.py", source))
    assert [(violation.line, violation.rule) for violation in found] == [
        (1, "banned word"),
        (2, "banned word"),
        (4, "banned word"),
    ]


def test_messages_of_the_package_are_checked_and_data_of_tests_is_not() -> None:
    """Strings of the tests are input, often broken on purpose."""
    source = 'raise ValueError(f"{x} is no time")\n'
    assert rules_in(source) == ["banned word"]
    assert rules_in(source, "tests/unit/a.py") == []


def test_hash_comments_of_other_files_are_checked() -> None:
    """Values and keys are not."""
    assert rules_in("# It is made anew.\nanew: nobody\n", "examples/a.yaml") == ["banned word"]


def test_comments_of_java_are_checked() -> None:
    """Block comments and line comments."""
    source = "/**\n * The job goes\n * on.\n */\nclass A { String anew; } // by itself\n"
    assert [violation.line for violation in sorted(check_source("jvm/src/A.java", source))] == [2, 5]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("# What is kept\n", 1),
        ("# What is kept?\n", 0),
        ("# How to add a source\n", 0),
        ("The run ends. What is left waits.\n", 1),
        ("The run ends. How long does it take?\n", 0),
        ("* Who reads commits.\n", 1),
        ("| a | What is done |\n", 1),
        ("**Why.** Flink needs it.\n", 0),
        ("Where there is no topic, the run ends.\n", 0),
        ("When it ends, it commits.\n", 0),
    ],
)
def test_sentence_that_opens_with_a_question_word_is_found(text: str, count: int) -> None:
    """A real question, a how-to title and a label of one word are allowed."""
    assert rules_in(text, "docs/a.md") == ["sentence opens with a question word"] * count


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ('log.info("partition_assigned", topic=topic)', 0),
        ('self._log.warning("retry", after=1)', 0),
        ('log.info("opened" if new else "resumed")', 0),
        ('log.info("Given a partition.")', 1),
        ('log.error("given partition")', 1),
        ('_log.exception(f"lost_{topic}")', 1),
        ("logger.debug(message)", 1),
        ('math.log.info("A b.")', 1),
        ('console.error("No log at all.")', 0),
    ],
)
def test_log_event_is_an_id(call: str, count: int) -> None:
    """An id can be searched for and counted."""
    assert rules_in(f"{call}\n").count("log event is not an id") == count


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("test_what_is_kept", 1),
        ("test_who_gives_up", 1),
        ("test_a_page_that_nobody_reads", 1),
        ("test_a_run_goes_on", 1),
        ("test_an_id_that_is_none", 1),
        ("test_a_text_that_is_no_time", 1),
        ("test_position_of_unknown_partition_is_none", 0),
        ("test_there_is_no_topic", 0),
        ("test_retry_limit_turns_event_into_error_event", 0),
        ("test_whole_entity_is_imported", 0),
    ],
)
def test_name_of_a_test_states_the_fact(name: str, count: int) -> None:
    """The name is the title of a failure."""
    assert rules_in(f"def {name}() -> None:\n    assert x\n", "tests/unit/test_a.py") == ["test name"] * count


def test_violation_names_place_text_rule_and_replacement() -> None:
    """An editor can jump to the place."""
    (violation,) = check_source("docs/a.md", "\n\nIt is read anew.\n")
    assert str(violation) == "docs/a.md:3: banned word: 'It is read anew.'; use 'again'"


def test_excerpt_shows_code() -> None:
    """An author must recognise the sentence."""
    (violation,) = check_source("docs/a.md", "The `Source` of `a` is read anew.\n")
    assert violation.text == "The `Source` of `a` is read anew."


def test_each_ban_has_a_replacement() -> None:
    """A ban without a way out helps no author."""
    assert [ban.pattern.pattern for ban in BANS if not ban.instead] == []
