// A batch of matrices from one set of strides to another.
#include "patches.cuh"
#include "scalar.cuh"

template <class T>
struct Copy {
  View<const T> from;  // rows×columns
  View<T> to;          // rows×columns, overwritten
  int64_t batch, rows, columns;
};

template <class T>
DEVICE void copy(const Copy<T>& a, const Block& block) {
  const Copy<T> x = a.to.by_columns() ? Copy<T>{a.from.transposed(), a.to.transposed(), a.batch, a.columns, a.rows} : a;
  for_patches(block, x.batch, x.rows, x.columns, false,
              [&](const Patch& patch) { patch.for_elements([&](int64_t i, int64_t j) { x.to.at(patch.b, i, j) = x.from.at(patch.b, i, j); }); });
}

KERNEL_FOR_ALL_TYPES(copy, Copy)
