package org.wikistate.flink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.types.Row;

/**
 * Cuts a stream at its line feeds, with a bound on the length of a line.
 *
 * <p>Of a longer line the beginning is kept and the rest counted, never held. An empty line is a record with an empty
 * value. The last line may lack its line feed; what follows the last line feed is no line when it is empty.
 */
final class LineReader implements StreamFormat.Reader<Row> {
    private static final int CHUNK = 64 * 1024;

    private final InputStream stream;
    private final String path;
    private final int maxRecordBytes;

    private final byte[] chunk = new byte[CHUNK];
    private int start;
    private int end;
    private long number;

    private ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private long cut;

    LineReader(InputStream stream, String path, int maxRecordBytes) {
        this.stream = stream;
        this.path = path;
        this.maxRecordBytes = maxRecordBytes;
    }

    /** The next line, or null at the end. */
    @Override
    public Row read() throws IOException {
        while (start < end || fill()) {
            int stop = nextLineFeed();
            keep(stop);
            start = stop + 1;
            if (stop < end) {
                return line();
            }
        }
        return kept.size() > 0 || cut > 0 ? line() : null;
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }

    private boolean fill() throws IOException {
        start = 0;
        end = Math.max(0, stream.read(chunk, 0, CHUNK));
        return end > 0;
    }

    /** Where in the chunk the line ends: at a line feed, or where the chunk does. */
    private int nextLineFeed() {
        int at = start;
        while (at < end && chunk[at] != '\n') {
            at++;
        }
        return at;
    }

    private void keep(int stop) {
        int room = Math.min(stop - start, maxRecordBytes - kept.size());
        kept.write(chunk, start, room);
        cut += stop - start - room;
    }

    private Row line() {
        int leftOut = (int) Math.min(cut, Integer.MAX_VALUE);
        Row row = RecordRow.of(kept.toByteArray(), null, null, path, 0, number++, leftOut);
        // A new one, so that the room of one very long line is not held for ever.
        kept = new ByteArrayOutputStream();
        cut = 0;
        return row;
    }
}
