package org.wikistate.flink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.types.Row;

/**
 * Reader that cuts a stream at its line feeds, with a bound on the length of a line.
 *
 * <p>Of a longer line the beginning is kept, and the rest is counted without being kept. An empty line is a record with an
 * empty value. The last line may lack its line feed; no line follows a line feed at the end of the stream.
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

    /** Return the next line, or null at the end. */
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

    /** Return the position in the chunk at which the line ends: at a line feed, or at the end of the chunk. */
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
        // A new buffer, so that the memory of one very long line is released.
        kept = new ByteArrayOutputStream();
        cut = 0;
        return row;
    }
}
