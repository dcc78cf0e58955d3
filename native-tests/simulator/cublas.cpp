// The stand-in for libcublas.so.12: the strided-batched products of the CUDA backend. Every element is one running sum in its own precision, the
// worst that cuBLAS may do, which does not say in which order it adds.
#include <complex>
#include <map>
#include <vector>

#include "core.h"

using namespace simulator;

namespace {

constexpr int kNotInitializedHandle = 1;  // CUBLAS_STATUS_NOT_INITIALIZED
constexpr int kAllocFailed = 3;           // CUBLAS_STATUS_ALLOC_FAILED
constexpr int kBadValue = 7;              // CUBLAS_STATUS_INVALID_VALUE

struct Handle {
  uint64_t stream = 0;
  uint64_t workspace = 0, workspace_bytes = 0;
};
std::map<uint64_t, Handle> handles;

Handle* find(Call& call, uint64_t handle) {
  if (is_handle(handle, Kind::kCublas)) return &handles[handle];
  call.wrong("the handle does not exist, or exists no more", kNotInitializedHandle);
  return nullptr;
}

inline float conjugate(float x) { return x; }
inline double conjugate(double x) { return x; }
template <class R>
std::complex<R> conjugate(std::complex<R> x) {
  return std::conj(x);
}

inline float times(float x, float y) { return x * y; }
inline double times(double x, double y) { return x * y; }
// Not the operator, which looks for NaN.
template <class R>
std::complex<R> times(std::complex<R> x, std::complex<R> y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

// Of op(matrix): none, the transpose or its conjugate.
template <class T>
T element(const T* matrix, int leading, int op, int row, int column) {
  if (op == 0) return matrix[row + static_cast<long long>(column) * leading];
  const T value = matrix[column + static_cast<long long>(row) * leading];
  return op == 2 ? conjugate(value) : value;
}

struct Operand {
  uint64_t address;
  int rows, columns, leading;
  long long stride;

  // From the first element of the batch to behind the last one that is touched.
  template <class T>
  uint64_t bytes(int batch) const {
    if (rows == 0 || columns == 0 || batch == 0) return 0;
    return (static_cast<uint64_t>(stride) * (batch - 1) + static_cast<uint64_t>(leading) * (columns - 1) + rows) * sizeof(T);
  }
};

template <class T>
int gemm(const char* name, uint64_t handle_id, int op_a, int op_b, int m, int n, int k, const T* alpha, uint64_t a_address, int lda,
         long long stride_a, uint64_t b_address, int ldb, long long stride_b, const T* beta, uint64_t c_address, int ldc, long long stride_c,
         int batch) {
  Call call(name, Library::kCublas);
  if (call.failed()) return call.status();
  const Handle* handle = find(call, handle_id);
  if (!handle) return call.status();
  if (m < 0 || n < 0 || k < 0 || batch < 0 || op_a < 0 || op_a > 2 || op_b < 0 || op_b > 2) return call.wrong("an extent or operation", kBadValue);
  const Operand a{a_address, op_a ? k : m, op_a ? m : k, lda, stride_a};
  const Operand b{b_address, op_b ? n : k, op_b ? k : n, ldb, stride_b};
  const Operand c{c_address, m, n, ldc, stride_c};
  for (const Operand* each : {&a, &b, &c}) {
    if (each->leading < each->rows || each->leading < 1) return call.wrong("a leading dimension", kBadValue);
    if (each->stride < 0) return call.wrong("a batch stride", kBadValue);
    const uint64_t bytes = each->bytes<T>(batch);
    if (!is_live(each->address, bytes)) return call.wrong(describe(each->address, bytes), kBadValue);
  }
  if (batch > 1 && c.stride < static_cast<long long>(c.leading) * (n - 1) + m) return call.wrong("products of a batch overlap", kBadValue);
  for (const Operand* each : {&a, &b}) {
    if (each->address < c.address + c.bytes<T>(batch) && c.address < each->address + each->bytes<T>(batch))
      return call.wrong("the product overlaps a factor", kBadValue);
  }
  if (!handle->workspace) return call.wrong("no workspace was given, so that cuBLAS would take its own", kBadValue);
  const uint64_t workspace = handle->workspace, workspace_bytes = handle->workspace_bytes;
  if (!is_live(workspace, workspace_bytes)) return call.wrong("workspace: " + describe(workspace, workspace_bytes), kBadValue);

  const char* names[] = {"A", "B", "C"};
  const Operand* operands[] = {&a, &b, &c};
  for (int i = 0; i < 3; i++) check_aligned(call, handle->stream, names[i], operands[i]->address, sizeof(T));
  const T first = *alpha, second = *beta;
  return enqueue(call, handle->stream, [=] {
    poison(workspace, workspace_bytes < 65536 ? workspace_bytes : 65536);
    for (int i = 0; i < batch; i++) {
      const auto* at_a = reinterpret_cast<const T*>(a.address) + i * a.stride;
      const auto* at_b = reinterpret_cast<const T*>(b.address) + i * b.stride;
      auto* at_c = reinterpret_cast<T*>(c.address) + i * c.stride;
      std::vector<T> column(m);
      for (int j = 0; j < n; j++) {
        column.assign(m, T(0));
        for (int l = 0; l < k; l++) {
          const T factor = element(at_b, ldb, op_b, l, j);
          for (int row = 0; row < m; row++) column[row] += times(element(at_a, lda, op_a, row, l), factor);
        }
        for (int row = 0; row < m; row++) {
          T& to = at_c[row + static_cast<long long>(j) * ldc];
          to = times(first, column[row]) + (second == T(0) ? T(0) : times(second, to));
        }
      }
    }
  });
}

}  // namespace

#define API extern "C" int

API cublasCreate_v2(uint64_t* handle) {
  Call call("cublasCreate", Library::kCublas);
  if (call.failed()) return call.status();
  // What cuBLAS documents as its own workspace.
  *handle = make_handle(Kind::kCublas, uint64_t{compute_capability() >= 90 ? 32u : 4u} << 20);
  if (!*handle) return kAllocFailed;
  handles[*handle] = {};
  return 0;
}

API cublasDestroy_v2(uint64_t handle) {
  Call call("cublasDestroy", Library::kCublas);
  if (call.failed() || !find(call, handle)) return call.status();
  handles.erase(handle);
  drop_handle(handle);
  return 0;
}

API cublasSetStream_v2(uint64_t handle, uint64_t stream) {
  Call call("cublasSetStream", Library::kCublas);
  Handle* found = call.failed() ? nullptr : find(call, handle);
  if (!found) return call.status();
  *found = {stream, 0, 0};  // as documented, the workspace goes back to cuBLAS's own
  return 0;
}

API cublasSetWorkspace_v2(uint64_t handle, uint64_t workspace, size_t bytes) {
  Call call("cublasSetWorkspace", Library::kCublas);
  Handle* found = call.failed() ? nullptr : find(call, handle);
  if (!found) return call.status();
  if (workspace % 256 != 0 || !is_live(workspace, bytes)) return call.wrong(describe(workspace, bytes), kBadValue);
  found->workspace = workspace;
  found->workspace_bytes = bytes;
  return 0;
}

API cublasSetAtomicsMode(uint64_t handle, int) {
  Call call("cublasSetAtomicsMode", Library::kCublas);
  if (!call.failed()) find(call, handle);
  return call.status();
}

API cublasGetProperty(int which, int* value) {
  Call call("cublasGetProperty", Library::kCublas, false);
  *value = which == 0 ? 12 : which == 1 ? 6 : 0;
  return call.status();
}

#define GEMM(letter, T)                                                                                                                         \
  API cublas##letter##gemmStridedBatched(uint64_t handle, int op_a, int op_b, int m, int n, int k, const T* alpha, uint64_t a, int lda,         \
                                         long long stride_a, uint64_t b, int ldb, long long stride_b, const T* beta, uint64_t c, int ldc,       \
                                         long long stride_c, int batch) {                                                                       \
    return gemm<T>("cublas" #letter "gemmStridedBatched", handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, \
                   stride_c, batch);                                                                                                            \
  }

GEMM(S, float)
GEMM(D, double)
GEMM(C, std::complex<float>)
GEMM(Z, std::complex<double>)
