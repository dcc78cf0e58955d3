package io.github.diffsvd.contract;

import io.github.diffsvd.DataType;

/** The formulas of docs/numerics.md in double precision, as they stand there. */
final class Reference {
  private Reference() {}

  /**
   * The stand-ins for 1/x: 1/x where |x| > tolerance·s₁, else 0, with gap and sum rounded as the
   * type rounds them.
   */
  record MoorePenrose(DataType type, double tolerance, double[] s) {
    double inverse(double x) {
      boolean single = type.real() == DataType.FLOAT32;
      double rounded = single ? (float) x : x;
      double largest = s.length == 0 ? 0 : s[0];
      double threshold = single ? (float) tolerance * (float) largest : tolerance * largest;
      threshold = Math.max(threshold, single ? Float.MIN_NORMAL : Double.MIN_NORMAL);
      return Math.abs(rounded) > threshold ? 1 / rounded : 0;
    }

    double gap(int i, int j) {
      return inverse(s[j] - s[i]);
    }

    double sum(int i, int j) {
      return inverse(s[j] + s[i]);
    }

    /** The largest factor that anything is multiplied by. */
    double largest() {
      double largest = 0;
      for (int i = 0; i < s.length; i++) {
        largest = Math.max(largest, inverse(s[i]));
        for (int j = 0; j < s.length; j++) {
          largest = Math.max(largest, Math.max(Math.abs(gap(i, j)), sum(i, j)));
        }
      }
      return largest;
    }
  }

  /** gX from the factors and the cotangents, square, tall or wide; absent cotangents are null. */
  static Host pullback(
      Host u, double[] s, Host v, Host gu, double[] gs, Host gv, MoorePenrose rule) {
    int k = s.length;
    Host p = gu == null ? Host.zeros(k, k) : u.adjoint().times(gu);
    Host q = gv == null ? Host.zeros(k, k) : v.adjoint().times(gv);
    Host jp = p.skew();
    Host jq = q.skew();
    Host m = jp.plus(jq).scaled(rule::gap).plus(jp.minus(jq).scaled(rule::sum));
    m = gs == null ? m : m.plus(Host.diagonal(gs));
    Host gx = u.times(m).times(v.adjoint());
    if (gu != null && u.rows() > k) {
      Host outside = gu.minus(u.times(p)).scaled((i, j) -> rule.inverse(s[j]));
      gx = gx.plus(outside.times(v.adjoint()));
    }
    if (gv != null && v.rows() > k) {
      Host outside = gv.minus(v.times(q)).scaled((i, j) -> rule.inverse(s[j]));
      gx = gx.plus(u.times(outside.adjoint()));
    }
    return gx;
  }

  /**
   * dU, dS and dV along dX, for distinct nonzero values; phases are split evenly between U and V.
   */
  record Pushforward(Host du, double[] ds, Host dv) {
    static Pushforward of(Host u, double[] s, Host v, Host dx) {
      int k = s.length;
      Host dp = u.adjoint().times(dx).times(v);
      Host a = dp.plus(dp.adjoint()).scaled((i, j) -> i == j ? 0 : 0.5 / (s[j] - s[i]));
      Host b = dp.minus(dp.adjoint()).scaled((i, j) -> 0.5 / (s[j] + s[i]));
      double[] ds = new double[k];
      for (int i = 0; i < k; i++) {
        ds[i] = dp.re(i, i);
      }
      Host outsideU = dx.times(v).minus(u.times(dp)).scaled((i, j) -> 1 / s[j]);
      Host outsideV = dx.adjoint().times(u).minus(v.times(dp.adjoint())).scaled((i, j) -> 1 / s[j]);
      return new Pushforward(
          u.times(a.plus(b)).plus(outsideU), ds, v.times(a.minus(b)).plus(outsideV));
    }
  }
}
