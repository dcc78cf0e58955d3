package io.github.diffsvd.experiments;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Adam on a problem. A step whose gradient is not finite is counted and changes nothing. The data
 * of a step depend on the seed and its number alone, so that a run that goes on from a checkpoint
 * is the run that was never interrupted.
 */
final class Training {
  /**
   * How to train.
   *
   * @param decay times the rate of learning, after each epoch
   */
  record Schedule(int steps, int stepsPerEpoch, double learning, double decay, long seed) {}

  /** Hears about every step. */
  interface Progress {
    void step(int done, double loss);
  }

  private final Problem problem;
  private final Schedule schedule;
  private final Adam adam;
  private final double[] losses;
  private int done;
  private int nonFinite;
  private double seconds;

  Training(Problem problem, Schedule schedule) {
    this.problem = problem;
    this.schedule = schedule;
    adam = new Adam(problem.network().parameterVector(), new AdamOptions(schedule.learning));
    losses = new double[schedule.steps];
  }

  /** Of every step that was done. */
  double[] losses() {
    return Arrays.copyOf(losses, done);
  }

  /** Steps whose gradient was not finite. */
  int nonFinite() {
    return nonFinite;
  }

  /** Of all steps, evaluation and checkpoints left out. */
  double milliseconds() {
    return 1e3 * seconds / done;
  }

  /**
   * Trains to the end, from the checkpoint if there is one.
   *
   * @param every steps a checkpoint is written
   */
  void run(Path file, int every, Progress progress) throws IOException {
    List<Tensor> parameters = problem.network().parameters();
    Checkpoint checkpoint = new Checkpoint(file, problem + ", " + schedule);
    Checkpoint.State state = checkpoint.read(parameters, adam);
    if (state != null) {
      done = state.losses().length;
      System.arraycopy(state.losses(), 0, losses, 0, done);
      nonFinite = state.nonFinite();
      seconds = state.seconds();
    }
    while (done < schedule.steps) {
      step();
      progress.step(done, losses[done - 1]);
      if (done % every == 0 || done == schedule.steps) {
        checkpoint.write(new Checkpoint.State(losses(), nonFinite, seconds), parameters, adam);
      }
    }
  }

  void step() {
    long begin = System.nanoTime();
    int epoch = done / schedule.stepsPerEpoch;
    adam.param_groups()
        .get(0)
        .options()
        .set_lr(schedule.learning * Math.pow(schedule.decay, epoch));
    try (PointerScope scope = new PointerScope()) {
      adam.zero_grad();
      Tensor loss = problem.loss(schedule.seed + done);
      loss.backward();
      losses[done] = loss.item_double();
      if (isFinite(problem.network().parameters())) {
        adam.step();
      } else {
        nonFinite++;
      }
    }
    done++;
    seconds += (System.nanoTime() - begin) / 1e9;
  }

  private static boolean isFinite(List<Tensor> parameters) {
    return parameters.stream().allMatch(p -> torch.isfinite(p.grad()).all().item_bool());
  }

  /** The gradient of the loss on some data, as one vector. */
  static Tensor gradient(Problem problem, long seed) {
    List<Tensor> parameters = problem.network().parameters();
    TensorVector gradients =
        torch.grad(new TensorVector(problem.loss(seed)), problem.network().parameterVector());
    Tensor[] flat = new Tensor[parameters.size()];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = gradients.get(i).reshape(-1);
    }
    return torch.cat(new TensorVector(flat), 0);
  }
}
