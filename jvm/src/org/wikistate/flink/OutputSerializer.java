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
 * Writes an output ({@code wikistate.core.record.Output}, a row with the fields {@code role}, {@code key}, {@code
 * value} and {@code timestamp}) to one topic.
 *
 * <p>The timestamp of the Kafka record is the output's own; the one that Flink knows is the input record's. An output
 * without one is stamped by the producer. The key decides the partition by the Kafka client's default rule.
 *
 * <p>Its topic is told to whoever asks for it, because the sink's transaction naming strategy POOLING starts for a
 * known list of topics only.
 */
public final class OutputSerializer implements KafkaRecordSerializationSchema<Row>, KafkaDatasetFacetProvider {
    private static final long serialVersionUID = 1L;

    private final String topic;

    /**
     * @param topic where every output goes
     */
    public OutputSerializer(String topic) {
        this.topic = Objects.requireNonNull(topic, "topic");
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Row output, KafkaSinkContext context, Long flinkTimestamp) {
        byte[] key = output.getFieldAs("key");
        byte[] value = output.getFieldAs("value");
        Long timestamp = output.getFieldAs("timestamp");
        return new ProducerRecord<>(topic, null, timestamp, key, value);
    }

    @Override
    public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
        return Optional.of(new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(List.of(topic))));
    }
}
