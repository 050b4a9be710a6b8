package org.wikistate.flink;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.functions.source.legacy.RichSourceFunction;

/**
 * Source of the buckets of an initial state: pairs of the first key of a bucket and its packed bytes.
 *
 * <p>It reads a file that travels with the job, so that no machine of the cluster needs the lists. Behind the last bucket
 * it waits until it is cancelled: a job that has ended has no savepoint. It has no state of its own, so the savepoint holds
 * nothing that the job which starts from it does not know; a source of the newer interface always has some.
 */
@SuppressWarnings("deprecation") // as every source without state of its own
public final class BucketSource extends RichSourceFunction<Tuple2<Long, byte[]>> {
    private static final long serialVersionUID = 1L;
    private static final int BUFFER = 1024 * 1024;

    private final String file;
    private final String counter;
    private final LongCounter sent = new LongCounter();
    private final int buckets;

    private transient volatile CountDownLatch cancelled;

    /**
     * @param file the name of the file among those that travel with the job
     * @param counter the name of the accumulator that counts the buckets
     * @param buckets the number of buckets in the file
     */
    public BucketSource(String file, String counter, int buckets) {
        this.file = file;
        this.counter = counter;
        this.buckets = buckets;
    }

    @Override
    public void open(OpenContext context) {
        cancelled = new CountDownLatch(1);
        getRuntimeContext().addAccumulator(counter, sent);
    }

    @Override
    public void run(SourceContext<Tuple2<Long, byte[]>> context) throws IOException, InterruptedException {
        FileInputStream stream = new FileInputStream(getRuntimeContext().getDistributedCache().getFile(file));
        try (DataInputStream input = new DataInputStream(new BufferedInputStream(stream, BUFFER))) {
            for (int left = buckets; left > 0 && cancelled.getCount() > 0; left--) {
                long key = input.readLong();
                byte[] packed = new byte[input.readInt()];
                input.readFully(packed);
                synchronized (context.getCheckpointLock()) {
                    context.collect(Tuple2.of(key, packed));
                    sent.add(1L);
                }
            }
        }
        cancelled.await();
    }

    @Override
    public void cancel() {
        if (cancelled != null) {
            cancelled.countDown();
        }
    }
}
