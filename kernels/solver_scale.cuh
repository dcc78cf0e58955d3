// The power of two by which a matrix is multiplied for the solver, and its singular values divided afterwards: cuSOLVER squares elements without a
// look at their size. svd_pack.cu writes its exponent, 0 for a matrix of ordinary size, into info for svd_unpack.cu; −1 there is a matrix that is not
// finite.
#pragma once

#include "scalar.cuh"

template <class R>
struct SolverScale;
template <>
struct SolverScale<float> {
  static constexpr int kExponent = 100;
  static constexpr float kPower = 0x1p100f, kSmall = 0x1p-60f, kLarge = 0x1p60f;  // a matrix whose largest part is between the two stays as it is
};
template <>
struct SolverScale<double> {
  static constexpr int kExponent = 800;
  static constexpr double kPower = 0x1p800, kSmall = 0x1p-500, kLarge = 0x1p500;
};
