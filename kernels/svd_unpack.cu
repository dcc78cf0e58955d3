// After the solver: the thin factors in the caller's strides, and NaN in those of every matrix that has no decomposition.
//
// LAPACK's left vectors of very tall matrices are off by more than rounding in their length, which is made 1 here.
#include "long_sums.cuh"
#include "patches.cuh"
#include "solver_scale.cuh"

template <class T>
struct SvdUnpack {
  View<const T> u;        // m×n, what the solver wrote
  View<const Real<T>> s;  // n×1
  View<const T> v;        // n×n
  const int32_t* solver_info;
  View<T> to_u;        // m×n, overwritten, its columns of norm 1; absent: singular values alone
  View<Real<T>> to_s;  // n×1, overwritten
  View<T> to_v;        // n×n, overwritten; absent with to_u
  int32_t* info;       // batch, as svd_pack left it, overwritten: −1, the solver's, or −3 where a singular value is beyond the type's range
  int64_t batch, m, n;
  int64_t v_adjoint;  // 1: v is Vᴴ transposed, so each element is conjugated
};

template <class T>
DEVICE int64_t svd_unpack_scratch_bytes(int64_t, int64_t, int64_t threads) {
  return column_scratch_bytes<Real<T>>(threads);
}

template <class T>
DEVICE void svd_unpack(const SvdUnpack<T>& a, const Block& block) {
  for_matrices(block, a.batch, a.m * a.n, [&](const Team& team, int64_t b) {
    using R = Real<T>;
    using Scale = SolverScale<R>;
    const int32_t screened = a.info[b], solver = a.solver_info[b];
    const R scale = screened == Scale::kExponent ? Scale::kPower : screened == -Scale::kExponent ? 1 / Scale::kPower : 1;
    const int32_t status = screened == -1 ? -1 : solver ? solver : is_finite(scale * a.s.at(b, 0, 0)) ? 0 : -3;
    const bool failed = team.any(status != 0);
    if (team.thread() == 0) a.info[b] = status;
    if (a.to_u)
      team.for_columns(a.n, [&](const TeamColumns& columns) {
        R squared[TeamColumns::kMost] = {}, lost[TeamColumns::kMost] = {}, inverse[TeamColumns::kMost];
        columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) {
          const T x = a.u.at(b, i, j);
          add_keeping(squared[k], lost[k], real_part(conjugate(x) * x));
        });
        columns.for_each([&](int64_t k, int64_t) {
          const R whole = columns.sum(squared[k]);
          inverse[k] = whole > 0 ? 1 / sqrt(whole) : R(1);
        });
        columns.for_elements(
            a.m, [&](int64_t i, int64_t k, int64_t j) { a.to_u.at(b, i, j) = failed ? not_a_number<T>() : inverse[k] * a.u.at(b, i, j); });
      });
    for (int64_t t = team.thread(); t < a.n; t += team.threads()) a.to_s.at(b, t, 0) = failed ? not_a_number<R>() : scale * a.s.at(b, t, 0);
    if (a.to_v)
      team.for_elements(a.n, a.n, a.to_v.by_columns(), [&](int64_t i, int64_t j) {
        const T value = a.v.at(b, i, j);
        a.to_v.at(b, i, j) = failed ? not_a_number<T>() : a.v_adjoint ? conjugate(value) : value;
      });
  });
}

KERNEL_FOR_ALL_TYPES(svd_unpack, SvdUnpack)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_unpack)
