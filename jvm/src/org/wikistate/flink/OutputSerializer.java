package org.wikistate.flink;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.types.Row;

/**
 * Serializer of an output ({@code wikistate.streaming.record.Output}, a row with the fields {@code role}, {@code key},
 * {@code value} and {@code timestamp}) for one topic.
 *
 * <p>The timestamp of the Kafka record is that of the output; the timestamp that Flink passes is that of the input record.
 * The producer stamps an output without a timestamp. The key selects the partition by the default rule of the client.
 *
 * <p>The facet returns the topic, because the sink's transaction naming strategy POOLING starts for a known list of
 * topics only.
 */
public final class OutputSerializer implements KafkaRecordSerializationSchema<Row>, KafkaDatasetFacetProvider {
    private static final long serialVersionUID = 1L;

    private final String topic;
    private final Integer partition;

    /**
     * @param topic the topic of all outputs
     */
    public OutputSerializer(String topic) {
        this(topic, -1);
    }

    /**
     * @param topic the topic of all outputs
     * @param partition the partition of all outputs if their order matters; -1 for the partition of the key
     */
    public OutputSerializer(String topic, int partition) {
        this.topic = Objects.requireNonNull(topic, "topic");
        this.partition = partition < 0 ? null : partition;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Row output, KafkaSinkContext context, Long flinkTimestamp) {
        byte[] key = output.getFieldAs("key");
        byte[] value = output.getFieldAs("value");
        Long timestamp = output.getFieldAs("timestamp");
        return new ProducerRecord<>(topic, partition, timestamp, key, value);
    }

    @Override
    public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
        return Optional.of(new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(List.of(topic))));
    }
}
