package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.experiments.Comparison.Outcome;
import io.github.diffsvd.report.Outputs;
import io.github.diffsvd.report.PlainText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What the experiments have in common on the command line. */
abstract class ExperimentCommand implements Callable<Integer> {
  /** How often the rate of learning falls to 95 % in a training, whatever its length. */
  private static final int EPOCHS = 40;

  private static final double DECAY = 0.95;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "For report.html, its pictures, results.json and checkpoints.")
  Path out;

  @Option(
      names = "--rules",
      paramLabel = "METHOD",
      split = ",",
      description =
          "Gradient methods to compare, the first one is shown. Default: ${DEFAULT-VALUE}")
  private List<String> rules =
      List.of(
          "spectral",
          "moore-penrose",
          "resolve-ties",
          "svd-inv",
          "zero",
          "clip",
          "taylor",
          "exact");

  @Option(
      names = "--cells",
      paramLabel = "T",
      description = "Cells of the network. Default: ${DEFAULT-VALUE}")
  int cells;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Of each training. Default: ${DEFAULT-VALUE}")
  private int steps;

  @Option(
      names = "--learning",
      paramLabel = "RATE",
      description =
          "Of Adam; times 0.95 after each fortieth of the steps. Default: ${DEFAULT-VALUE}")
  private double learning;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of networks, data and masks. Default: ${DEFAULT-VALUE}")
  long seed;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "cpu or cuda:N. Default: ${DEFAULT-VALUE}")
  private String device = "cpu";

  @Option(
      names = "--resume",
      description = "Go on from the checkpoints in --out, which an interrupted run has left.")
  private boolean resume;

  @Spec CommandSpec spec;

  /** A command with defaults for two CPU cores. */
  ExperimentCommand(int cells, int steps, double learning) {
    this.cells = cells;
    this.steps = steps;
    this.learning = learning;
  }

  /** Reads what there is to read; nothing has been written yet. */
  abstract Experiment experiment(Device device) throws IOException;

  /** A title, and the choices in words. */
  abstract String title();

  abstract String choices();

  /** Adds to the report what this experiment alone has. */
  abstract void show(ExperimentReport report, List<Outcome> outcomes) throws IOException;

  @Override
  public Integer call() throws IOException {
    require(cells >= 1, "--cells: expected at least 1, got " + cells);
    require(steps >= 1, "--steps: expected at least 1, got " + steps);
    require(learning > 0, "--learning: expected more than 0, got " + learning);
    List<GradientMethod> methods = methods();
    Experiment experiment = experiment(device());
    Outputs.makeFolder(out);
    Outputs.makeFolder(checkpoints());
    if (!resume) {
      try (Stream<Path> old = Files.walk(checkpoints())) {
        for (Path file : old.filter(each -> each.toString().endsWith(".pt")).toList()) {
          Files.delete(file);
        }
      }
    }
    List<Outcome> outcomes = Comparison.run(experiment, methods, schedule(), checkpoints());
    String settings =
        String.format(
            "T = %d, %s, %d steps, Adam %s × 0.95 each fortieth of them, seed %d, %s",
            cells, choices(), steps, learning, seed, device);
    ExperimentReport report = new ExperimentReport(title(), settings, outcomes);
    report.lines().forEach(this::print);
    show(report, outcomes);
    report.addLosses();
    report.write(out);
    print(out.resolve("report.html").toString());
    return 0;
  }

  final Training.Schedule schedule() {
    return new Training.Schedule(steps, Math.max(1, steps / EPOCHS), learning, DECAY, seed);
  }

  final Path checkpoints() {
    return out.resolve("checkpoints");
  }

  final void print(String line) {
    spec.commandLine().getOut().println(PlainText.line(line));
  }

  private List<GradientMethod> methods() {
    List<GradientMethod> methods = new ArrayList<>();
    for (String name : rules) {
      try {
        methods.add(GradientMethod.parse(name));
      } catch (IllegalArgumentException e) {
        throw new ParameterException(spec.commandLine(), "--rules: " + e.getMessage(), e);
      }
    }
    return methods;
  }

  private Device device() {
    require(device.matches("cpu|cuda(:\\d+)?"), "--device: expected cpu or cuda:N, got " + device);
    require(
        device.equals("cpu") || (torch.hasCUDA() && torch_cuda.device_count() > 0),
        "--device: libtorch finds no CUDA device");
    return new Device(device);
  }

  final void require(boolean condition, String message) {
    if (!condition) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }
}
