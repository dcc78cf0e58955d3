// Functions of singular values as docs/numerics.md has them, and their losses, in long double.
#pragma once

#include "reference.h"
#include "spectral_functions.cuh"

// Every function of SpectralFunction.java and of with_function in spectral_functions.cuh, with parameters that take it through its cases.
struct FunctionUnderTest {
  int64_t code;
  const char* name;
  double parameter, cut;
};
constexpr FunctionUnderTest kFunctions[] = {{0, "identity", 0, 0},
                                            {1, "soft-threshold", 1.25, 0},
                                            {2, "hard-threshold", 1.25, 0},
                                            {3, "power", 1.5, 0},
                                            {3, "power", 0.5, 1e-2},
                                            {3, "power", -0.5, 1e-2},
                                            {3, "power", 0, 0},
                                            {3, "power", 1, 0},
                                            {3, "power", 2, 0},
                                            {4, "log1p", 0, 0},
                                            {5, "sqrt", 0, 1e-2},
                                            {6, "reciprocal", 0, 1e-2},
                                            {7, "polar", 0, 1e-2},
                                            {8, "clip", 1.25, 0},
                                            {8, "clip", 0, 0},
                                            {9, "log", 0, 1e-2}};

// Of one matrix: f of its values, which are given after the cut. f' and f are 0 where they would be infinite at 0.
struct ReferenceFunction {
  int64_t code;
  long double p;

  long double value(long double s) const {
    switch (code) {
      case 0:
        return s;
      case 1:
        return s > p ? s - p : 0;
      case 2:
        return s > p ? s : 0;
      case 3:
        return s == 0 ? (p == 0 ? 1 : 0) : std::pow(s, p);
      case 4:
        return std::log1p(s);
      case 5:
        return std::sqrt(s);
      case 6:
        return s == 0 ? 0 : 1 / s;
      case 7:
        return s == 0 ? 0 : 1;
      case 8:
        return std::min(s, p);
      case 9:
        return s == 0 ? 0 : std::log(s);
      default:
        return NAN;
    }
  }
  long double slope(long double s) const {
    switch (code) {
      case 0:
        return 1;
      case 1:
      case 2:
        return s > p ? 1 : 0;
      case 3:
        return p == 0 ? 0 : s == 0 ? (p == 1 ? 1 : 0) : p * std::pow(s, p - 1);
      case 4:
        return 1 / (1 + s);
      case 5:
        return s == 0 ? 0 : 1 / (2 * std::sqrt(s));
      case 6:
        return s == 0 ? 0 : -1 / (s * s);
      case 7:
        return 0;
      case 8:
        return s < p ? 1 : 0;
      case 9:
        return s == 0 ? 0 : 1 / s;
      default:
        return NAN;
    }
  }
  // (f(a) − f(b))/(a − b), in forms that lose no digits of neighbours; a ≥ b.
  long double difference(long double a, long double b) const {
    if (a == b) return slope(a);
    if (b == 0) return (value(a) - value(0)) / a;
    switch (code) {
      case 1:
      case 2:
        return b > p ? 1 : a > p ? value(a) / (a - b) : 0;
      case 3:  // b^p ((a/b)^p − 1)/(a − b)
        return std::pow(b, p) * std::expm1(p * std::log1p((a - b) / b)) / (a - b);
      case 4:
        return std::log1p((a - b) / (1 + b)) / (a - b);
      case 5:
        return 1 / (std::sqrt(a) + std::sqrt(b));
      case 6:
        return -1 / (a * b);
      case 8:
        return b >= p ? 0 : a > p ? (p - b) / (a - b) : 1;
      case 9:
        return std::log1p((a - b) / b) / (a - b);
      default:
        return slope(a);
    }
  }
  // ∂f/∂p
  long double parameter(long double s) const {
    switch (code) {
      case 1:
        return s > p ? -1 : 0;
      case 3:
        return s == 0 ? 0 : std::pow(s, p) * std::log(s);
      case 8:
        return s > p ? 1 : 0;
      default:
        return 0;
    }
  }
};
