// Of a Hermitian positive semi-definite matrix the SVD is the eigendecomposition: u_i = v_i wherever s_i is not rounding. Where they differ the
// matrix is something else; it is marked in info and its factors become NaN.
#include "scalar.cuh"
#include "view.cuh"

template <class T>
struct EighCheck {
  View<T> u;        // n×n, kept or overwritten by NaN
  View<Real<T>> s;  // n×1, kept or overwritten by NaN
  View<const T> v;  // n×n
  int32_t* info;    // batch: −2 where it was 0 and the matrix is not positive semi-definite
  int64_t batch, n;
};

template <class T>
DEVICE void eigh_check(const EighCheck<T>& a, const Block& block) {
  using R = Real<T>;
  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    const R rounding = Limits<R>::epsilon * R(64 * a.n) * a.s.at(b, 0, 0);
    bool differs = false;
    for (int64_t j = block.thread(); j < a.n; j += block.threads()) {
      R cosine = 0;
      for (int64_t i = 0; i < a.n; i++) cosine += real_part(conjugate(a.u.at(b, i, j)) * a.v.at(b, i, j));
      if (a.s.at(b, j, 0) > rounding && cosine < R(0.5)) differs = true;
    }
    differs = block.any(differs);
    if (!differs) continue;
    if (block.thread() == 0 && a.info[b] == 0) a.info[b] = -2;
    for (int64_t t = block.thread(); t < a.n * a.n; t += block.threads()) a.u.at(b, t / a.n, t % a.n) = not_a_number<T>();
    for (int64_t t = block.thread(); t < a.n; t += block.threads()) a.s.at(b, t, 0) = not_a_number<R>();
  }
}

KERNEL_FOR_ALL_TYPES(eigh_check, EighCheck)
