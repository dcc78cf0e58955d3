// Losses of singular values and their gradients. A thread has a matrix of its own.
//
// A loss is a struct with these members, of one matrix with k values:
//   R term(s)            what is added up over the values
//   R whole(sum)         what the loss and its slopes are made from
//   R value(whole)       the loss
//   R slope(s, whole)    gS of the value s
// NaN stays NaN in all of them. To add one: a struct, a case in with_loss, a method of SingularValueLoss.java with the same code.
#include "scalar.cuh"
#include "view.cuh"

template <class R>
struct SingularValueLoss {
  View<const R> s;  // k×1, descending
  View<R> loss;     // 1×1, overwritten
  View<R> gs;       // k×1, overwritten; or absent
  int64_t batch, k;
  int64_t code;
  double parameter;
};

// Σ s_i. Its slope is 1; at 0 it is 0, of the subgradients the smallest.
template <class R>
struct NuclearNorm {
  DEVICE NuclearNorm(double, R, int64_t) {}
  DEVICE R term(R s) const { return s; }
  DEVICE R whole(R sum) const { return sum; }
  DEVICE R value(R whole) const { return whole; }
  DEVICE R slope(R s, R) const { return s == 0 ? R(0) : s / s; }
};

// (Σ s_i^p)^(1/p), by way of the values over the largest, whose powers are in range.
template <class R>
struct SchattenNorm {
  R p, largest;
  DEVICE SchattenNorm(double parameter, R largest, int64_t) : p(R(parameter)), largest(largest) {}
  DEVICE R term(R s) const { return largest == 0 ? R(0) : pow(s / largest, p); }
  DEVICE R whole(R sum) const { return pow(sum, 1 / p); }
  DEVICE R value(R whole) const { return largest * whole; }
  DEVICE R slope(R s, R whole) const { return s == 0 ? R(0) : pow(s / largest / whole, p - 1); }
};

// s_1. Each of the r values that equal s_1 up to rounding has the slope 1/r, the smallest of the subgradients.
template <class R>
struct SpectralNorm {
  R largest, rounding;
  DEVICE SpectralNorm(double, R largest, int64_t k) : largest(largest), rounding(Limits<R>::epsilon * (R(k) * largest)) {}
  DEVICE bool is_largest(R s) const { return largest - s <= rounding; }
  DEVICE R term(R s) const { return is_largest(s) ? R(1) : R(0); }
  DEVICE R whole(R sum) const { return sum; }
  DEVICE R value(R) const { return largest; }
  DEVICE R slope(R s, R whole) const { return s == 0 ? R(0) : is_largest(s) ? s / s / whole : s - s; }
};

// Σ log(s_i + p). Its slope is 0 where 1/(s_i + p) is not representable.
template <class R>
struct LogDeterminant {
  R p;
  DEVICE LogDeterminant(double parameter, R, int64_t) : p(R(parameter)) {}
  DEVICE R term(R s) const { return log(s + p); }
  DEVICE R whole(R sum) const { return sum; }
  DEVICE R value(R whole) const { return whole; }
  DEVICE R slope(R s, R) const { return s + p < Limits<R>::smallest_invertible ? R(0) : 1 / (s + p); }
};

// A code that no loss has.
template <class R>
struct NoLoss {
  DEVICE NoLoss(double, R, int64_t) {}
  DEVICE R term(R) const { return R(NAN); }
  DEVICE R whole(R sum) const { return sum; }
  DEVICE R value(R) const { return R(NAN); }
  DEVICE R slope(R, R) const { return R(NAN); }
};

// Calls body with the loss that Java chose.
template <class R, class Body>
DEVICE void with_loss(const SingularValueLoss<R>& a, R largest, const Body& body) {
  switch (a.code) {
    case 0:
      return body(NuclearNorm<R>(a.parameter, largest, a.k));
    case 1:
      return body(SchattenNorm<R>(a.parameter, largest, a.k));
    case 2:
      return body(SpectralNorm<R>(a.parameter, largest, a.k));
    case 3:
      return body(LogDeterminant<R>(a.parameter, largest, a.k));
    default:
      return body(NoLoss<R>(a.parameter, largest, a.k));
  }
}

template <class R>
DEVICE void singular_value_loss(const SingularValueLoss<R>& a, const Block& block) {
  const int64_t units = (a.batch + block.threads() - 1) / block.threads();
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit * block.threads() + block.thread();
    if (b >= a.batch) continue;
    with_loss(a, a.s.at(b, 0, 0), [&](const auto& loss) {
      R sum = 0;
      for (int64_t i = 0; i < a.k; i++) sum += loss.term(a.s.at(b, i, 0));
      const R whole = loss.whole(sum);
      a.loss.at(b, 0, 0) = loss.value(whole);
      for (int64_t i = 0; a.gs && i < a.k; i++) a.gs.at(b, i, 0) = loss.slope(a.s.at(b, i, 0), whole);
    });
  }
}

KERNEL_FOR_REAL_TYPES(singular_value_loss, SingularValueLoss)
