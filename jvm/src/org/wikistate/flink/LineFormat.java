package org.wikistate.flink;

import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.reader.SimpleStreamFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.types.Row;

/**
 * Format of the lines of one file as records: the bytes between line feeds, in any encoding.
 *
 * <p>The record's topic is the file's path, its partition 0, its offset the number of the line, from 0. A file is never
 * split, and is read again from its beginning after a restart, so the numbers stay the same. Flink chooses a
 * decompression by the name of the file, before this format reads it.
 */
public final class LineFormat extends SimpleStreamFormat<Row> {
    private static final long serialVersionUID = 1L;

    private final String path;
    private final int maxRecordBytes;

    /**
     * @param path the topic of the records
     * @param maxRecordBytes the number of bytes of a line that are kept
     */
    public LineFormat(String path, int maxRecordBytes) {
        this.path = Objects.requireNonNull(path, "path");
        this.maxRecordBytes = maxRecordBytes;
    }

    @Override
    public Reader<Row> createReader(Configuration configuration, FSDataInputStream stream) {
        return new LineReader(stream, path, maxRecordBytes);
    }

    @Override
    public TypeInformation<Row> getProducedType() {
        return RecordRow.TYPE;
    }
}
