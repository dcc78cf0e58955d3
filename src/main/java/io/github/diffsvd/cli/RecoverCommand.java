package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.recover.Recovery;
import io.github.diffsvd.recover.RecoveryReport;
import io.github.diffsvd.recover.Samples;
import io.github.diffsvd.report.ProgressLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code diffsvd recover}: pictures from a share of their values, learned through the SVD. */
@Command(
    name = "recover",
    description = {
      "Recover colour pictures from a share of their values, with an unrolled network for groups of"
          + " similar patches, of low rank, that is trained on these values alone, through the"
          + " gradient of the SVD.",
      "Writes seen.png, recovered.png, side-by-side.png and loss.png, for several pictures each in"
          + " a folder of its name, and metrics.json."
    })
final class RecoverCommand implements Callable<Integer> {
  private static final int SCALED_ABOVE = 512;
  private static final int DEFAULT_SIZE = 256;
  private static final int SMALLEST = 32;

  @Parameters(
      paramLabel = "IMAGE",
      arity = "0..*",
      description = "PNG or JPEG, at least 32 pixels on each side; without one, a bundled picture.")
  private List<Path> images = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "recovered",
      description = "The folder to write to; made if it is not there. Default: ${DEFAULT-VALUE}")
  private Path out;

  @Option(
      names = "--rate",
      paramLabel = "R",
      defaultValue = "0.4",
      description = "Share of the values that are seen, 0.01 to 0.99. Default: ${DEFAULT-VALUE}")
  private double rate;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Chooses which values are seen, and steers training. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(
      names = "--size",
      paramLabel = "PIXELS",
      description =
          "Cut every picture to its centre square and scale it down to this side (none is"
              + " enlarged). Without this option, that happens with 256 where the short side is"
              + " above 512, and smaller pictures are taken as they are.")
  private Integer size;

  @Option(
      names = "--cells",
      paramLabel = "T",
      defaultValue = "8",
      description = "Cells of the network. Default: ${DEFAULT-VALUE}")
  private int cells;

  @Option(
      names = "--iterations",
      paramLabel = "N",
      defaultValue = "40",
      description = "Steps of training. Default: ${DEFAULT-VALUE}")
  private int iterations;

  @Option(
      names = "--gradient",
      paramLabel = "METHOD",
      defaultValue = "spectral",
      description =
          "How the gradient goes through the SVD: spectral, resolve-ties, or a rule as in"
              + " diffsvd grad --rule. Default: ${DEFAULT-VALUE}")
  private String gradient;

  @Mixin private DeviceOption deviceOption;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    require(rate >= 0.01 && rate <= 0.99, "--rate: expected 0.01 to 0.99, got " + rate);
    require(size == null || size >= SMALLEST, "--size: expected at least 32, got " + size);
    require(cells >= 1, "--cells: expected at least 1, got " + cells);
    require(iterations >= 0, "--iterations: expected at least 0, got " + iterations);
    Recovery.Settings settings = new Recovery.Settings(cells, iterations, method(), seed);
    Map<String, Picture> pictures = load();
    List<RecoveryReport> reports = new ArrayList<>();
    try (Device device = deviceOption.open()) {
      makeFolder(out);
      for (Map.Entry<String, Picture> entry : pictures.entrySet()) {
        String name = entry.getKey();
        RecoveryReport report = recover(device, name, entry.getValue(), settings);
        reports.add(report);
        Path folder = pictures.size() == 1 ? out : out.resolve(name);
        makeFolder(folder);
        report.writePictures(folder);
        RecoveryReport.writeMetrics(out.resolve("metrics.json"), reports);
        int nonFinite = report.result().nonFiniteGradients();
        if (nonFinite > 0) {
          spec.commandLine()
              .getErr()
              .println(
                  name
                      + ": training stopped, "
                      + nonFinite
                      + " elements of the gradient are not finite");
          return 1;
        }
        print(
            "%s: seen %.2f dB, interpolated %.2f dB, untrained %.2f dB, learned %.2f dB in %.1f s: %s",
            name,
            report.psnrSeen(),
            report.psnrStart(),
            report.psnrUntrained(),
            report.psnrLearned(),
            report.seconds(),
            folder);
      }
    }
    return 0;
  }

  private GradientMethod method() {
    try {
      return GradientMethod.parse(gradient);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--gradient: " + e.getMessage(), e);
    }
  }

  private void require(boolean condition, String message) {
    if (!condition) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }

  private void print(String format, Object... arguments) {
    spec.commandLine().getOut().println(String.format(Locale.ROOT, format, arguments));
  }

  /** All pictures under names of their own, or nothing. */
  private Map<String, Picture> load() {
    Map<String, Picture> pictures = new LinkedHashMap<>();
    for (Path image : images) {
      Picture picture;
      try {
        picture = Picture.read(image);
      } catch (IOException e) {
        throw new InputException(image + ": " + e.getMessage(), e);
      }
      int shortSide = Math.min(picture.width(), picture.height());
      if (shortSide < SMALLEST) {
        throw new InputException(
            image
                + ": expected at least 32 pixels on each side, got "
                + picture.width()
                + "×"
                + picture.height());
      }
      String base = image.getFileName().toString().replaceFirst("(?<=.)\\.[^.]*$", "");
      String name = base;
      for (int i = 2; pictures.containsKey(name); i++) {
        name = base + "-" + i;
      }
      pictures.put(name, fit(picture));
    }
    if (pictures.isEmpty()) {
      pictures.put("example", fit(Picture.example()));
    }
    return pictures;
  }

  private Picture fit(Picture picture) {
    int shortSide = Math.min(picture.width(), picture.height());
    if (size != null) {
      return picture.centreSquare(Math.min(size, shortSide));
    }
    return shortSide > SCALED_ABOVE ? picture.centreSquare(DEFAULT_SIZE) : picture;
  }

  private static void makeFolder(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException(folder + ": the folder cannot be made (" + e + ")", e);
    }
  }

  private RecoveryReport recover(
      Device device, String name, Picture given, Recovery.Settings settings) {
    long begin = System.nanoTime();
    Samples samples = Samples.of(given, rate, seed);
    Recovery.Result result;
    try (ProgressLine line = new ProgressLine(name, iterations)) {
      result =
          Recovery.run(
              device,
              samples,
              settings,
              (iteration, loss) ->
                  line.step(iteration, iterations, String.format(Locale.ROOT, "loss %.5f", loss)));
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    return RecoveryReport.of(
        name, given, samples, settings, result, rate, seed, device.name(), seconds);
  }
}
