// Singular values pulled apart, in place: from the bottom up each is raised to at least δ above the one below it, the last to δ, δ = √eps·s_1. With
// the same U and V they are the exact decomposition of a matrix within k·δ of the given one, at which the SVD has a derivative.
#include "scalar.cuh"
#include "view.cuh"

template <class R>
struct ResolveTies {
  View<R> s;  // k×1, descending, overwritten
  int64_t batch, k;
};

template <class R>
DEVICE void resolve_ties(const ResolveTies<R>& a, const Block& block) {
  const int64_t units = (a.batch + block.threads() - 1) / block.threads();
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit * block.threads() + block.thread();
    if (b >= a.batch) continue;
    const R gap = Limits<R>::root_epsilon * a.s.at(b, 0, 0);
    R least = gap;
    for (int64_t i = a.k - 1; i >= 0; i--) {
      R& value = a.s.at(b, i, 0);
      if (value < least) value = least;
      least = value + gap;
    }
  }
}

KERNEL_FOR_REAL_TYPES(resolve_ties, ResolveTies)
