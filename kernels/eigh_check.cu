// Of a Hermitian positive semi-definite matrix the SVD is the eigendecomposition: u_i = v_i wherever s_i is not rounding. Of one with a negative
// eigenvalue UᴴV is Hermitian with eigenvalues ±1 in each group of equal values, so that some column of k tied ones has u_iᴴv_i ≤ 1 − 2/k, however
// they are rotated. Matrices of either other kind are marked in info and their factors become NaN.
#include "scalar.cuh"
#include "view.cuh"

template <class T>
struct EighCheck {
  View<const T> a;  // n×n
  View<T> u;        // n×n, kept or overwritten by NaN
  View<Real<T>> s;  // n×1, kept or overwritten by NaN
  View<const T> v;  // n×n
  int32_t* info;    // batch: where it was 0, −4 if the matrix is not Hermitian, −2 if it has a negative eigenvalue
  int64_t batch, n;
};

template <class T>
DEVICE void eigh_check(const EighCheck<T>& x, const Block& block) {
  using R = Real<T>;
  for (int64_t b = block.first(x.batch); b < block.last(x.batch); b += block.step()) {
    const R rounding = Limits<R>::epsilon * R(64 * x.n) * x.s.at(b, 0, 0);
    bool asymmetric = false, negative = false;
    for_elements(block, x.n, x.n, [&](int64_t i, int64_t j) {
      if (i <= j && magnitude(x.a.at(b, i, j) - conjugate(x.a.at(b, j, i))) > rounding) asymmetric = true;
    });
    for (int64_t j = block.thread(); j < x.n; j += block.threads()) {
      R cosine = 0;
      for (int64_t i = 0; i < x.n; i++) cosine += real_part(conjugate(x.u.at(b, i, j)) * x.v.at(b, i, j));
      if (x.s.at(b, j, 0) > rounding && R(x.n) * (1 - cosine) > 1) negative = true;
    }
    asymmetric = block.any(asymmetric);
    negative = block.any(negative);
    if (!asymmetric && !negative) continue;
    if (block.thread() == 0 && x.info[b] == 0) x.info[b] = asymmetric ? -4 : -2;
    for_elements(block, x.n, x.n, [&](int64_t i, int64_t j) { x.u.at(b, i, j) = not_a_number<T>(); });
    for (int64_t t = block.thread(); t < x.n; t += block.threads()) x.s.at(b, t, 0) = not_a_number<R>();
  }
}

KERNEL_FOR_ALL_TYPES(eigh_check, EighCheck)
