// The QR decomposition by Householder reflectors I − wwᴴ, ‖w‖² = 2, for a team of threads of which each has columns of its own. Column k of a holds
// w_k in rows k … m; a column whose norm is null there has w = 0.
#pragma once

#include "jacobi_rotation.cuh"
#include "team.cuh"

template <class W>
DEVICE W phase_of(W a) {
  return choose(a < 0, constant<W>(-1), constant<W>(1));
}
template <class W>
DEVICE Complex<W> phase_of(Complex<W> a) {
  const W zero{}, one = zero + 1, size = square_root(size_squared(a)), divisor = size > 0 ? size : one;
  return {size > 0 ? a.re / divisor : one, a.im / divisor};
}

// Makes w of rows k … m of a column, and returns what the reflector turns them into, in row k.
template <class R, class W>
DEVICE W make_reflector(W* a, int k, int m) {
  const W alpha = a[k], phase = phase_of(alpha);
  const auto norm = square_root(norm_squared(a + k, m - k));
  const auto there = norm > JacobiLimits<R>::kNull;
  const auto zero = norm - norm, one = zero + 1, size = square_root(size_squared(alpha));
  const auto factor = there ? one / square_root(there ? norm * (norm + size) : one) : zero;
  a[k] = alpha + norm * phase;
  for (int i = k; i < m; i++) a[i] = factor * a[i];
  return choose(there, (zero - norm) * phase, alpha);
}

// x ← (I − wwᴴ) x in rows k … m
template <class W>
DEVICE void reflect(const W* w, W* x, int k, int m) {
  const W along = W{} - inner(w + k, x + k, m - k);
  for (int i = k; i < m; i++) multiply_add(x[i], along, w[i]);
}

// a, m×n with columns of ld, becomes the reflectors, and r, n×n with columns of ldr, what they leave.
template <class R, class W>
DEVICE void qr_decompose(W* a, int ld, int m, int n, W* r, int ldr, const Team& team) {
  for (int k = 0; k < n; k++) {
    if (k % team.threads() == team.thread()) {
      for (int i = k + 1; i < n; i++) r[k * ldr + i] = W{};
      r[k * ldr + k] = make_reflector<R>(a + k * ld, k, m);
    }
    team.barrier();
    for (int j = team.thread(); j < n; j += team.threads()) {
      if (j <= k) continue;
      reflect(a + k * ld, a + j * ld, k, m);
      r[j * ldr + k] = a[j * ld + k];
    }
  }
}

// The reflectors in a become the orthonormal columns of Q.
template <class W>
DEVICE void qr_form_q(W* a, int ld, int m, int n, const Team& team) {
  for (int k = n - 1; k >= 0; k--) {
    for (int j = team.thread(); j < n; j += team.threads())
      if (j > k) reflect(a + k * ld, a + j * ld, k, m);
    team.barrier();
    if (k % team.threads() != team.thread()) continue;
    W* const q = a + k * ld;
    const W along = W{} - conjugate(q[k]);
    for (int i = 0; i < k; i++) q[i] = W{};
    for (int i = k; i < m; i++) {
      W entry = unit_entry<W>(i == k);
      multiply_add(entry, along, q[i]);
      q[i] = entry;
    }
  }
}

// a ← a·u in place, row by row; u is n×n with columns of ldu, row is scratch of n elements.
template <class W>
DEVICE void multiply_rows(W* a, int ld, int m, int n, const W* u, int ldu, W* row, const Team& team) {
  for (int i = team.thread(); i < m; i += team.threads()) {
    for (int j = 0; j < n; j++) {
      row[j] = W{};
      for (int l = 0; l < n; l++) multiply_add(row[j], a[l * ld + i], u[j * ldu + l]);
    }
    for (int j = 0; j < n; j++) a[j * ld + i] = row[j];
  }
}
