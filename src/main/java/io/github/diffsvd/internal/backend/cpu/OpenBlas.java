package io.github.diffsvd.internal.backend.cpu;

import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;

/**
 * Who has the processor: a batch is spread over the workers while OpenBLAS itself keeps to one
 * thread, or OpenBLAS has all threads for one large matrix at a time. Its number of threads is a
 * setting of the whole process, hence the lock.
 */
final class OpenBlas {
  /**
   * Changing OpenBLAS's number of threads there and back takes about 0.6 ms; from so many
   * operations on it pays.
   */
  private static final double OPERATIONS_FOR_ALL_THREADS = 5e8;

  private static final ReadWriteLock LOCK = new ReentrantReadWriteLock();

  static {
    Loader.load(openblas.class);
    openblas.blas_set_num_threads(1);
  }

  private OpenBlas() {}

  /**
   * Calls body for ranges of the batch.
   *
   * @param operations real operations of one matrix, about
   */
  static void forBatch(Workers workers, int batch, double operations, Workers.Range body) {
    boolean feedsAllThreads = batch * 2 > workers.threads() && batch > 1;
    if (feedsAllThreads || operations < OPERATIONS_FOR_ALL_THREADS) {
      LOCK.readLock().lock();
      try {
        workers.forRanges(batch, body);
      } finally {
        LOCK.readLock().unlock();
      }
      return;
    }
    LOCK.writeLock().lock();
    openblas.blas_set_num_threads(workers.threads());
    try {
      body.run(0, 0, batch);
    } finally {
      openblas.blas_set_num_threads(1);
      LOCK.writeLock().unlock();
    }
  }
}
