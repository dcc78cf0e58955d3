package io.github.diffsvd.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.files.FileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training on pictures with ties, and from checkpoints. */
class TrainingTest {
  private static final int STEPS = 6;
  private static final Training.Schedule SCHEDULE = new Training.Schedule(STEPS, 2, 1e-3, 0.95, 7);

  @TempDir private Path folder;

  private static Problem problem(String method) {
    CyclicStripes stripes = new CyclicStripes(2, 2, new double[] {0.5}, new Device("cpu"));
    return stripes.problem(GradientMethod.parse(method), 0);
  }

  private static List<double[]> values(Problem problem) {
    List<double[]> values = new ArrayList<>();
    for (Tensor parameter : problem.network().parameters()) {
      values.add(Tensors.values(parameter));
    }
    return values;
  }

  @Test
  void aTrainingThatWasInterruptedIsTheOneThatWasNot() throws IOException {
    Problem whole = problem("spectral");
    Training uninterrupted = new Training(whole, SCHEDULE);
    uninterrupted.run(folder.resolve("whole.pt"), STEPS, (done, loss) -> {});

    Path file = folder.resolve("parts.pt");
    assertThatThrownBy(
            () ->
                new Training(problem("spectral"), SCHEDULE)
                    .run(
                        file,
                        2,
                        (done, loss) -> {
                          if (done == 5) {
                            throw new IllegalStateException("interrupted");
                          }
                        }))
        .hasMessage("interrupted");
    Problem parts = problem("spectral");
    Training resumed = new Training(parts, SCHEDULE);
    List<Integer> steps = new ArrayList<>();
    resumed.run(file, STEPS, (done, loss) -> steps.add(done));

    assertThat(steps).as("steps after the checkpoint").containsExactly(5, 6);
    assertThat(resumed.losses()).containsExactly(uninterrupted.losses());
    assertThat(values(parts)).usingRecursiveComparison().isEqualTo(values(whole));
  }

  @Test
  void aCheckpointOfSomethingElseIsRefused() throws IOException {
    Path file = folder.resolve("a.pt");
    new Training(problem("spectral"), SCHEDULE).run(file, STEPS, (done, loss) -> {});
    assertThatThrownBy(
            () -> new Training(problem("zero"), SCHEDULE).run(file, STEPS, (done, loss) -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.pt: of a training with other settings (ties, spectral");
    Files.writeString(file, "nothing of the kind");
    assertThatThrownBy(
            () -> new Training(problem("spectral"), SCHEDULE).run(file, STEPS, (done, loss) -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.pt: not a checkpoint");
  }

  @Test
  void aCheckpointThatCannotBeWrittenIsAnException() throws IOException {
    Path file = Files.createDirectory(folder.resolve("a.pt"));
    Checkpoint checkpoint = new Checkpoint(file, "ties");
    Problem problem = problem("spectral");
    Adam adam = new Adam(problem.network().parameterVector(), new AdamOptions(1e-3));
    Checkpoint.State state = new Checkpoint.State(new double[0], 0, 0);
    assertThatThrownBy(() -> checkpoint.write(state, problem.network().parameters(), adam))
        .isInstanceOf(FileException.class)
        .hasMessage(file + ": not a regular file");
    assertThat(folder.toFile().list()).containsExactly("a.pt");
  }

  @ParameterizedTest
  @ValueSource(strings = {"spectral", "moore-penrose", "resolve-ties"})
  void everyStepIsFiniteAtTies(String method) throws IOException {
    Training training = new Training(problem(method), SCHEDULE);
    training.run(folder.resolve("a.pt"), STEPS, (done, loss) -> {});
    assertThat(training.nonFinite()).isZero();
    assertThat(Arrays.stream(training.losses()).filter(Double::isFinite).count()).isEqualTo(STEPS);
  }

  @Test
  void aGradientThatIsNotFiniteIsCountedAndChangesNothing() throws IOException {
    Network network = new Network(GradientMethod.parse("exact"), new Device("cpu")) {};
    Tensor parameter = network.parameter(torch.tensor(0f));
    Problem problem =
        new Problem() {
          @Override
          public Network network() {
            return network;
          }

          @Override
          public Tensor loss(long seed) {
            // 0/0 in the derivative, as between two equal singular values.
            return parameter.mul(new Scalar(0)).sqrt();
          }

          @Override
          public String toString() {
            return "not finite";
          }
        };
    Training training = new Training(problem, SCHEDULE);
    training.run(folder.resolve("a.pt"), STEPS, (done, loss) -> {});
    assertThat(training.nonFinite()).isEqualTo(STEPS);
    assertThat(parameter.item_double()).isZero();
  }
}
