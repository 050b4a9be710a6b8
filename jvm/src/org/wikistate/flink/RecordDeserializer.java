package org.wikistate.flink;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * Deserializer that passes a whole Kafka record on, undecoded.
 *
 * <p>The deserializers of PyFlink pass the value alone, and drop a record without one. No record fails here: the job decides
 * whether a record is valid.
 */
public final class RecordDeserializer implements KafkaRecordDeserializationSchema<Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Row> out) {
        Long timestamp = record.timestamp() == ConsumerRecord.NO_TIMESTAMP ? null : record.timestamp();
        out.collect(
                RecordRow.of(
                        record.value(),
                        record.key(),
                        timestamp,
                        record.topic(),
                        record.partition(),
                        record.offset(),
                        0));
    }

    @Override
    public TypeInformation<Row> getProducedType() {
        return RecordRow.TYPE;
    }
}
