package io.github.diffsvd.recover;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * Recovers a picture from some of its values with an unrolled low-rank network that learns from
 * these values alone: training hides a share of them and asks for them back. docs/recover.md has
 * the method and what was measured.
 *
 * <p>The same samples, settings and device give the same picture.
 */
public final class Recovery {
  private static final DataType TYPE = DataType.FLOAT32;

  /** Of the interpolation that the network starts from: colour bends less than light and shade. */
  private static final double STIFFNESS = 20;

  /** Training runs the network on crops of this side ... */
  private static final int CROP = 64;

  /** ... and hides this share of what is seen. */
  private static final double HIDDEN = 0.2;

  /** The untrained network: a threshold τ of 0.1, and the method of multipliers' plain steps. */
  private static final double FIRST_THETA = Math.log(0.1);

  private static final double FIRST_ALPHA = 1.5;
  private static final double FIRST_ETA = 1;

  /** Adam's first rate; it falls to 0 along half a cosine. */
  private static final double RATE = 0.1;

  private Recovery() {}

  /**
   * The choices of a recovery.
   *
   * @param cells T, at least 1
   * @param iterations steps of training, at least 0
   * @param gradient how it goes through the SVD
   * @param seed of the crops and of what is hidden
   */
  public record Settings(int cells, int iterations, GradientMethod gradient, long seed) {
    public Settings {
      Objects.requireNonNull(gradient, "gradient");
      if (cells < 1 || iterations < 0) {
        throw new IllegalArgumentException(
            "cells, iterations: expected at least 1 and 0, got " + cells + " and " + iterations);
      }
    }

    /** 8 cells, 40 iterations, the spectral pullback, seed 0. */
    public static Settings defaults() {
      return new Settings(8, 40, GradientMethod.SPECTRAL, 0);
    }
  }

  /** Hears about every step of training. */
  public interface Progress {
    /**
     * One step is done.
     *
     * @param iteration from 1
     * @param loss mean squared error on the hidden values
     */
    void step(int iteration, double loss);
  }

  /**
   * What came out.
   *
   * @param start the interpolation that the network starts from
   * @param untrained by the network as it is before training
   * @param learned by the network after training
   * @param losses of every iteration, the mean squared error on the hidden values; NaN where
   *     training had stopped
   * @param startLosses the same for the interpolation
   * @param theta logarithm of the threshold of each cell
   * @param alpha over-relaxation of each cell
   * @param eta step of the multiplier of each cell
   * @param nonFiniteGradients elements of the gradient that were not finite; training stopped
   *     there, with the parameters before
   */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  public record Result(
      Picture start,
      Picture untrained,
      Picture learned,
      double[] losses,
      double[] startLosses,
      double[] theta,
      double[] alpha,
      double[] eta,
      int nonFiniteGradients) {}

  private static double[] start(Samples samples) {
    return Interpolation.thinPlate(samples, STIFFNESS);
  }

  /** Trains a network on the samples and runs it. */
  public static Result run(Device device, Samples samples, Settings settings, Progress progress) {
    int cells = settings.cells();
    double[] parameters = new double[RecoveryNetwork.PARAMETERS * cells];
    Arrays.fill(parameters, 0, cells, FIRST_THETA);
    Arrays.fill(parameters, cells, 2 * cells, FIRST_ALPHA);
    Arrays.fill(parameters, 2 * cells, 3 * cells, FIRST_ETA);
    double[] start = start(samples);
    int width = samples.width();
    int height = samples.height();
    try (RecoveryNetwork whole =
        new RecoveryNetwork(device, TYPE, settings.gradient(), cells, width, height, false)) {
      Picture untrained = samples.completed(whole.forward(parameters, samples, start));
      double[] losses = new double[settings.iterations()];
      double[] startLosses = new double[losses.length];
      int nonFinite = train(device, samples, settings, parameters, losses, startLosses, progress);
      return new Result(
          samples.completed(start),
          untrained,
          samples.completed(whole.forward(parameters, samples, start)),
          losses,
          startLosses,
          Arrays.copyOf(parameters, cells),
          Arrays.copyOfRange(parameters, cells, 2 * cells),
          Arrays.copyOfRange(parameters, 2 * cells, 3 * cells),
          nonFinite);
    }
  }

  /** Changes the parameters, fills the losses, returns the number of gradients not finite. */
  private static int train(
      Device device,
      Samples samples,
      Settings settings,
      double[] parameters,
      double[] losses,
      double[] startLosses,
      Progress progress) {
    int width = Math.min(CROP, samples.width());
    int height = Math.min(CROP, samples.height());
    SplittableRandom random = new SplittableRandom(settings.seed());
    double phase = random.nextDouble();
    Adam adam = new Adam(parameters.length);
    try (RecoveryNetwork network =
        new RecoveryNetwork(
            device, TYPE, settings.gradient(), settings.cells(), width, height, true)) {
      for (int i = 0; i < losses.length; i++) {
        // Crops follow an additive recurrence, which covers the picture evenly at every length.
        Samples known =
            samples.crop(
                (int) ((i * 0.7548776662466927 + phase) % 1 * (samples.width() - width + 1)),
                (int) ((i * 0.5698402909980532 + phase) % 1 * (samples.height() - height + 1)),
                width,
                height);
        Samples shown = known.hide(HIDDEN, random);
        double[] start = start(shown);
        startLosses[i] = loss(start, known, shown);
        double[] z = network.forward(parameters, shown, start);
        losses[i] = loss(z, known, shown);
        double[] slope = network.backward(lossGradient(z, known, shown));
        int bad = (int) Arrays.stream(slope).filter(g -> !Double.isFinite(g)).count();
        if (bad > 0) {
          Arrays.fill(losses, i, losses.length, Double.NaN);
          Arrays.fill(startLosses, i, losses.length, Double.NaN);
          return bad;
        }
        adam.step(parameters, slope, RATE * (1 + Math.cos(Math.PI * i / losses.length)) / 2);
        progress.step(i + 1, losses[i]);
      }
    }
    return 0;
  }

  /** The mean squared error on the values known but not shown. */
  private static double loss(double[] z, Samples known, Samples shown) {
    double[] gradient = lossGradient(z, known, shown);
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += gradient[i] * (z[i] - known.values()[i]) / 2;
    }
    return sum;
  }

  private static double[] lossGradient(double[] z, Samples known, Samples shown) {
    double[] gradient = new double[z.length];
    int hidden = 0;
    for (int i = 0; i < z.length; i++) {
      if (known.seen()[i] && !shown.seen()[i]) {
        gradient[i] = 2 * (z[i] - known.values()[i]);
        hidden++;
      }
    }
    for (int i = 0; i < z.length; i++) {
      gradient[i] /= Math.max(1, hidden);
    }
    return gradient;
  }
}
