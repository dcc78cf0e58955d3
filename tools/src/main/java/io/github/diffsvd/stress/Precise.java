package io.github.diffsvd.stress;

import java.math.BigDecimal;
import java.math.MathContext;

/** Functions of numbers in the whole range of double, to 40 digits and more. */
final class Precise {
  static final MathContext DIGITS = new MathContext(80);

  private static final BigDecimal SMALL = BigDecimal.ONE.scaleByPowerOfTen(-3);

  private static final BigDecimal TINY = BigDecimal.ONE.scaleByPowerOfTen(-40);

  private Precise() {}

  /** By Taylor's series of x/2^n, squared n times. */
  static BigDecimal exp(BigDecimal x) {
    int halvings = 0;
    BigDecimal reduced = x;
    while (reduced.abs().compareTo(SMALL) > 0) {
      reduced = reduced.divide(BigDecimal.valueOf(2), DIGITS);
      halvings++;
    }
    BigDecimal sum = BigDecimal.ONE;
    BigDecimal term = BigDecimal.ONE;
    for (int i = 1; i < 24; i++) {
      term = term.multiply(reduced, DIGITS).divide(BigDecimal.valueOf(i), DIGITS);
      sum = sum.add(term, DIGITS);
    }
    for (int i = 0; i < halvings; i++) {
      sum = sum.multiply(sum, DIGITS);
    }
    return sum;
  }

  /** Of x &gt; 0, by two steps of Halley from the double; next to 1 the first term is all. */
  static BigDecimal log(BigDecimal x) {
    BigDecimal beyondOne = x.subtract(BigDecimal.ONE);
    if (beyondOne.abs().compareTo(TINY) < 0) {
      return beyondOne;
    }
    BigDecimal y = new BigDecimal(Math.log(x.doubleValue()));
    for (int i = 0; i < 2; i++) {
      BigDecimal e = exp(y);
      BigDecimal step = x.subtract(e, DIGITS).divide(x.add(e, DIGITS), DIGITS);
      y = y.add(step.add(step, DIGITS), DIGITS);
    }
    return y;
  }
}
