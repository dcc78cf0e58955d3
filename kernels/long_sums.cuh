// Sums over the rows of tall matrices: a plain one loses a part that grows with the number of rows.
#pragma once

#include "scalar.cuh"

// Adds x to a sum together with `lost`, what the additions before have rounded away (Kahan); both are 0 at first.
template <class T>
DEVICE void add_keeping(T& sum, T& lost, const T& x) {
  const T owed = x + lost, next = sum + owed;
  lost = owed - (next - sum);
  sum = next;
}
