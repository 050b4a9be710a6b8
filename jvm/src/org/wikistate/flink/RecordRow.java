package org.wikistate.flink;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.types.Row;

/**
 * Record of a source as the job reads it: {@code wikistate.streaming.record.Record} as a row, field by field.
 *
 * <p>A record without a value (a tombstone of a compacted topic), a key or a timestamp has null in its place.
 */
final class RecordRow {
    /** The type of the row; the Python side names the same fields in the same order. */
    static final TypeInformation<Row> TYPE =
            Types.ROW_NAMED(
                    new String[] {"value", "key", "timestamp", "topic", "partition", "offset", "cut"},
                    Types.PRIMITIVE_ARRAY(Types.BYTE),
                    Types.PRIMITIVE_ARRAY(Types.BYTE),
                    Types.LONG,
                    Types.STRING,
                    Types.INT,
                    Types.LONG,
                    Types.INT);

    private RecordRow() {}

    /**
     * Return a record as a row.
     *
     * @param value the payload, null for a tombstone
     * @param key the key, null without one
     * @param timestamp milliseconds since the epoch, null without one
     * @param topic the topic, or the path of a file
     * @param partition the number of the partition; 0 for a file
     * @param offset the position in the partition; of a file, the number of the line, from 0
     * @param cut the number of bytes by which a too long value was truncated
     */
    static Row of(byte[] value, byte[] key, Long timestamp, String topic, int partition, long offset, int cut) {
        return Row.of(value, key, timestamp, topic, partition, offset, cut);
    }
}
