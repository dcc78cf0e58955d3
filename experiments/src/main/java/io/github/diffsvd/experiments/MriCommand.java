package io.github.diffsvd.experiments;

import io.github.diffsvd.experiments.Comparison.Outcome;
import io.github.diffsvd.report.SideBySide;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mri}: the paper's second experiment. */
@Command(
    name = "mri",
    description =
        "Dynamic MRI from an eighth or a tenth of k-space, by an unrolled network that thresholds"
            + " complex Casorati matrices.",
    mixinStandardHelpOptions = true)
final class MriCommand extends ExperimentCommand {
  @Option(
      names = "--kspace",
      paramLabel = "DIR",
      description =
          "A folder of .npy, HDF5 (.h5) or MATLAB (.mat) files: fully sampled complex k-space, frames ×"
              + " (coils ×) rows × columns, in MATLAB rows × columns × (coils ×) frames, its centre in"
              + " the middle. Default: generated phantoms")
  private Path folder;

  @Option(
      names = "--masks",
      paramLabel = "KIND",
      description = "RADIAL or CARTESIAN. Default: ${DEFAULT-VALUE}")
  private SamplingMasks masks = SamplingMasks.RADIAL;

  @Option(
      names = "--accelerations",
      paramLabel = "R",
      split = ",",
      description =
          "Places in k-space per measured one; a step takes one. Default: ${DEFAULT-VALUE}")
  private int[] accelerations = {8, 10};

  @Option(
      names = "--frames",
      paramLabel = "N",
      description = "Of a sequence. Default: ${DEFAULT-VALUE}")
  private int frames = 12;

  @Option(
      names = "--size",
      paramLabel = "PIXELS",
      description = "Side of a frame, a multiple of 8. Default: ${DEFAULT-VALUE}")
  private int size = 48;

  private Sequences sequences;
  private DynamicMri experiment;

  MriCommand() {
    super(5, 800, 3e-3);
  }

  @Override
  Experiment experiment(Device device) throws IOException {
    require(frames >= 1, "--frames: expected at least 1, got " + frames);
    require(
        size >= 2 * MriNet.BLOCK && size % MriNet.BLOCK == 0,
        "--size: expected a multiple of 8 from 16 on, got " + size);
    for (int acceleration : accelerations) {
      require(
          acceleration >= 1 && acceleration <= size / 4,
          "--accelerations: expected 1 to a quarter of the size, got " + acceleration);
    }
    sequences =
        folder == null ? new Phantoms(frames, size, 4) : new KspaceFiles(folder, frames, size);
    experiment =
        new DynamicMri(
            sequences, new DynamicMri.Settings(cells, masks, accelerations, seed), device);
    return experiment;
  }

  @Override
  String title() {
    return "Dynamic MRI";
  }

  @Override
  String choices() {
    return sequences
        + ", "
        + masks.toString().toLowerCase(Locale.ROOT)
        + " masks, acceleration "
        + Arrays.toString(accelerations);
  }

  @Override
  void show(ExperimentReport report, List<Outcome> outcomes) throws IOException {
    report
        .page()
        .paragraph(
            "svd-inv leaves out the phase term of complex data, the diagonal of the pair equations;"
                + " moore-penrose is the same formula with it where singular values differ, as they"
                + " do here. What the term costs is the difference of their rows, and the gradient"
                + " error of svd-inv.");
    report.page().heading("The last frame of a sequence, and where it errs, five times as bright");
    for (int acceleration : accelerations) {
      report.add("acceleration-" + acceleration, pictures(outcomes, acceleration));
    }
  }

  private BufferedImage pictures(List<Outcome> outcomes, int acceleration) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard guard = new NoGradGuard()) {
      Tensor truth = sequences.heldOut().get(0);
      Map<String, BufferedImage> row = new LinkedHashMap<>();
      Tensor zeroFilled = experiment.zeroFilled(truth, acceleration).cpu();
      row.put(label("zero-filled", zeroFilled, truth), image(zeroFilled));
      Tensor recovered = experiment.recover(outcomes.get(0).trained(), truth, acceleration).cpu();
      row.put(label(outcomes.get(0).method().name(), recovered, truth), image(recovered));
      row.put("given", image(truth));
      row.put("error", image(recovered.sub(truth).mul(new Scalar(5))));
      return SideBySide.of(row);
    }
  }

  private static String label(String name, Tensor picture, Tensor truth) {
    return String.format(Locale.ROOT, "%s: %.1f dB", name, Quality.of(picture, truth).psnr());
  }

  private static BufferedImage image(Tensor sequence) {
    Tensor grey = sequence.select(0, sequence.size(0) - 1).abs();
    return Tensors.picture(torch.stack(new TensorVector(grey, grey, grey))).toImage();
  }
}
