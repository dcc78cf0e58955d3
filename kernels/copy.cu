// A batch of matrices from one set of strides to another.
#include "scalar.cuh"
#include "view.cuh"

template <class T>
struct Copy {
  View<const T> from;  // rows×columns
  View<T> to;          // rows×columns, overwritten
  int64_t batch, rows, columns;
};

template <class T>
DEVICE void copy(const Copy<T>& a, const Block& block) {
  const int64_t units = a.batch * a.rows;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit / a.rows, i = unit % a.rows;
    for (int64_t j = block.thread(); j < a.columns; j += block.threads()) a.to.at(b, i, j) = a.from.at(b, i, j);
  }
}

KERNEL_FOR_ALL_TYPES(copy, Copy)
