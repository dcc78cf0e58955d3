// After the solver: the thin factors in the caller's strides, and NaN in those of every matrix that has no decomposition.
//
// LAPACK's left vectors of very tall matrices are off by more than rounding in their length, which is made 1 here.
#include "long_sums.cuh"
#include "solver_scale.cuh"
#include "view.cuh"

template <class T>
struct SvdUnpack {
  View<T> u;              // m×n, what the solver wrote; its columns are brought to norm 1
  View<const Real<T>> s;  // n×1
  View<const T> v;        // n×n
  const int32_t* solver_info;
  View<T> to_u;        // m×n, overwritten; absent: singular values alone
  View<Real<T>> to_s;  // n×1, overwritten
  View<T> to_v;        // n×n, overwritten; absent with to_u
  int32_t* info;       // batch, as svd_pack left it, overwritten: −1, the solver's, or −3 where a singular value is beyond the type's range
  int64_t batch, m, n;
  int64_t v_adjoint;  // 1: v is Vᴴ transposed, so each element is conjugated
};

template <class T>
DEVICE void normalise_column(const View<T>& u, int64_t b, int64_t rows, int64_t j) {
  using R = Real<T>;
  R squared = 0, lost = 0;
  for (int64_t i = 0; i < rows; i++) {
    const T x = u.at(b, i, j);
    add_keeping(squared, lost, real_part(conjugate(x) * x));
  }
  const R length = squared > 0 ? sqrt(squared) : R(1);
  for (int64_t i = 0; i < rows; i++) u.at(b, i, j) = (1 / length) * u.at(b, i, j);
}

template <class T>
DEVICE void svd_unpack(const SvdUnpack<T>& a, const Block& block) {
  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    using Scale = SolverScale<Real<T>>;
    const int32_t screened = a.info[b], solver = a.solver_info[b];
    const Real<T> scale = screened == Scale::kExponent ? Scale::kPower : screened == -Scale::kExponent ? 1 / Scale::kPower : 1;
    const int32_t status = screened == -1 ? -1 : solver ? solver : is_finite(scale * a.s.at(b, 0, 0)) ? 0 : -3;
    block.barrier();
    if (block.thread() == 0) a.info[b] = status;
    for (int64_t j = block.thread(); a.to_u && !status && j < a.n; j += block.threads()) normalise_column(a.u, b, a.m, j);
    block.barrier();
    if (a.to_u) for_elements(block, a.m, a.n, [&](int64_t i, int64_t j) { a.to_u.at(b, i, j) = status ? not_a_number<T>() : a.u.at(b, i, j); });
    for (int64_t t = block.thread(); t < a.n; t += block.threads()) {
      a.to_s.at(b, t, 0) = status ? not_a_number<Real<T>>() : scale * a.s.at(b, t, 0);
    }
    if (a.to_v) {
      for_elements(block, a.n, a.n, [&](int64_t i, int64_t j) {
        const T value = a.v.at(b, i, j);
        a.to_v.at(b, i, j) = status ? not_a_number<T>() : a.v_adjoint ? conjugate(value) : value;
      });
    }
  }
}

KERNEL_FOR_ALL_TYPES(svd_unpack, SvdUnpack)
