package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;

class TrainingTest {
  @Test
  void learnsWhatASingleProcessLearns() {
    List<Training.Block> blocks = Training.blocks(4, 256, 1);
    double tau = 0.05;
    List<Double> alone = new ArrayList<>();
    for (int step = 0; step < 12; step++) {
      double now = tau;
      Training.Sum sum = Training.Sum.ZERO;
      for (Training.Block block : blocks) {
        sum =
            sum.plus(
                ExecutorDevice.named("cpu").use(device -> Training.evaluate(device, block, now)));
      }
      alone.add(sum.loss() / sum.count());
      tau -= 0.2 * sum.slope() / sum.count();
    }
    alone.add(tau);

    JavaRDD<Training.Block> spread =
        JavaSparkContext.fromSparkContext(session().sparkContext()).parallelize(blocks, 2).cache();
    List<Double> together = Training.train(spread, 0.05, 0.2, 12);
    spread.unpersist();
    for (int i = 0; i < alone.size(); i++) {
      // In another order of the sums.
      assertThat(together.get(i) / alone.get(i)).isBetween(1 - 1e-12, 1 + 1e-12);
    }
    System.out.printf(
        "training: loss %.4f to %.4f, threshold 0.05 to %.4f%n",
        together.get(0), together.get(11), together.get(12));
    assertThat(together.get(11)).isLessThan(0.8 * together.get(0));
    // It has converged before the last steps.
    for (int step = 1; step < 6; step++) {
      assertThat(together.get(step)).isLessThan(together.get(step - 1));
    }
  }
}
