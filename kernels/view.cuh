// A batch of matrices in memory, as Java's MatrixBatch packs it: element (b, i, j) at data[b·batch_stride + i·row_stride + j·column_stride].
// data is null for an argument that is absent.
#pragma once

#include "portable.cuh"

template <class T>
struct View {
  T* data;
  int64_t row_stride, column_stride, batch_stride;

  DEVICE explicit operator bool() const { return data != nullptr; }
  // Whether the neighbours of an element in memory are in its column.
  DEVICE bool by_columns() const { return row_stride < column_stride; }
  DEVICE View transposed() const { return {data, column_stride, row_stride, batch_stride}; }
  // Matrix b alone, as the first of a batch.
  DEVICE View matrix(int64_t b) const { return {data + b * batch_stride, row_stride, column_stride, 0}; }
  DEVICE T& at(int64_t b, int64_t i, int64_t j) const { return data[b * batch_stride + i * row_stride + j * column_stride]; }
};
