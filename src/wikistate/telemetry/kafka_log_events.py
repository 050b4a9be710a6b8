"""The log events of the Kafka connector; `wikistate.telemetry.log_events` lists all events."""

from __future__ import annotations

from wikistate.telemetry.log_event import LogEvent

KAFKA = (
    LogEvent(
        "partition_assigned",
        "info",
        "Partition {partition} of {topic} assigned, from offset {offset}.",
        "The consumer reads the partition. The offset `earliest` is the oldest record that the topic still holds.",
        ("topic", "partition", "offset"),
    ),
    LogEvent(
        "start_ignored",
        "info",
        "{reader} resumes at {position}; {start} applies to {remedy}.",
        "A stored position takes precedence over a start in the settings: `start=earliest` of Kafka, `since` of streams and "
        "recent changes. `position` is an offset, a list of partitions with their offsets, or a time.",
        ("reader", "position", "start", "remedy"),
    ),
    LogEvent(
        "group_begins_at_end",
        "info",
        "The group {group} is new and begins at the end of the topic, {position}; for the existing records add "
        "start=earliest and group=NEW.",
        "The consumer group has no committed offsets, and `offsets_initializer` is `committed` or `latest`. Its offsets are "
        "committed now, so that `earliest` has no effect for it later.",
        ("group", "position"),
    ),
    LogEvent(
        "partition_revoked",
        "info",
        "Partition {partition} of {topic} revoked.",
        "Another member of the consumer group reads the partition from now on, or the job stops.",
        ("topic", "partition"),
    ),
    LogEvent(
        "partitions_paused",
        "info",
        "No room for more records; the partitions are paused.",
        "Back-pressure: wikis or sinks are slower than the topic. Reading resumes automatically. To hold more events, "
        "raise `local.max_in_flight_events`.",
    ),
    LogEvent(
        "offset_out_of_range",
        "error",
        "Offset {offset} of partition {partition} of {topic} no longer exists; reading resumes at the oldest record.",
        "Retention deleted records before the job read them. Replay them from another copy, and raise the retention of "
        "the topic or the capacity of the job.",
        ("topic", "partition", "offset", "hint"),
    ),
    LogEvent(
        "commit_rejected",
        "warning",
        "Consumer group is rebalancing; a commit was rejected.",
        "The next owner of the partition starts at the previous commit, so some events are processed twice. Frequent "
        "rebalances need a longer `max.poll.interval.ms` or `session.timeout.ms`.",
        ("reason",),
    ),
    LogEvent(
        "kafka_transient_error",
        "warning",
        "Transient Kafka error; retrying.",
        "The consumer reports an error that passes without intervention. Act only if it lasts.",
        ("reason",),
    ),
    LogEvent(
        "kafka_unavailable",
        "warning",
        "Kafka is unavailable; waiting for a broker.",
        "No broker answers `client`. It retries without limit; check the brokers, the network and the credentials.",
        ("client", "reason"),
    ),
    LogEvent(
        "start_waits",
        "info",
        "Waiting for {what}: {left} s left.",
        "A server has not answered for two seconds while a run starts. The line is repeated until it answers, or until the "
        "time is over and the run ends. Check the address and the network.",
        ("what", "left"),
    ),
    LogEvent("kafka_available", "info", "Kafka is available again.", "A broker answers `client` again.", ("client",)),
    LogEvent(
        "kafka_client_cut_off",
        "warning",
        "The Kafka client {client} is cut off from brokers that respond; a new client takes its place.",
        "The client received an empty list of brokers from a broker that was starting, and does not connect again. The "
        "run resumes at its last commit with a new client.",
        ("client",),
    ),
    LogEvent(
        "kafka_property_ignored",
        "info",
        "The Kafka property {key} has no effect.",
        "The property is valid for another client, or wikistate sets it. Remove it from the configuration.",
        ("key", "reason"),
    ),
    LogEvent(
        "kafka_client_message",
        "debug",
        "Message of the Kafka client {client}.",
        "A log line of the client library. `severity` is its level there.",
        ("client", "severity", "line"),
    ),
    LogEvent(
        "transaction_abort_failed",
        "warning",
        "An open transaction could not be aborted at the end; the broker aborts it after its timeout.",
        "The brokers are away, or rejected the transaction. Consumers that read committed records wait for the "
        "end of the transaction.",
        ("reason",),
    ),
    LogEvent(
        "messages_not_delivered",
        "warning",
        "{messages} messages were not delivered to Kafka before the stop.",
        "Their events were not committed, so the next run processes them again.",
        ("messages",),
    ),
    LogEvent(
        "topic_limit_unknown",
        "info",
        "The largest batch that the topic {topic} accepts is unknown.",
        "The topic has refused a record because of its size, and this client may not read the settings of the topic. From "
        "then on each record is written in a batch of its own, which is slower. Grant DESCRIBE_CONFIGS on the topic. On Flink "
        "also at the start, where a refused record would end the job: `max.message.bytes` must be at least "
        "`max.request.size`.",
        ("topic", "reason"),
    ),
    LogEvent("topic_created", "info", "Topic {topic} created.", "`--create-topics` created it.", ("topic",)),
    LogEvent(
        "topic_exists",
        "info",
        "Topic {topic} exists and stays unchanged.",
        "`--create-topics` changes neither partitions nor settings of a topic that exists.",
        ("topic",),
    ),
)
