// A batch of matrices of a test: any strides, poisoned before it is written to, with everything around its elements under guard.
#pragma once

#include <algorithm>

#include "launch.h"
#include "view.cuh"

// shared: one matrix for the whole batch; constant: one element for all. These two are for reading only.
enum class Layout { row_major, column_major, padded, interleaved, reversed, shared, constant };

inline Layout any_layout_to_write() { return Layout(testing.below(5)); }
inline Layout any_layout_to_read() { return Layout(testing.below(7)); }

#if defined(__SANITIZE_ADDRESS__)
constexpr int64_t kGuard = 0;  // AddressSanitizer has its own
#else
constexpr int64_t kGuard = 16;
#endif

template <class T>
class Matrices {
 public:
  const int64_t batch, rows, columns;

  Matrices(int64_t batch, int64_t rows, int64_t columns, Layout layout = Layout::row_major) : batch(batch), rows(rows), columns(columns) {
    switch (layout) {
      case Layout::row_major:
        strides(columns, 1, rows * columns);
        break;
      case Layout::column_major:
        strides(1, rows, rows * columns);
        break;
      case Layout::padded:
        strides(columns + 3, 1, rows * (columns + 3) + 5);
        break;
      case Layout::interleaved:
        strides(columns * batch, batch, 1);
        break;
      case Layout::reversed:
        strides(-columns, -1, -rows * columns);
        break;
      case Layout::shared:
        strides(columns, 1, 0);
        break;
      case Layout::constant:
        strides(0, 0, 0);
        break;
    }
    int64_t lowest = 0, highest = 0;
    for (const int64_t reach : {(batch - 1) * batch_stride_, (rows - 1) * row_stride_, (columns - 1) * column_stride_}) {
      (reach < 0 ? lowest : highest) += reach;
    }
    const bool empty = batch == 0 || rows == 0 || columns == 0;
    origin_ = kGuard - lowest;
    host_.resize(2 * kGuard + (empty ? 0 : highest - lowest + 1));
    memory_ = static_cast<T*>(allocate(bytes()));
    poison();
  }
  Matrices(const Matrices&) = delete;
  ~Matrices() { release(memory_); }

  T& at(int64_t b, int64_t i, int64_t j = 0) { return host_[index(b, i, j)]; }
  const T& at(int64_t b, int64_t i, int64_t j = 0) const { return host_[index(b, i, j)]; }

  // NaN everywhere, −1 in integers.
  void poison() {
    if (!host_.empty()) std::memset(static_cast<void*>(host_.data()), 0xFF, bytes());
  }

  template <class Function>
  void fill(const Function& element) {
    for (int64_t b = 0; b < batch; b++)
      for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) at(b, i, j) = element(b, i, j);
  }

  // Puts the elements, as they are now, where kernels see them.
  View<T> view() {
    sent_ = host_;
    copy_memory(memory_, host_.data(), bytes());
    return {memory_ + origin_, row_stride_, column_stride_, batch_stride_};
  }
  View<const T> input() {
    const View<T> all = view();
    return {all.data, all.row_stride, all.column_stride, all.batch_stride};
  }

  // Takes back what a kernel wrote; everything but the elements must be as it was.
  void take_output() {
    copy_memory(host_.data(), memory_, bytes());
    std::vector<T> elsewhere = host_;
    for (int64_t b = 0; b < batch; b++)
      for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) elsewhere[index(b, i, j)] = sent_[index(b, i, j)];
    testing.expect(same_bytes(elsewhere, sent_), "wrote beside its output");
  }

  // After a kernel that only reads.
  void expect_untouched() {
    copy_memory(host_.data(), memory_, bytes());
    testing.expect(same_bytes(host_, sent_), "wrote to its input");
  }

  // Bit for bit, matrix b of this and of another batch, whatever the layouts.
  bool same(const Matrices& other, int64_t b) const {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++)
        if (std::memcmp(&at(b, i, j), &other.at(b, i, j), sizeof(T)) != 0) return false;
    return true;
  }
  bool same(const Matrices& other) const {
    for (int64_t b = 0; b < batch; b++)
      if (!same(other, b)) return false;
    return true;
  }

 private:
  void strides(int64_t row, int64_t column, int64_t batch) { row_stride_ = row, column_stride_ = column, batch_stride_ = batch; }
  int64_t index(int64_t b, int64_t i, int64_t j) const { return origin_ + b * batch_stride_ + i * row_stride_ + j * column_stride_; }
  size_t bytes() const { return host_.size() * sizeof(T); }
  static bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
    return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
  }

  int64_t row_stride_, column_stride_, batch_stride_, origin_;
  std::vector<T> host_, sent_;
  T* memory_;
};

// The transposed view of the same memory.
template <class T>
View<T> transposed(const View<T>& a) {
  return {a.data, a.column_stride, a.row_stride, a.batch_stride};
}
