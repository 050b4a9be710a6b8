from __future__ import annotations

import pytest
from pyoxigraph import NamedNode, Triple
from tests.unit.core.rdf.turtle import WIKIDATA, triples

from wikistate.core.rdf.bundled import bundled_names, read_bundled_subgraphs
from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.subgraphs import Subgraphs
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, ReconcileItem
from wikistate.core.updater.subgraph_mutations import build_mutations
from wikistate.errors import ConfigError

ORIGIN = Origin("/schema/1.0.0", "2024-01-01T00:00:00Z", "id", "www.wikidata.org", "stream", "request")
ENTITY = NamedNode("http://www.wikidata.org/entity/Q1")
NOTHING: frozenset[Triple] = frozenset()

IMPORT = FullImport("Q1", 1, 7, 2, ORIGIN)
EDIT = Diff("Q1", 1, 7, 2, ORIGIN, from_revision=6)
RECONCILE = ReconcileItem("Q1", 1, 7, 2, ORIGIN)
DELETE = DeleteItem("Q1", 1, 7, 2, ORIGIN)


def definitions(*subgraphs: str) -> Subgraphs:
    """Return definitions of these subgraphs and of the whole graph."""
    listed = "\n".join(f"  - {{{each}}}" for each in [*subgraphs, "name: full, stream: full, default: pass"])
    prefixes = (
        "prefixes: {wd: http://www.wikidata.org/entity/, wdt: http://www.wikidata.org/prop/direct/, g: http://x/}"
    )
    return Subgraphs.parse(f"{prefixes}\nsubgraphs:\n{listed}")


def subgraph(name: str, default: str, *rules: str, source: str = "true") -> str:
    """Return the definition of one subgraph, whose stream has its name."""
    listed = ", ".join(f'"{rule}"' for rule in rules)
    return f"name: {name}, stream: {name}, subgraph_uri: 'g:{name}', default: {default}, rules: [{listed}], stubs_source: {source}"


ONE = subgraph("one", "block", "pass ?entity wdt:P31 wd:Q10")
TWO = subgraph("two", "pass", "block ?entity wdt:P31 wd:Q10")
TWO_NARROW = subgraph("two", "pass", "block ?entity wdt:P31 wd:Q10", "block ?entity wdt:P31 wd:Q12")
THREE = subgraph("three", "block", "pass ?entity wdt:P31 wd:Q11")
THREE_NO_SOURCE = subgraph("three", "block", "pass ?entity wdt:P31 wd:Q11", source="false")
SPLITS = {
    "3": definitions(ONE, TWO),
    "4": definitions(ONE, TWO, THREE),
    "mixed": definitions(ONE, TWO_NARROW, THREE_NO_SOURCE),
}


def entity(types: str) -> frozenset[Triple]:
    """Return an entity that is an instance of these types, separated by spaces, and has a shared value."""
    instances = "".join(f"wd:Q1 wdt:P31 wd:{each} . " for each in types.split())
    return frozenset(
        triples(f"{instances} wd:Q1 wdt:P1 '{types}' . v:{types.replace(' ', '')} wikibase:timePrecision 9 .")
    )


def stubs(*names: str) -> frozenset[Triple]:
    """Return the stubs that name the subgraphs of the entity."""
    return frozenset(triples("".join(f"wd:Q1 wikibaseqs:subgraph <http://x/{name}> . " for name in names)))


def outcome(
    split: str, operation: FullImport | Diff | DeleteItem | ReconcileItem, before: str, after: str
) -> list[str]:
    """Return the mutations in words: stream, operation, and kind of patch."""
    states = entity(before), entity(after)
    known = {
        Patch(): "nothing",
        diff(*states, WIKIDATA): "diff",
        diff(NOTHING, states[1], WIKIDATA): "all",
        Patch(added=states[1]): "all in one",
    }
    for names in (["one"], ["two"], ["three"], ["one", "three"], ["one", "two"]):
        known[Patch(linked=stubs(*names))] = f"stubs to {' '.join(names)}"
        known[Patch(added=stubs(*names))] = f"stubs to {' '.join(names)} in one"
    found = build_mutations(operation, *states, WIKIDATA, SPLITS[split])
    return [f"{each.stream}: {each.operation} {known[each.patch]}" for each in found]


IMPORTS = [("3", "Q10", ["one: import all", "full: import all", "two: import stubs to one"])]
DIFFS = [
    ("3", "Q10", "Q10 Q5", ["one: diff diff", "full: diff diff"]),
    (
        "3", "Q10", "Q11",
        ["full: diff diff", "one: delete nothing", "two: delete nothing", "two: diff all", "one: diff stubs to two"],
    ),
    (
        "4", "Q11", "Q10 Q11",
        [
            "three: diff diff", "full: diff diff", "two: delete nothing", "one: delete nothing", "one: diff all",
            "two: diff stubs to one three",
        ],
    ),
    (
        "4", "Q10 Q11", "Q10",
        [
            "one: diff diff", "full: diff diff", "three: delete nothing", "two: delete nothing",
            "three: diff stubs to one", "two: diff stubs to one",
        ],
    ),
    (
        "mixed", "Q10", "Q11 Q12",
        ["full: diff diff", "one: delete nothing", "two: delete nothing", "three: delete nothing", "three: diff all"],
    ),
    (
        "mixed", "Q10 Q11", "Q10",
        ["one: diff diff", "full: diff diff", "three: delete nothing", "three: diff stubs to one", "two: diff stubs to one"],
    ),
    ("mixed", "Q11 Q12", "Q11 Q12 Q5", ["three: diff diff", "full: diff diff"]),
]  # fmt: skip
RECONCILIATIONS = [
    (
        "mixed", "Q10 Q11",
        [
            "one: reconcile all in one", "three: reconcile all in one", "full: reconcile all in one",
            "two: reconcile stubs to one in one",
        ],
    ),
    (
        "mixed", "Q11 Q12",
        ["three: reconcile all in one", "full: reconcile all in one", "one: delete nothing", "two: delete nothing"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("split", "after", "expected"), IMPORTS)
def test_import_goes_to_its_subgraphs_and_stubs_go_to_the_others(split: str, after: str, expected: list[str]) -> None:
    """The entity goes to its subgraphs, and stubs go to the others."""
    assert outcome(split, IMPORT, "", after) == expected


@pytest.mark.parametrize(("split", "before", "after", "expected"), DIFFS)
def test_diff_moves_an_entity_between_subgraphs(split: str, before: str, after: str, expected: list[str]) -> None:
    """A subgraph that keeps the entity gets the diff.

    A subgraph that loses it deletes it, and a new one deletes its stubs and imports it. Only an edit that moves the entity
    emits stubs.
    """
    assert outcome(split, EDIT, before, after) == expected


@pytest.mark.parametrize(("split", "after", "expected"), RECONCILIATIONS)
def test_reconciliation_goes_to_its_subgraphs_and_clears_the_others(
    split: str, after: str, expected: list[str]
) -> None:
    """All triples, including shared ones, are in one part; elsewhere stubs or nothing replace the entity."""
    assert outcome(split, RECONCILE, "", after) == expected


def test_deletion_goes_to_every_subgraph() -> None:
    """The former subgraphs of the entity are not known."""
    assert outcome("4", DELETE, "Q10", "") == [f"{name}: delete nothing" for name in ("one", "two", "three", "full")]


def test_graph_without_subgraphs_has_one_stream() -> None:
    """Without definitions everything goes to one stream, with the ids and times of the operation."""
    after = entity("Q10")
    (found,) = build_mutations(IMPORT, NOTHING, after, WIKIDATA, Subgraphs.unsplit("mutation"))
    assert found == ("import", "Q1", 7, 1, 2, ORIGIN, "mutation", diff(NOTHING, after, WIKIDATA))


def test_whole_graph_may_be_partial() -> None:
    """Rules of the graph without URI apply like others: an entity leaves and enters it, without stubs."""
    partial = Subgraphs.parse(
        "prefixes: {wd: http://www.wikidata.org/entity/, wdt: http://www.wikidata.org/prop/direct/}\n"
        "subgraphs: [{name: a, stream: a, default: block, rules: ['pass ?entity wdt:P31 wd:Q10']}]"
    )

    def operations(before: str, after: str) -> list[str]:
        return [each.operation for each in build_mutations(EDIT, entity(before), entity(after), WIKIDATA, partial)]

    assert operations("Q10", "Q11") == ["delete"]
    assert operations("Q11", "Q10") == ["delete", "diff"]
    assert operations("Q11", "Q12") == []


RULES = {
    "pass ?entity wdt:P31 wd:Q10": True,
    "pass wd:Q1 wdt:P31 wd:Q10": True,
    "pass <http://www.wikidata.org/entity/Q1> <http://www.wikidata.org/prop/direct/P31> wd:Q10": True,
    "pass [] wdt:P31 []": True,
    "pass ?entity wdt:P1 []": True,
    "pass ?entity wdt:P31 ?several": True,
    "pass ?several wdt:P5 []": True,
    "pass  ?entity\twdt:P31   wd:Q10": True,
    "pass ?entity wdt:P31 wd:Q11": False,
    "pass ?entity wdt:P5 []": False,
    "pass wd:Q10 wdt:P31 ?entity": False,
    "pass [] wdt:P31 ?entity": False,
    "block [] wdt:P31 []": False,
}


@pytest.mark.parametrize("rule", RULES)
def test_rule_matches_triples(rule: str) -> None:
    """A rule matches a triple in all three places; its open places match literals, too."""
    subgraphs = Subgraphs.parse(
        "prefixes: {wd: http://www.wikidata.org/entity/, wdt: http://www.wikidata.org/prop/direct/}\n"
        "bindings: {several: [wd:Q9, wd:Q10]}\n"
        f"subgraphs: [{{name: a, stream: a, default: block, rules: ['{rule}']}}]"
    )
    found = frozenset(triples("wd:Q1 wdt:P31 wd:Q10 ; wdt:P1 'a' . wd:Q9 wdt:P5 1 ."))
    assert bool(subgraphs.assign(found, ENTITY)) == RULES[rule]


def test_first_rule_that_matches_decides() -> None:
    """Later rules and the default are not evaluated."""
    read = "subgraphs: [{{name: a, stream: a, default: {}, rules: ['{} [] <p:a> []', '{} [] <p:b> []', '{} [] <p:a> []']}}]"
    found = frozenset(triples("wd:Q1 <p:a> 1 ."))
    assert Subgraphs.parse(read.format("block", "pass", "block", "block")).assign(found, ENTITY)
    assert not Subgraphs.parse(read.format("pass", "block", "pass", "pass")).assign(found, ENTITY)


def test_bundled_definitions_split_wikidata() -> None:
    """The subgraphs are articles by their type or by P13046, everything else, and the whole graph."""
    subgraphs = Subgraphs.parse(read_bundled_subgraphs("wdqs-subgraph-definitions-v2"))

    def names(text: str) -> list[str]:
        return [each.name for each in subgraphs.assign(frozenset(triples(text)), ENTITY)]

    assert names("wd:Q1 wdt:P31 wd:Q13442814 .") == ["scholarly_articles", "wikidata_full"]
    assert names("wd:Q1 wdt:P13046 wd:Q1 .") == ["scholarly_articles", "wikidata_full"]
    assert names("wd:Q1 wdt:P31 wd:Q5 .") == ["wikidata_main", "wikidata_full"]
    assert names("wd:Q2 wdt:P31 wd:Q13442814 .") == ["wikidata_main", "wikidata_full"]
    assert [each.uri and each.uri.value for each in subgraphs.definitions] == [
        "https://query.wikidata.org/subgraph/scholarly_articles",
        "https://query.wikidata.org/subgraph/wikidata_main",
        None,
    ]
    assert [each.is_stub_source for each in subgraphs.definitions] == [True, True, False]


def test_unknown_bundled_name_is_rejected_with_the_known_names() -> None:
    """The message of an unknown name lists the known ones."""
    with pytest.raises(ConfigError, match=bundled_names()[0]):
        read_bundled_subgraphs("../../mutation")


WRONG = {
    "subgraphs: [": ("the document", "not YAML"),
    "[]": ("the document", "found list"),
    "prefixes: {}": ("subgraphs", "found nothing"),
    "subgraphs: []": ("subgraphs", "at least one"),
    "rules: []\nsubgraphs: [{name: a, stream: a, default: pass}]": ("the document", "'rules' is not known"),
    "subgraphs: [{name: a, stream: a, default: pass, stub: true}]": ("subgraphs[0]", "'stub' is not known"),
    "subgraphs: [{name: a, default: pass}]": ("subgraphs[0].stream", "found nothing"),
    "subgraphs: [{name: a, stream: a}]": ("subgraphs[0].default", "pass or block"),
    "subgraphs: [{name: a, stream: a, default: [pass]}]": ("subgraphs[0].default", "pass or block"),
    "subgraphs: [{name: a, stream: a, default: pass, stubs_source: 1}]": ("subgraphs[0].stubs_source", "true or false"),
    "subgraphs: [{name: a, stream: a, default: pass, rules: pass}]": ("subgraphs[0].rules", "List rules"),
    "subgraphs: [{name: a, stream: a, default: pass, subgraph_uri: 'x:y'}]": ("subgraphs[0].subgraph_uri", "'x' is not declared"),
    "subgraphs: [{name: a, stream: a, default: pass, subgraph_uri: '<p:a>'}]": ("subgraphs", "exactly one"),
    "subgraphs: [{name: a, stream: a, default: pass}, {name: b, stream: b, default: pass}]": ("subgraphs", "exactly one"),
    "subgraphs: [{name: a, stream: a, default: pass}, {name: a, stream: b, default: pass, subgraph_uri: '<p:a>'}]": ("subgraphs", "name a occurs twice"),
    "prefixes: {a_b: 'http://x/'}\nsubgraphs: []": ("prefixes", "letters and digits"),
    "bindings: {entity: []}\nsubgraphs: []": ("bindings.entity", "the name is reserved"),
    "bindings: {wildcard: []}\nsubgraphs: []": ("bindings.wildcard", "the name is reserved"),
    "bindings: {a: '<p:a>'}\nsubgraphs: []": ("bindings.a", "List IRIs"),
    "bindings: {a: ['<p:[>']}\nsubgraphs: []": ("bindings.a", "not an absolute IRI"),
    "prefixes: {x: /y/}\nbindings: {a: ['x:z']}\nsubgraphs: []": ("bindings.a", "not an absolute IRI"),
    "prefixes: {x: 'http://['}\nsubgraphs: [{name: a, stream: a, default: pass, subgraph_uri: 'x:y'}]": ("subgraphs[0].subgraph_uri", "not an absolute IRI"),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_invalid_definitions_are_rejected(text: str) -> None:
    """The message has the place, the value found there and the allowed values."""
    key, message = WRONG[text]
    with pytest.raises(ConfigError, match=message) as raised:
        Subgraphs.parse(text)
    assert raised.value.ids == {"key": key}
    assert raised.value.hint


@pytest.mark.parametrize(
    "rule",
    [
        "pass ?entity <p:a>",
        "allow ?entity <p:a> []",
        "pass ?entity [] []",
        "pass ?entity ?entity []",
        "pass ?entity <p:a> ?unknown",
        "pass ?entity <p:a> literal",
        'pass ?entity <p:a> "literal"',
        "pass ?entity <relative> []",
        "pass ?entity <p:a> <p:a>b",
        "pass ?entity un:known []",
    ],
)
def test_invalid_rules_are_rejected(rule: str) -> None:
    """An invalid rule is rejected with its place."""
    with pytest.raises(ConfigError) as raised:
        Subgraphs.parse(f"subgraphs: [{{name: a, stream: a, default: pass, rules: ['pass [] <p:a> []', '{rule}']}}]")
    assert raised.value.ids == {"key": "subgraphs[0].rules[1]"}
