"""A rule of a job is changed in one place, and changes the behaviour of every runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.streaming.record import Role
from wikistate.testing.faults import HttpStatus

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki


@pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE"], indirect=True)
def test_changed_rule_changes_every_runner(running: Deployment, wiki: RestartableWiki) -> None:
    """Three attempts instead of a thousand: a refused revision is an error event after exactly three requests."""
    well, refused = running.new_changes(pages=2)
    wiki.set_faults(running.case.rule(HttpStatus(500), [refused]))
    before = wiki.stats()["answers"].get("500", 0)
    with running.outputs() as outputs:
        running.write([well])
        running.wait_until(lambda: outputs.changes() == [well])
        running.stop()
        running.start(enrich__retry__max_attempts=3)
        running.write([refused])
        running.failed_changes.add(refused)
        running.wait_until(lambda: outputs.changes(Role.ERROR) == [refused])
    assert wiki.stats()["answers"]["500"] - before == 3
    running.stop()
