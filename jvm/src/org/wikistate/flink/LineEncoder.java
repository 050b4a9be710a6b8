package org.wikistate.flink;

import java.io.IOException;
import java.io.OutputStream;
import org.apache.flink.api.common.serialization.Encoder;
import org.apache.flink.types.Row;

/** Encoder of the {@code value} of an output ({@code wikistate.streaming.record.Output} as a row) as a line. */
public final class LineEncoder implements Encoder<Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public void encode(Row output, OutputStream stream) throws IOException {
        byte[] value = output.getFieldAs("value");
        stream.write(value);
        stream.write('\n');
    }
}
