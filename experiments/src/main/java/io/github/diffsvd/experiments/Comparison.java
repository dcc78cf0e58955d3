package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.report.ProgressLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** One training for each gradient method, all from the same network and on the same data. */
final class Comparison {
  private static final int CHECKPOINT_EVERY = 50;

  /** Of the data that gradients are compared on; no step of training has it. */
  private static final long GRADIENT_SEED = -1;

  /**
   * What became of a method.
   *
   * @param nonFinite steps whose gradient was not finite
   * @param gradientError ‖g − g₀‖/‖g₀‖ of the trained network's gradient on one batch, g₀ that of
   *     the spectral method at the same parameters
   * @param milliseconds per step
   */
  record Outcome(
      GradientMethod method,
      Problem trained,
      double[] losses,
      int nonFinite,
      double gradientError,
      double milliseconds,
      List<Experiment.Score> scores) {}

  private Comparison() {}

  /**
   * Trains and evaluates.
   *
   * @param folder for checkpoints, from which interrupted trainings go on
   */
  static List<Outcome> run(
      Experiment experiment, List<GradientMethod> methods, Training.Schedule schedule, Path folder)
      throws IOException {
    Files.createDirectories(folder);
    List<Outcome> outcomes = new ArrayList<>();
    for (GradientMethod method : methods) {
      Problem problem = experiment.problem(method, schedule.seed());
      Training training = new Training(problem, schedule);
      try (ProgressLine line = new ProgressLine(method.name(), schedule.steps())) {
        training.run(
            folder.resolve(method.name().replace('=', '-') + ".pt"),
            CHECKPOINT_EVERY,
            (done, loss) ->
                line.step(done, schedule.steps(), String.format(Locale.ROOT, "loss %.5f", loss)));
      }
      Problem exact = experiment.problem(GradientMethod.SPECTRAL, schedule.seed());
      exact.network().copyParametersOf(problem.network());
      outcomes.add(
          new Outcome(
              method,
              problem,
              training.losses(),
              training.nonFinite(),
              gradientError(problem, exact),
              training.milliseconds(),
              experiment.evaluate(problem)));
    }
    return outcomes;
  }

  static double gradientError(Problem problem, Problem exact) {
    try (PointerScope scope = new PointerScope()) {
      Tensor expected = Training.gradient(exact, GRADIENT_SEED);
      Tensor error = Training.gradient(problem, GRADIENT_SEED).sub(expected);
      return torch.norm(error).item_double() / torch.norm(expected).item_double();
    }
  }
}
