package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdFactors;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.api.java.JavaRDD;

/**
 * Data-parallel training through SVDs: the threshold τ that takes the noise off low-rank matrices
 * is learnt by gradient descent on the mean of ½ ‖soft(A, τ) − clean‖² over all of them, each block
 * of which lies in some partition. A step is one treeAggregate.
 */
final class Training {
  static final int ROWS = 8;
  static final int COLUMNS = 8;

  private Training() {}

  /** Matrices of one task at a time, row by row. */
  record Block(double[] noisy, double[] clean) implements Serializable {
    int count() {
      return noisy.length / (ROWS * COLUMNS);
    }
  }

  /** What blocks add up to. */
  record Sum(double loss, double slope, int count) implements Serializable {
    static final Sum ZERO = new Sum(0, 0, 0);

    Sum plus(Sum other) {
      return new Sum(loss + other.loss, slope + other.slope, count + other.count);
    }
  }

  /** Matrices of rank 2, and noise. */
  static List<Block> blocks(int blocks, int count, long seed) {
    Random random = new Random(seed);
    List<Block> made = new ArrayList<>();
    for (int b = 0; b < blocks; b++) {
      double[] clean = new double[count * ROWS * COLUMNS];
      double[] noisy = new double[clean.length];
      for (int i = 0; i < count; i++) {
        double[] one =
            Matrices.product(
                Matrices.random(random, ROWS * 2),
                Matrices.random(random, 2 * COLUMNS),
                ROWS,
                2,
                COLUMNS);
        System.arraycopy(one, 0, clean, i * one.length, one.length);
      }
      for (int i = 0; i < clean.length; i++) {
        noisy[i] = clean[i] + 0.1 * random.nextGaussian();
      }
      made.add(new Block(noisy, clean));
    }
    return made;
  }

  /** Loss and ∂L/∂τ of a block, not yet divided by the number of matrices. */
  static Sum evaluate(Device device, Block block, double tau) {
    BatchShape shape = new BatchShape(DataType.FLOAT64, block.count(), ROWS, COLUMNS);
    SpectralFunction soft = SpectralFunction.softThreshold(tau);
    try (Scope scope = new Scope()) {
      SpectralPlan plan = scope.keep(SpectralPlan.create(device, shape));
      SvdFactors factors = plan.allocateFactors();
      OwnedMatrixBatch y = plan.allocateY();
      OwnedMatrixBatch gradient = plan.allocateGradient();
      OwnedMatrixBatch slopes =
          scope.keep(device.allocate(new BatchShape(DataType.FLOAT64, block.count(), 1, 1)));
      plan.forward(
          scope.keep(device.upload(shape, block.noisy)), soft, factors, y, plan.allocateInfo());
      double[] difference = device.read(y);
      double loss = 0;
      for (int i = 0; i < difference.length; i++) {
        difference[i] -= block.clean[i];
        loss += difference[i] * difference[i] / 2;
      }
      device.write(y, difference);
      plan.backward(factors, soft, SpectralCotangents.of(y), gradient, slopes, 0);
      double slope = 0;
      for (double each : device.read(slopes)) {
        slope += each;
      }
      return new Sum(loss, slope, block.count());
    }
  }

  /** The loss of each step. */
  static List<Double> train(JavaRDD<Block> blocks, double start, double rate, int steps) {
    ExecutorDevice device = ExecutorDevice.ofTask();
    List<Double> losses = new ArrayList<>();
    double tau = start;
    for (int step = 0; step < steps; step++) {
      double now = tau;
      Sum sum =
          blocks.treeAggregate(
              Sum.ZERO,
              (total, block) -> total.plus(device.use(open -> evaluate(open, block, now))),
              Sum::plus);
      losses.add(sum.loss / sum.count);
      tau = Math.max(0, tau - rate * sum.slope / sum.count);
    }
    losses.add(tau);
    return losses;
  }
}
