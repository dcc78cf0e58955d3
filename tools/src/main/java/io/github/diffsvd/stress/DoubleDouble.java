package io.github.diffsvd.stress;

/**
 * An unevaluated sum of two doubles, about 32 digits (Dekker 1971, with the fused multiply-add for
 * the error of a product).
 */
record DoubleDouble(double high, double low) {
  static final DoubleDouble ZERO = of(0);
  static final DoubleDouble ONE = of(1);

  static DoubleDouble of(double value) {
    return new DoubleDouble(value, 0);
  }

  /** Of two parts with |high| ≥ |low|. */
  private static DoubleDouble normalised(double high, double low) {
    double sum = high + low;
    return new DoubleDouble(sum, low - (sum - high));
  }

  DoubleDouble plus(DoubleDouble other) {
    double sum = high + other.high;
    double part = sum - high;
    double error = (high - (sum - part)) + (other.high - part);
    return normalised(sum, error + (low + other.low));
  }

  DoubleDouble negated() {
    return new DoubleDouble(-high, -low);
  }

  DoubleDouble minus(DoubleDouble other) {
    return plus(other.negated());
  }

  DoubleDouble times(DoubleDouble other) {
    double product = high * other.high;
    double error = Math.fma(high, other.high, -product);
    return normalised(product, error + (high * other.low + low * other.high));
  }

  DoubleDouble over(DoubleDouble divisor) {
    double first = high / divisor.high;
    DoubleDouble rest = minus(divisor.times(of(first)));
    double second = rest.high / divisor.high;
    rest = rest.minus(divisor.times(of(second)));
    return normalised(first, second).plus(of(rest.high / divisor.high));
  }

  /** One step of Newton from the root of the high part. */
  DoubleDouble squareRoot() {
    if (isZero()) {
      return ZERO;
    }
    double root = Math.sqrt(high);
    double error = minus(of(root).times(of(root))).high;
    return normalised(root, error / (2 * root));
  }

  boolean isZero() {
    return high == 0;
  }
}
