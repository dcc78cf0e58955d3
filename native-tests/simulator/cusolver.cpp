// The stand-in for libcusolver.so.11: the four SVD routines of the CUDA backend, on OpenBLAS. Each honours leading dimensions, strides, job flags and
// what it returns: gesvd the adjoint of V, the others V; gesvdjBatched the full U. What one cannot do, it does not do here either: the Jacobi
// iterations square elements without a look at their size, and gesvda works on AᴴA.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "core.h"

using namespace simulator;

namespace {

constexpr int kNotInitializedHandle = 1;  // CUSOLVER_STATUS_NOT_INITIALIZED
constexpr int kAllocFailed = 2;           // CUSOLVER_STATUS_ALLOC_FAILED
constexpr int kBadValue = 3;              // CUSOLVER_STATUS_INVALID_VALUE

std::map<uint64_t, uint64_t> streams;  // by handle

bool known(Call& call, uint64_t handle) {
  if (is_handle(handle, Kind::kCusolver)) return true;
  call.wrong("the handle does not exist, or exists no more", kNotInitializedHandle);
  return false;
}

template <class T>
struct Lapack {
  using Real = T;
};
template <class R>
struct Lapack<std::complex<R>> {
  using Real = R;
};
template <class T>
constexpr const char* kGesvd = "LAPACKE_sgesvd";
template <>
constexpr const char* kGesvd<double> = "LAPACKE_dgesvd";
template <>
constexpr const char* kGesvd<std::complex<float>> = "LAPACKE_cgesvd";
template <>
constexpr const char* kGesvd<std::complex<double>> = "LAPACKE_zgesvd";

template <class T>
constexpr const char* kEigen = "LAPACKE_ssyev";
template <>
constexpr const char* kEigen<double> = "LAPACKE_dsyev";
template <>
constexpr const char* kEigen<std::complex<float>> = "LAPACKE_cheev";
template <>
constexpr const char* kEigen<std::complex<double>> = "LAPACKE_zheev";

enum class Method { kQr, kJacobi, kGram };

template <class R>
R conjugate(R x) {
  return x;
}
template <class R>
std::complex<R> conjugate(std::complex<R> x) {
  return std::conj(x);
}

// A matrix in each matrix of a batch: where, extents, and how far apart columns and matrices are, in elements.
struct Operand {
  uint64_t address = 0;
  int rows = 0, columns = 0, leading = 1;
  long long stride = 0;

  uint64_t bytes(int batch, size_t element) const {
    return (static_cast<uint64_t>(stride) * (batch - 1) + static_cast<uint64_t>(leading) * (columns - 1) + rows) * element;
  }
};

struct Problem {
  Method method;
  uint64_t handle;
  int m, n, batch;
  bool vectors;
  Operand a, s, u, v;  // s is a column
  bool adjoint;        // v takes Vᴴ
  uint64_t work;
  int work_elements, work_needed;
  uint64_t info;
  bool waits = false;
};

constexpr int kColumnMajor = 102;

// Of an m×n matrix, column-major; all n columns of V, of U as many as there is room for.
template <class T>
int by_qr(int m, int n, T* a, typename Lapack<T>::Real* s, std::vector<T>& u, T* v_adjoint, char job) {
  using Gesvd = int (*)(int, char, char, int, int, void*, int, void*, void*, int, void*, int, void*);
  std::vector<typename Lapack<T>::Real> rest(std::min(m, n));
  return reinterpret_cast<Gesvd>(blas_symbol(kGesvd<T>))(kColumnMajor, job, job, m, n, a, m, s, u.data(), m, v_adjoint, n, rest.data());
}

// V and S² are those of AᴴA, and U is A V S⁻¹: the condition is squared, and a singular value of 0 leaves NaN.
template <class T>
int by_gram(int m, int n, const T* a, typename Lapack<T>::Real* s, std::vector<T>& u, T* v_adjoint) {
  using R = typename Lapack<T>::Real;
  using Eigen = int (*)(int, char, char, int, void*, int, void*);
  std::vector<T> gram(size_t(n) * n);
  std::vector<R> squares(n);
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++)
      for (int l = 0; l < m; l++) gram[i + size_t(j) * n] += conjugate(a[l + size_t(i) * m]) * a[l + size_t(j) * m];
  const int info = reinterpret_cast<Eigen>(blas_symbol(kEigen<T>))(kColumnMajor, 'V', 'U', n, gram.data(), n, squares.data());
  for (int j = 0; j < n; j++) {
    const T* v = &gram[size_t(n - 1 - j) * n];  // the largest first
    s[j] = std::sqrt(std::max(squares[n - 1 - j], R(0)));
    for (int i = 0; i < n; i++) v_adjoint[j + size_t(i) * n] = conjugate(v[i]);
    for (int i = 0; i < m; i++) {
      T sum = 0;
      for (int l = 0; l < n; l++) sum += a[i + size_t(l) * m] * v[l];
      u[i + size_t(j) * m] = sum / s[j];
    }
  }
  return info;
}

// Whether the square of the largest element is a normal number, or 0.
template <class T>
bool squares_are_in_range(const std::vector<T>& matrix) {
  using R = typename Lapack<T>::Real;
  R largest = 0;
  for (const T& x : matrix) largest = std::max(largest, R(std::abs(x)));
  const R square = largest * largest;
  return largest == 0 || (square >= std::numeric_limits<R>::min() && std::isfinite(square));
}

// Writes one matrix's results; everything that is written is poisoned first, and A afterwards.
template <class T>
void decompose(const Problem& p, int index, int32_t fault) {
  using R = typename Lapack<T>::Real;
  auto* a = reinterpret_cast<T*>(p.a.address) + index * p.a.stride;
  auto* s = reinterpret_cast<R*>(p.s.address) + index * p.s.stride;
  auto* u = reinterpret_cast<T*>(p.u.address) + index * p.u.stride;
  auto* v = reinterpret_cast<T*>(p.v.address) + index * p.v.stride;
  auto* info = reinterpret_cast<int32_t*>(p.info) + index;

  const int m = p.m, n = p.n, k = std::min(m, n);
  std::vector<T> matrix(size_t(m) * n), left(size_t(m) * std::max(p.u.columns, k)), right(size_t(n) * n);
  std::vector<R> values(k);
  for (int j = 0; j < n; j++) std::copy_n(a + size_t(j) * p.a.leading, m, &matrix[size_t(j) * m]);
  const char job = p.vectors && (p.u.columns > k || p.v.columns > k) ? 'A' : 'S';
  const bool given_up = p.method == Method::kJacobi && !squares_are_in_range(matrix);
  *info = p.method == Method::kGram ? by_gram(m, n, matrix.data(), values.data(), left, right.data())
                                    : by_qr(m, n, matrix.data(), values.data(), left, right.data(), job);
  if (fault || given_up) {
    *info = fault ? fault : n + 1;
    std::memset(static_cast<void*>(left.data()), 0xFF, left.size() * sizeof(T));
    std::memset(static_cast<void*>(right.data()), 0xFF, right.size() * sizeof(T));
    std::memset(static_cast<void*>(values.data()), 0xFF, values.size() * sizeof(R));
  }
  for (int i = 0; i < p.s.rows; i++) s[i] = values[i];
  if (p.vectors) {
    for (int j = 0; j < p.u.columns; j++) std::copy_n(&left[size_t(j) * m], m, u + size_t(j) * p.u.leading);
    for (int j = 0; j < p.v.columns; j++) {
      for (int i = 0; i < p.v.rows; i++) v[i + size_t(j) * p.v.leading] = p.adjoint ? right[i + size_t(j) * n] : conjugate(right[j + size_t(i) * n]);
    }
  }
  for (int j = 0; j < n; j++) poison(reinterpret_cast<uint64_t>(a + size_t(j) * p.a.leading), m * sizeof(T));
}

template <class T>
int solve(Call& call, const Problem& p) {
  using R = typename Lapack<T>::Real;
  if (!known(call, p.handle)) return call.status();
  if (p.m < 0 || p.n < 0 || p.batch < 1) return call.wrong("an extent", kBadValue);
  if (p.work_elements < p.work_needed)
    return call.wrong("a workspace of " + std::to_string(p.work_elements) + " elements, where bufferSize asks for " + std::to_string(p.work_needed),
                      kBadValue);
  struct Range {
    const char* name;
    uint64_t address, bytes, element_bytes;
  };
  std::vector<Range> ranges = {{"A", p.a.address, p.a.bytes(p.batch, sizeof(T)), sizeof(T)},
                               {"S", p.s.address, p.s.bytes(p.batch, sizeof(R)), sizeof(R)},
                               {"work", p.work, p.work_elements * sizeof(T), sizeof(T)},
                               {"info", p.info, p.batch * sizeof(int32_t), sizeof(int32_t)}};
  if (p.vectors) {
    ranges.push_back({"U", p.u.address, p.u.bytes(p.batch, sizeof(T)), sizeof(T)});
    ranges.push_back({"V", p.v.address, p.v.bytes(p.batch, sizeof(T)), sizeof(T)});
  }
  for (const Range& range : ranges)
    if (!is_live(range.address, range.bytes)) return call.wrong(std::string(range.name) + ": " + describe(range.address, range.bytes), kBadValue);
  for (const Range& one : ranges)
    for (const Range& other : ranges)
      if (&one < &other && one.address < other.address + other.bytes && other.address < one.address + one.bytes)
        return call.wrong(std::string(one.name) + " overlaps " + other.name, kBadValue);
  for (const Operand* each : {&p.a, &p.u, &p.v})
    if ((p.vectors || each == &p.a) && each->leading < std::max(1, each->rows)) return call.wrong("a leading dimension", kBadValue);

  for (const Range& range : ranges) check_aligned(call, streams[p.handle], range.name, range.address, range.element_bytes);
  std::vector<int32_t> faults(p.batch);
  for (int i = 0; i < p.batch; i++) faults[i] = solver_fault();
  const auto work = [p, faults] {
    poison(p.work, p.work_elements * sizeof(T));
    for (int i = 0; i < p.batch; i++) decompose<T>(p, i, faults[i]);
  };
  if (!p.waits) return enqueue(call, streams[p.handle], work);
  // As seen on an H100 with cuSOLVER 12.0: the host looks at convergence, and a capture ends in this status.
  constexpr int kExecutionFailed = 6;
  return breaks_capture(streams[p.handle]) ? kExecutionFailed : enqueue_and_wait(call, streams[p.handle], work);
}

// A size like any other; the point is that the caller gives as much.
int work_elements(int m, int n, int batch) { return std::max(1, m) + 3 * std::max(1, n) + 5 + batch; }

int answer(const char* name, uint64_t handle, int m, int n, int batch, int* elements) {
  Call call(name, Library::kCusolver);
  if (call.failed() || !known(call, handle)) return call.status();
  if (m < 0 || n < 0 || batch < 0 || !elements) return call.wrong("an extent", kBadValue);
  *elements = work_elements(m, n, batch);
  return 0;
}

bool known_settings(Call& call, uint64_t settings) {
  if (is_handle(settings, Kind::kGesvdjInfo)) return true;
  call.wrong("the gesvdjInfo does not exist, or exists no more", kBadValue);
  return false;
}

template <class T>
int gesvd(const char* name, uint64_t handle, signed char job_u, signed char job_v, int m, int n, uint64_t a, int lda, uint64_t s, uint64_t u, int ldu,
          uint64_t v, int ldv, uint64_t work, int elements, uint64_t info) {
  Call call(name, Library::kCusolver);
  if (call.failed()) return call.status();
  if (m < n) return call.wrong("m < n", kBadValue);
  if ((job_u != 'S' && job_u != 'A' && job_u != 'N') || (job_v != 'S' && job_v != 'A' && job_v != 'N') || (job_u == 'N') != (job_v == 'N'))
    return call.wrong("the simulator has jobs S, A and N", kBadValue);
  return solve<T>(call, {Method::kQr,
                         handle,
                         m,
                         n,
                         1,
                         job_u != 'N',
                         {a, m, n, lda},
                         {s, n, 1, n},
                         {u, m, job_u == 'A' ? m : n, ldu},
                         {v, n, n, ldv},
                         true,
                         work,
                         elements,
                         work_elements(m, n, 1),
                         info,
                         true});
}

template <class T>
int gesvdj(const char* name, uint64_t handle, int job, int thin, int m, int n, uint64_t a, int lda, uint64_t s, uint64_t u, int ldu, uint64_t v,
           int ldv, uint64_t work, int elements, uint64_t info, uint64_t settings) {
  Call call(name, Library::kCusolver);
  if (call.failed() || !known_settings(call, settings)) return call.status();
  const int k = std::min(m, n);
  return solve<T>(call, {Method::kJacobi,
                         handle,
                         m,
                         n,
                         1,
                         job == 1,
                         {a, m, n, lda},
                         {s, k, 1, k},
                         {u, m, thin ? k : m, ldu},
                         {v, n, thin ? k : n, ldv},
                         false,
                         work,
                         elements,
                         work_elements(m, n, 1),
                         info,
                         true});
}

template <class T>
int gesvdj_batched(const char* name, uint64_t handle, int job, int m, int n, uint64_t a, int lda, uint64_t s, uint64_t u, int ldu, uint64_t v,
                   int ldv, uint64_t work, int elements, uint64_t info, uint64_t settings, int batch) {
  Call call(name, Library::kCusolver);
  if (call.failed() || !known_settings(call, settings)) return call.status();
  if (m > 32 || n > 32) return call.wrong("more than 32 rows or columns", kBadValue);
  const int k = std::min(m, n);
  return solve<T>(call, {Method::kJacobi,
                         handle,
                         m,
                         n,
                         batch,
                         job == 1,
                         {a, m, n, lda, 1LL * lda * n},
                         {s, k, 1, k, k},
                         {u, m, m, ldu, 1LL * ldu * m},
                         {v, n, n, ldv, 1LL * ldv * n},
                         false,
                         work,
                         elements,
                         work_elements(m, n, batch),
                         info});
}

template <class T>
int gesvda(const char* name, uint64_t handle, int job, int rank, int m, int n, uint64_t a, int lda, long long stride_a, uint64_t s,
           long long stride_s, uint64_t u, int ldu, long long stride_u, uint64_t v, int ldv, long long stride_v, uint64_t work, int elements,
           uint64_t info, double* residuals, int batch) {
  Call call(name, Library::kCusolver);
  if (call.failed()) return call.status();
  if (m < n || rank < 1 || rank > n) return call.wrong("m < n, or a rank out of range", kBadValue);
  if (residuals) return call.wrong("residuals were asked for, for which it waits", kBadValue);
  return solve<T>(call, {Method::kGram,
                         handle,
                         m,
                         n,
                         batch,
                         job == 1,
                         {a, m, n, lda, stride_a},
                         {s, rank, 1, rank, stride_s},
                         {u, m, rank, ldu, stride_u},
                         {v, n, rank, ldv, stride_v},
                         false,
                         work,
                         elements,
                         work_elements(m, n, batch),
                         info});
}

}  // namespace

#define API extern "C" int

API cusolverDnCreate(uint64_t* handle) {
  Call call("cusolverDnCreate", Library::kCusolver);
  if (call.failed()) return call.status();
  // As measured on an H100 with cuSOLVER 12.0; a guess for what came before.
  *handle = make_handle(Kind::kCusolver, uint64_t{compute_capability() >= 90 ? 100u : 4u} << 20);
  if (!*handle) return kAllocFailed;
  streams[*handle] = 0;
  return 0;
}

API cusolverDnDestroy(uint64_t handle) {
  Call call("cusolverDnDestroy", Library::kCusolver);
  if (call.failed() || !known(call, handle)) return call.status();
  streams.erase(handle);
  drop_handle(handle);
  return 0;
}

API cusolverDnSetStream(uint64_t handle, uint64_t stream) {
  Call call("cusolverDnSetStream", Library::kCusolver);
  if (call.failed() || !known(call, handle)) return call.status();
  streams[handle] = stream;
  return 0;
}

API cusolverGetVersion(int* version) {
  Call call("cusolverGetVersion", Library::kCusolver, false);
  *version = 11604;
  return call.status();
}

API cusolverGetProperty(int which, int* value) {
  Call call("cusolverGetProperty", Library::kCusolver, false);
  *value = which == 0 ? 11 : which == 1 ? 6 : 4;
  return call.status();
}

API cusolverDnCreateGesvdjInfo(uint64_t* settings) {
  Call call("cusolverDnCreateGesvdjInfo", Library::kCusolver);
  if (call.failed()) return call.status();
  *settings = make_handle(Kind::kGesvdjInfo);
  return 0;
}

API cusolverDnDestroyGesvdjInfo(uint64_t settings) {
  Call call("cusolverDnDestroyGesvdjInfo", Library::kCusolver);
  if (call.failed() || !known_settings(call, settings)) return call.status();
  drop_handle(settings);
  return 0;
}

#define ROUTINES(L, T)                                                                                                                              \
  API cusolverDn##L##gesvd_bufferSize(uint64_t handle, int m, int n, int* elements) {                                                               \
    return answer("cusolverDn" #L "gesvd_bufferSize", handle, m, n, 1, elements);                                                                   \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvd(uint64_t handle, signed char job_u, signed char job_v, int m, int n, uint64_t a, int lda, uint64_t s, uint64_t u,        \
                           int ldu, uint64_t v, int ldv, uint64_t work, int elements, uint64_t, uint64_t info) {                                    \
    return gesvd<T>("cusolverDn" #L "gesvd", handle, job_u, job_v, m, n, a, lda, s, u, ldu, v, ldv, work, elements, info);                          \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvdj_bufferSize(uint64_t handle, int, int, int m, int n, uint64_t, int, uint64_t, uint64_t, int, uint64_t, int,              \
                                       int* elements, uint64_t) {                                                                                   \
    return answer("cusolverDn" #L "gesvdj_bufferSize", handle, m, n, 1, elements);                                                                  \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvdj(uint64_t handle, int job, int thin, int m, int n, uint64_t a, int lda, uint64_t s, uint64_t u, int ldu, uint64_t v,     \
                            int ldv, uint64_t work, int elements, uint64_t info, uint64_t settings) {                                               \
    return gesvdj<T>("cusolverDn" #L "gesvdj", handle, job, thin, m, n, a, lda, s, u, ldu, v, ldv, work, elements, info, settings);                 \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvdjBatched_bufferSize(uint64_t handle, int, int m, int n, uint64_t, int, uint64_t, uint64_t, int, uint64_t, int,            \
                                              int* elements, uint64_t, int batch) {                                                                 \
    return answer("cusolverDn" #L "gesvdjBatched_bufferSize", handle, m, n, batch, elements);                                                       \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvdjBatched(uint64_t handle, int job, int m, int n, uint64_t a, int lda, uint64_t s, uint64_t u, int ldu, uint64_t v,        \
                                   int ldv, uint64_t work, int elements, uint64_t info, uint64_t settings, int batch) {                             \
    return gesvdj_batched<T>("cusolverDn" #L "gesvdjBatched", handle, job, m, n, a, lda, s, u, ldu, v, ldv, work, elements, info, settings, batch); \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvdaStridedBatched_bufferSize(uint64_t handle, int, int, int m, int n, uint64_t, int, long long, uint64_t, long long,        \
                                                     uint64_t, int, long long, uint64_t, int, long long, int* elements, int batch) {                \
    return answer("cusolverDn" #L "gesvdaStridedBatched_bufferSize", handle, m, n, batch, elements);                                                \
  }                                                                                                                                                 \
  API cusolverDn##L##gesvdaStridedBatched(uint64_t handle, int job, int rank, int m, int n, uint64_t a, int lda, long long stride_a, uint64_t s,    \
                                          long long stride_s, uint64_t u, int ldu, long long stride_u, uint64_t v, int ldv, long long stride_v,     \
                                          uint64_t work, int elements, uint64_t info, double* residuals, int batch) {                               \
    return gesvda<T>("cusolverDn" #L "gesvdaStridedBatched", handle, job, rank, m, n, a, lda, stride_a, s, stride_s, u, ldu, stride_u, v, ldv,      \
                     stride_v, work, elements, info, residuals, batch);                                                                             \
  }

ROUTINES(S, float)
ROUTINES(D, double)
ROUTINES(C, std::complex<float>)
ROUTINES(Z, std::complex<double>)
