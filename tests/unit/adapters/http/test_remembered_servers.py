"""Records of the process that are keyed by names from outside have a bound."""

from __future__ import annotations

from wikistate.adapters.http.outages import MAX_NAMES, Outages
from wikistate.adapters.http.server_answers import MAX_SERVERS, ServerAnswers
from wikistate.adapters.mediawiki.farm import Farm
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.core.enrichment.circuit_breaker import BreakerSettings
from wikistate.core.enrichment.failures import FailureKind

INVENTED = [f"w{number}.wikipedia.org" for number in range(3 * MAX_SERVERS)]


def test_servers_are_bounded() -> None:
    """Servers that answer, and servers that do not; the newest are remembered."""
    answers = ServerAnswers(clock=lambda: 1.0)
    for name in INVENTED:
        with answers.await_answer(f"{name}:1") as note:
            note(200)
        with answers.await_answer(f"{name}:2"):
            pass
    assert len(answers._well) == len(answers._awaited) == MAX_SERVERS
    assert answers.are_awaited
    assert answers.count == len(INVENTED)


def test_outages_are_bounded() -> None:
    """Each kind for itself, and the end of an outage makes room."""
    outages = Outages()
    for name in INVENTED:
        outages.begin("wiki", name)
    assert outages.counts() == {"wiki": MAX_NAMES}
    outages.begin("store", "s")
    outages.end("wiki", INVENTED[0])
    assert outages.counts() == {"wiki": MAX_NAMES - 1, "store": 1}


def test_circuit_breakers_are_bounded() -> None:
    """Also if each of them is open."""
    farm = Farm("wikimedia", FarmSettings(max_concurrency=1), BreakerSettings())
    for name in INVENTED:
        breaker = farm.breaker_of(name)
        for subject in range(100):
            breaker.failed(FailureKind.CLIENT_ERROR, [(name, subject)], now=0.0, jitter=0.0)
            if breaker.is_open:
                break
        assert breaker.is_open
    assert len(farm._breakers) <= MAX_NAMES
    assert farm.breaker_of(INVENTED[-1]).is_open
