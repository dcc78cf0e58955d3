// Before the solver: a copy of the batch in the solver's own layout, screened. A matrix with NaN or infinity in it is marked in info and replaced by
// the identity, so that no solver sees it and its neighbours stay untouched.
#include "scalar.cuh"
#include "view.cuh"

template <class T>
struct SvdPack {
  View<const T> from;  // m×n
  View<T> to;          // m×n, overwritten
  int32_t* info;       // batch, overwritten: 0, or −1 for a matrix that is not finite
  int64_t batch, m, n;
  int64_t adjoint;  // 1: each element is conjugated
};

template <class T>
DEVICE void svd_pack(const SvdPack<T>& a, const Block& block) {
  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    bool broken = false;
    for (int64_t t = block.thread(); t < a.m * a.n; t += block.threads()) {
      const int64_t i = t % a.m, j = t / a.m;
      const T value = a.from.at(b, i, j);
      broken |= !is_finite(value);
      a.to.at(b, i, j) = a.adjoint ? conjugate(value) : value;
    }
    broken = block.any(broken);
    for (int64_t t = block.thread(); broken && t < a.m * a.n; t += block.threads()) {
      const int64_t i = t % a.m, j = t / a.m;
      a.to.at(b, i, j) = from_real<T>(i == j);
    }
    if (block.thread() == 0) a.info[b] = broken ? -1 : 0;
  }
}

KERNEL_FOR_ALL_TYPES(svd_pack, SvdPack)
