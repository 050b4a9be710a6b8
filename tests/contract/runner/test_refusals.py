"""Events that a topic refuses under every runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it exports these without `__all__`
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from wikistate.core.events.encoder import TOO_LARGE
from wikistate.streaming.record import Role

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment

_SMALL = "400"
"""Bytes: less than an event of any job needs after compression."""


def test_event_above_the_limit_of_its_topic_becomes_an_error_event(stopped: Deployment) -> None:
    """Its message names the topic, and a restart with a higher limit writes later events."""
    (refused,) = stopped.new_changes()
    stopped.failed_changes.add(refused)
    with stopped.outputs() as outputs:
        _set_limit(stopped, _SMALL)
        stopped.start()
        stopped.write([refused])
        stopped.wait_until(lambda: refused in outputs.changes(Role.ERROR))
        stopped.stop()
        events = [orjson.loads(seen.record.value or b"") for seen in outputs.read() if seen.change == refused]
    assert {event["error_type"] for event in events} == {TOO_LARGE}
    assert all(stopped.sink in event["message"] and "accepts 400 bytes" in event["message"] for event in events)
    assert len(events) == 1
    _set_limit(stopped, "20000000")
    stopped.start()
    (later,) = stopped.new_changes()
    with stopped.outputs() as outputs:
        stopped.write([later])
        stopped.wait_until(lambda: later in outputs.changes())


def _set_limit(deployment: Deployment, size: str) -> None:
    admin = AdminClient({"bootstrap.servers": deployment.broker.bootstrap_servers})
    entry = ConfigEntry("max.message.bytes", size, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, deployment.sink, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)
