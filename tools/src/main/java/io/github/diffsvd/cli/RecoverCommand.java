package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.recover.Recovery;
import io.github.diffsvd.recover.RecoveryReport;
import io.github.diffsvd.recover.Samples;
import io.github.diffsvd.report.Outputs;
import io.github.diffsvd.report.ProgressLine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
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

  private static final String METRICS = "metrics.json";
  private static final List<String> PICTURES =
      List.of("seen.png", "recovered.png", "side-by-side.png", "loss.png");

  /** What a picture's folder in --out cannot be called. */
  private static final Set<String> RESERVED = Set.of(".", "..", METRICS);

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
      completionCandidates = Names.Methods.class,
      description =
          "How the gradient goes through the SVD: ${COMPLETION-CANDIDATES}; rules with a parameter"
              + " as in diffsvd grad. Default: ${DEFAULT-VALUE}")
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
    Map<String, Path> files = names();
    Outputs.requireDistinct(images, outputs(files.keySet()));
    Map<String, Picture> pictures = load(files);
    List<RecoveryReport> reports = new ArrayList<>();
    try (Device device = deviceOption.open()) {
      Outputs.makeFolder(out);
      for (Map.Entry<String, Picture> entry : pictures.entrySet()) {
        String name = entry.getKey();
        RecoveryReport report = recover(device, name, entry.getValue(), settings);
        reports.add(report);
        Path folder = pictures.size() == 1 ? out : out.resolve(name);
        Outputs.makeFolder(folder);
        report.writePictures(folder);
        RecoveryReport.writeMetrics(out.resolve(METRICS), reports);
        int nonFinite = report.result().nonFiniteGradients();
        if (nonFinite > 0) {
          Lines.warn(
              spec,
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
    Lines.print(spec, String.format(Locale.ROOT, format, arguments));
  }

  /**
   * Every picture's file under a name of its own, also where the file system does not tell upper
   * from lower case: that of its folder, if there are several.
   */
  private Map<String, Path> names() {
    Map<String, Path> names = new LinkedHashMap<>();
    Set<String> taken = new HashSet<>();
    for (Path image : images) {
      String base =
          image
              .toAbsolutePath()
              .normalize()
              .getFileName()
              .toString()
              .replaceFirst("(?<=.)\\.[^.]*$", "");
      if (images.size() > 1 && RESERVED.contains(base.toLowerCase(Locale.ROOT))) {
        throw new InputException(image + ": among several pictures, none can be called " + base);
      }
      String name = base;
      for (int i = 2; !taken.add(name.toLowerCase(Locale.ROOT)); i++) {
        name = base + "-" + i;
      }
      names.put(name, image);
    }
    return names;
  }

  private List<Path> outputs(Set<String> names) {
    List<Path> outputs = new ArrayList<>(List.of(out.resolve(METRICS)));
    for (String name : names) {
      Path folder = names.size() == 1 ? out : out.resolve(name);
      PICTURES.forEach(picture -> outputs.add(folder.resolve(picture)));
    }
    return outputs;
  }

  /** All pictures, or nothing. */
  private Map<String, Picture> load(Map<String, Path> files) throws IOException {
    Map<String, Picture> pictures = new LinkedHashMap<>();
    for (Map.Entry<String, Path> file : files.entrySet()) {
      Picture picture = Picture.read(file.getValue());
      if (Math.min(picture.width(), picture.height()) < SMALLEST) {
        throw new InputException(
            file.getValue()
                + ": expected at least 32 pixels on each side, got "
                + picture.width()
                + "×"
                + picture.height());
      }
      pictures.put(file.getKey(), fit(picture));
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
