package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.experiments.Comparison.Outcome;
import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.recover.Recovery;
import io.github.diffsvd.recover.Samples;
import io.github.diffsvd.report.Outputs;
import io.github.diffsvd.report.SideBySide;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code colour}: the paper's first experiment. */
@Command(
    name = "colour",
    description = {
      "Colour-image compressed sensing with TLR-Net, trained on half of a folder's pictures and"
          + " tested on the other half.",
      "As published: --cells 10 --learning 1e-3, with as many --steps and as large a --batch as"
          + " there is time for."
    },
    mixinStandardHelpOptions = true)
final class ColourCommand extends ExperimentCommand {
  /** At which the network is put beside {@code diffsvd recover}. */
  private static final double RATE = 0.4;

  @Option(
      names = "--pictures",
      paramLabel = "DIR",
      required = true,
      description = "Two or more PNG or JPEG files.")
  private Path folder;

  @Option(
      names = "--held-out",
      paramLabel = "NAME",
      split = ",",
      description = "Pictures to test on, without .png or .jpg. Default: every second one by name")
  private List<String> heldOut = List.of();

  @Option(
      names = "--rates",
      paramLabel = "R",
      split = ",",
      description =
          "Shares of the values that are seen; a batch takes one. Default: ${DEFAULT-VALUE}")
  private double[] rates = {0.04, 0.1, 0.3, 0.4, 0.5};

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Patches of 32×32 a step. Default: ${DEFAULT-VALUE}")
  private int batch = 4;

  @Option(
      names = "--size",
      paramLabel = "PIXELS",
      description =
          "Side of the centre square that is recovered, scaled down to it. Default: ${DEFAULT-VALUE}")
  private int size = 256;

  private final Map<String, Picture> training = new TreeMap<>();
  private final Map<String, Picture> testing = new TreeMap<>();
  private Device device;

  ColourCommand() {
    super(3, 2000, 3e-3);
  }

  @Override
  Experiment experiment(Device device) throws IOException {
    this.device = device;
    require(batch >= 1, "--batch: expected at least 1, got " + batch);
    require(size >= CompressedSensing.PATCH, "--size: expected at least 32, got " + size);
    for (double rate : rates) {
      require(rate >= 0.01 && rate <= 0.99, "--rates: expected 0.01 to 0.99, got " + rate);
    }
    read();
    return colour(training, testing, Start.MEANS, rates);
  }

  private Colour colour(
      Map<String, Picture> training, Map<String, Picture> testing, Start start, double... rates) {
    Map<String, Picture> scaled = new TreeMap<>();
    testing.forEach((name, picture) -> scaled.put(name, scaled(picture)));
    return new Colour(training.values(), scaled, cells, batch, rates, seed, start, device);
  }

  private Picture scaled(Picture picture) {
    return picture.centreSquare(Math.min(size, Math.min(picture.width(), picture.height())));
  }

  private void read() throws IOException {
    // A picture of the report has the name of the picture that it shows.
    Outputs.requireDistinct(List.of(folder), List.of(out));
    Map<String, Path> files = new TreeMap<>();
    try (Stream<Path> all = Files.list(folder)) {
      all.filter(file -> file.toString().toLowerCase(Locale.ROOT).matches(".*\\.(png|jpe?g)"))
          .forEach(
              file -> {
                String name = file.getFileName().toString().replaceFirst("\\.\\w+$", "");
                Path twin = files.put(name, file);
                require(twin == null, "--pictures: " + twin + " and " + file + " share a name");
              });
    }
    require(!files.containsKey("losses"), "--pictures: none can be called losses");
    for (String name : heldOut) {
      require(files.containsKey(name), "--held-out: there is no " + name + " in " + folder);
    }
    int i = 0;
    for (Map.Entry<String, Path> file : files.entrySet()) {
      boolean test = heldOut.isEmpty() ? i++ % 2 == 1 : heldOut.contains(file.getKey());
      Picture picture = Picture.read(file.getValue());
      require(
          Math.min(picture.width(), picture.height()) >= CompressedSensing.PATCH,
          file.getValue() + ": expected at least 32 pixels on each side");
      (test ? testing : training).put(file.getKey(), picture);
    }
    require(
        !training.isEmpty() && !testing.isEmpty(),
        "--pictures: expected one to train on and one to test on in " + folder);
  }

  @Override
  String title() {
    return "Colour-image compressed sensing";
  }

  @Override
  String choices() {
    return "batches of "
        + batch
        + " patches of 32×32, trained on "
        + training.keySet()
        + ", tested on "
        + testing.keySet()
        + " at "
        + size
        + "×"
        + size;
  }

  /** The first method beside {@code recover}, from either start, every picture held out once. */
  @Override
  void show(ExperimentReport report, List<Outcome> outcomes) throws IOException {
    List<List<String>> table = new ArrayList<>();
    table.add(
        List.of(
            "picture", "recover", "means", "TLR-Net", "interpolation", "TLR-Net", "over recover"));
    Map<String, BufferedImage> pictures = new LinkedHashMap<>();
    GradientMethod method = outcomes.get(0).method();
    int nonFinite = 0;
    for (boolean exchanged : new boolean[] {false, true}) {
      Map<String, Picture> half = exchanged ? training : testing;
      Map<Start, Outcome> trained = new EnumMap<>(Start.class);
      for (Start start : Start.values()) {
        Colour colour = colour(exchanged ? testing : training, half, start, RATE);
        Path folder = checkpoints().resolve((exchanged ? "exchanged-" : "tested-") + start);
        Outcome outcome = Comparison.run(colour, List.of(method), schedule(), folder).get(0);
        nonFinite += outcome.nonFinite();
        trained.put(start, outcome);
      }
      half.forEach((name, picture) -> table.add(row(name, picture, trained, pictures)));
    }
    report.page().heading("Beside diffsvd recover, at 40 %");
    report.page().table(table.get(0), table.subList(1, table.size()));
    report
        .page()
        .paragraph(
            "PSNR in dB on the same seen values. Recover: thresholds for groups of similar patches,"
                + " learned from the picture alone. TLR-Net: the first method, trained at 40 %"
                + " on the half of the pictures that this one is not in; once from local means, once from"
                + " an interpolation that fits each channel to the others, both shown before it."
                + " Over recover: TLR-Net from the interpolation. Steps in these trainings whose"
                + " gradient was not finite: "
                + nonFinite
                + ".");
    ExperimentReport.columns(table).forEach(this::print);
    for (Map.Entry<String, BufferedImage> picture : pictures.entrySet()) {
      report.add(picture.getKey(), picture.getValue());
    }
  }

  private List<String> row(
      String name,
      Picture given,
      Map<Start, Outcome> trained,
      Map<String, BufferedImage> pictures) {
    Picture truth = scaled(given);
    Samples samples = Samples.of(truth, RATE, seed);
    Map<String, BufferedImage> images = new LinkedHashMap<>();
    images.put("seen: 40 %", samples.picture().toImage());
    Recovery.Settings usual = Recovery.Settings.defaults();
    Recovery.Settings settings =
        new Recovery.Settings(usual.cells(), usual.iterations(), usual.gradient(), seed);
    Picture recovered;
    try (io.github.diffsvd.Device cpu = io.github.diffsvd.Device.open("cpu")) {
      recovered = Recovery.run(cpu, samples, settings, (i, loss) -> {}).learned();
    }
    List<String> row = new ArrayList<>(List.of(name, number("%.2f", recovered.psnr(truth))));
    images.put(number("recover: %.1f dB", recovered.psnr(truth)), recovered.toImage());
    double psnr = 0;
    for (Map.Entry<Start, Outcome> each : trained.entrySet()) {
      CompressedSensing network = (CompressedSensing) each.getValue().trained();
      Picture learned = network.recover(samples);
      psnr = learned.psnr(truth);
      row.add(number("%.2f", network.start(samples).psnr(truth)));
      row.add(number("%.2f", psnr));
      String start = each.getKey().toString().toLowerCase(Locale.ROOT);
      images.put(number("TLR-Net from " + start + ": %.1f dB", psnr), learned.toImage());
    }
    row.add(number("%+.2f", psnr - recovered.psnr(truth)));
    images.put("given", truth.toImage());
    pictures.put(name, SideBySide.of(images));
    return row;
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
