package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Dynamic MRI: moving pictures from an eighth or a tenth of their k-space. */
final class DynamicMri implements Experiment {
  /** The choices of the network and its data. */
  record Settings(int cells, SamplingMasks masks, int[] accelerations, long seed) {}

  /** A sequence as it was measured. */
  record Scan(Tensor k, Tensor measured) {}

  private final class Reconstruction implements Problem {
    private final MriNet net;

    Reconstruction(MriNet net) {
      this.net = net;
    }

    @Override
    public Network network() {
      return net;
    }

    @Override
    public Tensor loss(long seed) {
      SplittableRandom random = new SplittableRandom(seed);
      Tensor truth = sequences.draw(random).to(device, torch.ScalarType.ComplexFloat);
      int acceleration = settings.accelerations[random.nextInt(settings.accelerations.length)];
      Scan scan = scan(truth, acceleration, random);
      return net.recover(scan.k, scan.measured).sub(truth).abs().square().mean();
    }

    @Override
    public String toString() {
      return "mri, "
          + net.method().name()
          + ", "
          + sequences
          + ", cells "
          + settings.cells
          + ", "
          + settings.masks
          + ", "
          + Arrays.toString(settings.accelerations);
    }
  }

  private final Sequences sequences;
  private final Settings settings;
  private final Device device;

  DynamicMri(Sequences sequences, Settings settings, Device device) {
    this.sequences = sequences;
    this.settings = settings;
    this.device = device;
  }

  private Scan scan(Tensor truth, int acceleration, SplittableRandom random) {
    Tensor measured =
        settings
            .masks
            .draw((int) truth.size(0), (int) truth.size(1), acceleration, random)
            .to(device, torch.ScalarType.Float);
    return new Scan(Mri.toKspace(truth).mul(measured), measured);
  }

  @Override
  public Problem problem(GradientMethod method, long seed) {
    torch.manual_seed(seed);
    return new Reconstruction(new MriNet(settings.cells, method, device));
  }

  @Override
  public List<Score> evaluate(Problem trained) {
    List<Score> scores = new ArrayList<>();
    for (int acceleration : settings.accelerations) {
      List<Tensor> heldOut = sequences.heldOut();
      for (int i = 0; i < heldOut.size(); i++) {
        try (PointerScope scope = new PointerScope();
            NoGradGuard guard = new NoGradGuard()) {
          Tensor truth = heldOut.get(i);
          Tensor recovered = recover(trained, truth, acceleration);
          scores.add(
              new Score(
                  "sequence " + (i + 1), acceleration + "×", Quality.of(recovered.cpu(), truth)));
        }
      }
    }
    return scores;
  }

  Tensor recover(Problem trained, Tensor truth, int acceleration) {
    Scan scan = heldOutScan(truth, acceleration);
    return ((Reconstruction) trained).net.recover(scan.k, scan.measured);
  }

  /** Without a network: what is not measured is 0. */
  Tensor zeroFilled(Tensor truth, int acceleration) {
    return Mri.toPicture(heldOutScan(truth, acceleration).k);
  }

  private Scan heldOutScan(Tensor truth, int acceleration) {
    SplittableRandom random = new SplittableRandom(settings.seed);
    return scan(truth.to(device, torch.ScalarType.ComplexFloat), acceleration, random);
  }
}
