package io.github.diffsvd.recover;

/** Adam (arXiv 1412.6980) with its usual decay rates. */
final class Adam {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  private final double[] mean;
  private final double[] square;
  private int steps;

  Adam(int parameters) {
    mean = new double[parameters];
    square = new double[parameters];
  }

  /** Moves the parameters against the gradient, by about the rate in each. */
  void step(double[] parameters, double[] gradient, double rate) {
    steps++;
    double meanScale = 1 - Math.pow(BETA1, steps);
    double squareScale = 1 - Math.pow(BETA2, steps);
    for (int i = 0; i < parameters.length; i++) {
      mean[i] = BETA1 * mean[i] + (1 - BETA1) * gradient[i];
      square[i] = BETA2 * square[i] + (1 - BETA2) * gradient[i] * gradient[i];
      double root = Math.sqrt(square[i] / squareScale);
      parameters[i] -= rate * (mean[i] / meanScale) / (root + EPSILON);
    }
  }
}
