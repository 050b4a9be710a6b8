package org.wikistate.flink;

import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.SerializableTimestampAssigner;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.types.Row;

/**
 * Reader of the event time of a record, for the watermark of its partition.
 *
 * <p>It must be known in the source: only there Flink keeps one watermark for each partition, so that a partition that is
 * read faster than another one does not make the events of that one late. A record whose time cannot be read does not advance
 * event time; the job decides what else the record is worth.
 */
public final class EventTimes implements SerializableTimestampAssigner<Row> {
    private static final long serialVersionUID = 1L;
    private static final JsonFactory JSON = new JsonFactory();

    /** The timestamp of a record that states no time: no watermark is behind it. */
    private static final long NO_TIME = Long.MIN_VALUE;

    private final HashMap<String, String> fields;
    private final long clockSkew;

    /**
     * @param fields the field of the time, {@code dt} or {@code meta.dt}, by the title of the schema
     * @param clockSkew milliseconds by which an event may be in the future; one further ahead counts as an event of now
     */
    public EventTimes(Map<String, String> fields, long clockSkew) {
        this.fields = new HashMap<>(fields);
        this.clockSkew = clockSkew;
    }

    /**
     * Return the strategy of a source.
     *
     * @param lateness milliseconds by which the events of a partition may be out of order
     * @param idleness milliseconds after which a quiet partition no longer holds event time back
     */
    public WatermarkStrategy<Row> strategy(long lateness, long idleness) {
        return WatermarkStrategy.<Row>forBoundedOutOfOrderness(Duration.ofMillis(lateness))
                .withTimestampAssigner(this)
                .withIdleness(Duration.ofMillis(idleness));
    }

    @Override
    public long extractTimestamp(Row record, long kafkaTimestamp) {
        byte[] value = record.getFieldAs(0);
        if (value == null) {
            return NO_TIME;
        }
        long time = read(value);
        long now = System.currentTimeMillis();
        return time > now + clockSkew ? now : time;
    }

    /** Return the event time in a record, milliseconds since the epoch. */
    long read(byte[] value) {
        String schema = null;
        String dt = null;
        String metaDt = null;
        try (JsonParser parser = JSON.createParser(value)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return NO_TIME;
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken token = parser.nextToken();
                if (name.equals("$schema")) {
                    schema = text(parser, token);
                } else if (name.equals("dt")) {
                    dt = text(parser, token);
                } else if (name.equals("meta") && token == JsonToken.START_OBJECT) {
                    metaDt = readMeta(parser);
                    continue;
                }
                parser.skipChildren();
            }
        } catch (IOException malformed) {
            return NO_TIME;
        }
        String field = schema == null ? null : fields.get(title(schema));
        return field == null ? NO_TIME : parse(field.equals("dt") ? dt : metaDt);
    }

    private static String readMeta(JsonParser parser) throws IOException {
        String dt = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken token = parser.nextToken();
            if (name.equals("dt")) {
                dt = text(parser, token);
            }
            parser.skipChildren();
        }
        return dt;
    }

    private static String text(JsonParser parser, JsonToken token) throws IOException {
        return token == JsonToken.VALUE_STRING ? parser.getText() : null;
    }

    private static String title(String schema) {
        String path = schema.startsWith("/") ? schema.substring(1) : schema;
        int end = path.lastIndexOf('/');
        return end < 0 ? "" : path.substring(0, end);
    }

    private static long parse(String text) {
        if (text == null) {
            return NO_TIME;
        }
        try {
            return OffsetDateTime.parse(text).toInstant().toEpochMilli();
        } catch (DateTimeException | ArithmeticException malformed) {
            return NO_TIME;
        }
    }
}
