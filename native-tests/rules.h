// The gradient rules as docs/numerics.md has them, in long double.
#pragma once

#include <algorithm>
#include <cmath>

#include "gradient_rules.cuh"

struct RuleName {
  int64_t code;
  const char* name;
};
// Every rule of GradientRule.java and of with_rule in gradient_rules.cuh.
constexpr RuleName kRules[] = {{0, "moore-penrose"}, {1, "exact"}, {2, "zero"},       {3, "clip"},
                               {4, "taylor"},        {5, "pade"},  {6, "lorentzian"}, {7, "svd-inv"}};

// A rule with the parameter that is its default in Java.
template <class R>
RuleArguments default_rule(int64_t code = 0) {
  const double epsilon = Limits<R>::epsilon, defaults[] = {std::pow(epsilon, 0.75), 0, 1e-20, 1e6, 9, epsilon, std::pow(epsilon, 0.75), 0};
  return {code, defaults[code]};
}

// What stands for 1/(s_j − s_i) and 1/(s_j + s_i).
struct StandIns {
  long double gap, sum;
};

// Of one matrix, whose largest singular value is s_1.
template <class R>
struct ReferenceRule {
  int64_t code;
  long double parameter, s_1;

  ReferenceRule(RuleArguments rule, R s_1) : code(rule.code), parameter(rule.parameter), s_1(s_1) {}

  // For 1/s.
  long double inverse(long double s) const {
    switch (code) {
      case 0:
        return std::fabs(s) <= relative() ? 0 : 1 / s;
      case 1:  // infinite as soon as the type has no number for it, whatever it is multiplied by
        return std::fabs(1 / s) > kMost ? std::copysign(INFINITY, s) : 1 / s;
      case 2:
        return lorentz(s, parameter);
      case 3:
        return vanishes(s_1) ? 0 : s == 0 ? limit() / s_1 : clipped(s_1 / s) / s_1;
      case 6:
        return lorentz(s, relative() * relative());
      case 7:
        return rounded(R(s) * R(s)) < R(1e-30) ? 0 : 1 / s;
      default:
        return vanishes(s) ? 0 : 1 / s;
    }
  }
  // For 1/(2s).
  long double phase(long double s) const { return code == 7 ? 0 : inverse(2 * s); }
  // For i < j, so s_i ≥ s_j.
  StandIns pair(long double s_i, long double s_j) const {
    const long double gap = s_j - s_i, sum = s_j + s_i;
    if (code == 0 || code == 1 || code == 6) return {inverse(gap), inverse(sum)};
    const long double f = quotient(s_i, s_j);
    return {f * sum, f * gap};
  }
  // What P_ij is multiplied by besides, i and j in any order.
  long double tied(long double s_i, long double s_j) const { return code == 7 && is_tie(s_i, s_j) ? inverse(s_j) : 0; }

 private:
  // F of a rule that is published as one.
  long double quotient(long double s_i, long double s_j) const {
    const long double x = (s_j - s_i) * (s_j + s_i);
    switch (code) {
      case 2:  // as if the type's infinity were one
        return std::fabs(x) > kMost ? 0 : lorentz(x, parameter);
      case 3:
        return vanishes(s_1) ? 0 : (x == 0 ? -limit() : clipped(s_1 * s_1 / x)) / (s_1 * s_1);
      case 4: {
        long double sum = 0, power = 1;
        for (int k = 0; k <= parameter; k++, power *= s_j / s_i * (s_j / s_i)) sum += power;
        return s_i <= 4 * (parameter + 1) * kSmallest ? 0 : -sum / (s_i * s_i);
      }
      case 5:
        return s_i <= 4 / parameter * kSmallest ? 0 : -1 / std::max(-x / (s_i * s_i), parameter) / (s_i * s_i);
      case 7:
        return is_tie(s_i, s_j) ? 0 : published(s_i, s_j);
      default:
        return NAN;
    }
  }
  // 1/x with the type's own rounding of the squares.
  static long double published(long double s_i, long double s_j) {
    const R square_i = rounded(R(s_i) * R(s_i)), square_j = rounded(R(s_j) * R(s_j));
    return square_j == square_i ? INFINITY : R(1) / rounded(square_j - square_i);
  }
  static bool is_tie(long double s_i, long double s_j) { return std::fabs(published(s_i, s_j)) > R(1e30); }
  static R rounded(R x) {
    volatile R result = x;
    return result;
  }

  static long double lorentz(long double x, long double square) { return x == 0 ? 0 : x / (x * x + square); }
  long double relative() const { return std::max(R(parameter) * R(s_1), Limits<R>::smallest_invertible); }
  long double limit() const { return std::min(parameter, s_1 / kSmallest); }
  long double clipped(long double x) const { return std::max(-limit(), std::min(limit(), x)); }
  static bool vanishes(long double x) { return x <= kSmallest; }

  static constexpr long double kSmallest = Limits<R>::smallest_invertible, kMost = sizeof(R) == 4 ? FLT_MAX : DBL_MAX;
};

// i and j in any order: gap is odd in them, and 0 for i = j, where sum is the phase's.
template <class Rule>
StandIns stand_ins(const Rule& rule, long double s_i, long double s_j, int64_t i, int64_t j) {
  if (i == j) return {0, rule.phase(s_i)};
  if (i < j) return rule.pair(s_i, s_j);
  const StandIns other = rule.pair(s_j, s_i);
  return {-other.gap, other.sum};
}
