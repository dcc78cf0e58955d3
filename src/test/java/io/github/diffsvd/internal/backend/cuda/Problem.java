package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.SplittableRandom;

/** A plan, a random A, and everything else that it reads and writes, full of NaN. */
public final class Problem implements AutoCloseable {
  private final Deque<Runnable> closers = new ArrayDeque<>();
  private final Device device;

  public final SvdPlan plan;
  public final OwnedMatrixBatch a;
  public final SvdFactors factors;
  public final SvdInfo info;
  public final OwnedMatrixBatch gu;
  public final OwnedMatrixBatch gv;
  public final OwnedMatrixBatch gradient;

  public Problem(
      Device device, DataType type, int batch, int rows, int columns, SvdAlgorithm algorithm) {
    this.device = device;
    int k = Math.min(rows, columns);
    try {
      SvdOptions options = SvdOptions.defaults().withAlgorithm(algorithm);
      plan = SvdPlan.create(device, new BatchShape(type, batch, rows, columns), options);
      closers.push(plan::close);
      a = allocate(type, batch, rows, columns);
      factors =
          new SvdFactors(
              allocate(type, batch, rows, k),
              allocate(type.real(), batch, k, 1),
              allocate(type, batch, columns, k));
      gu = allocate(type, batch, rows, k);
      gv = allocate(type, batch, columns, k);
      gradient = allocate(type, batch, rows, columns);
      info = device.allocateInfo(batch);
      closers.push(info::close);
      int parts = type.isComplex() ? 2 : 1;
      device.write(a, new SplittableRandom(1).doubles(a.size() * parts, -1, 1).toArray());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private OwnedMatrixBatch allocate(DataType type, int batch, int rows, int columns) {
    OwnedMatrixBatch matrix = device.allocate(new BatchShape(type, batch, rows, columns));
    closers.push(matrix::close);
    ByteBuffer poison = ByteBuffer.allocateDirect(Math.toIntExact(matrix.size() * type.bytes()));
    while (poison.hasRemaining()) {
      poison.put((byte) -1);
    }
    device.write(matrix, poison.flip());
    return matrix;
  }

  public void forward(long stream) {
    plan.forward(a, factors, info, stream);
  }

  /** Of the loss whose cotangents are the factors themselves. */
  public void backward(long stream) {
    plan.backward(
        factors, new SvdCotangents(factors.u(), factors.s(), factors.v()), gradient, stream);
  }

  public void run(long stream) {
    forward(stream);
    backward(stream);
  }

  @Override
  public void close() {
    closers.forEach(Runnable::run);
  }
}
