// What one-sided Jacobi leaves open: a matrix of lower rank gives null columns, and U needs orthonormal ones in their place.
#pragma once

#include "jacobi_rotation.cuh"

// Of the matrix in lane l, u (n columns of ld, normalised, zero where norms says null): each null column becomes the unit vector that is farthest
// from the columns there are, made orthogonal to them by two passes of Gram–Schmidt.
template <class T>
DEVICE void complete_null_columns(Wide<T>* u, int ld, int m, int n, const Wide<Real<T>>* norms, int l) {
  using R = Real<T>;
  for (int null = 0; null < n; null++) {
    if (get(norms[null], l) > JacobiLimits<R>::kNull) continue;
    int farthest = 0;
    R least = 2;
    for (int i = 0; i < m; i++) {
      R weight = 0;
      for (int j = 0; j < n; j++) weight += size_squared(get(u[j * ld + i], l));
      if (weight < least) {
        least = weight;
        farthest = i;
      }
    }
    Wide<T>* const column = u + null * ld;
    put(column[farthest], l, unit_entry<T>(true));
    for (int pass = 0; pass < 2; pass++) {
      for (int j = 0; j < n; j++) {
        if (j == null) continue;
        T along{};
        for (int i = 0; i < m; i++) multiply_add(along, conjugate(get(u[j * ld + i], l)), get(column[i], l));
        for (int i = 0; i < m; i++) {
          T rest = R(-1) * get(column[i], l);
          multiply_add(rest, along, get(u[j * ld + i], l));
          put(column[i], l, R(-1) * rest);
        }
      }
      R norm = 0;
      for (int i = 0; i < m; i++) norm += size_squared(get(column[i], l));
      for (int i = 0; i < m; i++) put(column[i], l, R(1 / sqrt(norm)) * get(column[i], l));
    }
  }
}
