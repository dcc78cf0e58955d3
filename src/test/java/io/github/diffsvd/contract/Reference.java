package io.github.diffsvd.contract;

import io.github.diffsvd.DataType;
import java.util.function.IntToDoubleFunction;

/** The formulas of docs/numerics.md in double precision, as they stand there. */
final class Reference {
  private Reference() {}

  /** What stands in for the reciprocals of a pair, i and j in any order. */
  interface Rule {
    double gap(int i, int j);

    double sum(int i, int j);

    /** For 1/(2 s_i). */
    double phase(int i);

    /** For 1/x, x a singular value. */
    double inverse(double x);

    /** What P_ij is multiplied by besides. */
    default double tied(int i, int j) {
      return 0;
    }

    /** The largest factor that anything is multiplied by, for the first k values. */
    default double largest(double[] s) {
      double largest = 0;
      for (int i = 0; i < s.length; i++) {
        largest = Math.max(largest, Math.max(Math.abs(inverse(s[i])), Math.abs(phase(i))));
        for (int j = 0; j < s.length; j++) {
          double pair = Math.max(Math.abs(gap(i, j)), Math.abs(sum(i, j)));
          largest = Math.max(largest, i == j ? 0 : Math.max(pair, Math.abs(tied(i, j))));
        }
      }
      return largest;
    }
  }

  /** A rule that is published as an F-matrix, from squares as it is published. */
  private abstract static class Published implements Rule {
    final double[] s;

    Published(double[] s) {
      this.s = s;
    }

    /** F for i &lt; j; odd in the two. */
    abstract double f(int i, int j);

    private double odd(int i, int j) {
      return i == j ? 0 : i < j ? f(i, j) : -f(j, i);
    }

    double x(int i, int j) {
      return s[j] * s[j] - s[i] * s[i];
    }

    @Override
    public double gap(int i, int j) {
      return odd(i, j) * (s[j] + s[i]);
    }

    @Override
    public double sum(int i, int j) {
      return odd(i, j) * (s[j] - s[i]);
    }

    @Override
    public double phase(int i) {
      return inverse(2 * s[i]);
    }

    @Override
    public double inverse(double x) {
      return x == 0 ? 0 : 1 / x;
    }
  }

  /** Every rule but moore-penrose, by its name, with its default parameter in double precision. */
  static Rule rule(String name, double[] s) {
    double lorentzian = Math.pow(Math.ulp(1.0), 0.75) * s[0];
    return switch (name) {
      case "zero" ->
          new Published(s) {
            @Override
            double f(int i, int j) {
              return x(i, j) / (x(i, j) * x(i, j) + 1e-20);
            }

            @Override
            public double inverse(double x) {
              return x / (x * x + 1e-20);
            }
          };
      case "clip" ->
          new Published(s) {
            private final double limit = 1e6 / (s[0] * s[0]);

            @Override
            double f(int i, int j) {
              return x(i, j) == 0 ? -limit : Math.max(-limit, Math.min(limit, 1 / x(i, j)));
            }

            @Override
            public double inverse(double x) {
              return Math.min(1e6 / s[0], 1 / x);
            }
          };
      case "taylor" ->
          new Published(s) {
            @Override
            double f(int i, int j) {
              double sum = 0;
              for (int t = 0; t <= 9; t++) {
                sum += Math.pow(s[j] / s[i], 2 * t);
              }
              return s[i] == 0 ? 0 : -sum / (s[i] * s[i]);
            }
          };
      case "pade" ->
          new Published(s) {
            @Override
            double f(int i, int j) {
              double q = s[j] / s[i] * (s[j] / s[i]);
              return s[i] == 0 ? 0 : -1 / Math.max(Math.ulp(1.0), 1 - q) / (s[i] * s[i]);
            }
          };
      case "svd-inv" ->
          new Published(s) {
            private boolean tie(int i, int j) {
              return x(i, j) == 0 || Math.abs(1 / x(i, j)) > 1e30;
            }

            @Override
            double f(int i, int j) {
              return tie(i, j) ? 0 : 1 / x(i, j);
            }

            @Override
            public double inverse(double x) {
              return x * x < 1e-30 ? 0 : 1 / x;
            }

            @Override
            public double phase(int i) {
              return 0;
            }

            @Override
            public double tied(int i, int j) {
              return i != j && tie(i, j) ? inverse(s[j]) : 0;
            }
          };
      case "lorentzian" ->
          new Rule() {
            @Override
            public double gap(int i, int j) {
              return inverse(s[j] - s[i]);
            }

            @Override
            public double sum(int i, int j) {
              return inverse(s[j] + s[i]);
            }

            @Override
            public double phase(int i) {
              return inverse(2 * s[i]);
            }

            @Override
            public double inverse(double x) {
              return x == 0 ? 0 : x / (x * x + lorentzian * lorentzian);
            }
          };
      case "exact" ->
          new Published(s) {
            @Override
            double f(int i, int j) {
              return 1 / x(i, j);
            }
          };
      default ->
          throw new IllegalArgumentException(
              "the rule " + name + " has no formula in contract/Reference.java");
    };
  }

  /**
   * The stand-ins for 1/x: 1/x where |x| > tolerance·s₁, else 0, with gap and sum rounded as the
   * type rounds them.
   */
  record MoorePenrose(DataType type, double tolerance, double[] s) implements Rule {
    @Override
    public double inverse(double x) {
      boolean single = type.real() == DataType.FLOAT32;
      double rounded = single ? (float) x : x;
      double largest = s.length == 0 ? 0 : s[0];
      double threshold = single ? (float) tolerance * (float) largest : tolerance * largest;
      threshold = Math.max(threshold, 256 * (single ? Float.MIN_NORMAL : Double.MIN_NORMAL));
      return Math.abs(rounded) > threshold ? 1 / rounded : 0;
    }

    @Override
    public double gap(int i, int j) {
      return inverse(s[j] - s[i]);
    }

    @Override
    public double sum(int i, int j) {
      return inverse(s[j] + s[i]);
    }

    @Override
    public double phase(int i) {
      return inverse(2 * s[i]);
    }

    double largest() {
      return largest(s);
    }
  }

  /** gX from the factors and the cotangents, square, tall or wide; absent cotangents are null. */
  static Host pullback(Host u, double[] s, Host v, Host gu, double[] gs, Host gv, Rule rule) {
    int k = s.length;
    Host p = gu == null ? Host.zeros(k, k) : u.adjoint().times(gu);
    Host q = gv == null ? Host.zeros(k, k) : v.adjoint().times(gv);
    Host jp = p.skew();
    Host jq = q.skew();
    Host m =
        jp.plus(jq)
            .scaled((i, j) -> i == j ? 0 : rule.gap(i, j))
            .plus(jp.minus(jq).scaled((i, j) -> i == j ? rule.phase(i) : rule.sum(i, j)))
            // P is that of the larger side: a wide matrix is the tall problem of its adjoint.
            .plus(
                u.rows() < v.rows()
                    ? q.adjoint().scaled((i, j) -> rule.tied(j, i))
                    : p.scaled(rule::tied));
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
   * The gradient of Re⟨G, U f(S) Vᴴ⟩ with respect to A = U S Vᴴ, exact at ties and at zero: the
   * table of divided differences d(i, j), that of e(i, j) = (f_i + f_j)/(s_i + s_j), and f(s)/s.
   */
  static Host spectral(
      Host u, Host v, Host g, Host.Entry d, Host.Entry e, IntToDoubleFunction ratio) {
    Host core = u.adjoint().times(g).times(v);
    Host hermitian = core.plus(core.adjoint()).scaled(0.5).scaled(d);
    Host skew = core.skew().scaled(e);
    Host gx = u.times(hermitian.plus(skew)).times(v.adjoint());
    Host left = g.times(v).minus(u.times(core)).scaled((i, j) -> ratio.applyAsDouble(j));
    Host right =
        g.adjoint()
            .times(u)
            .minus(v.times(core.adjoint()))
            .scaled((i, j) -> ratio.applyAsDouble(j));
    return gx.plus(left.times(v.adjoint())).plus(u.times(right.adjoint()));
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
