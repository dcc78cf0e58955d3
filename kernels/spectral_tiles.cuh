// What the kernels of spectral functions made of register_tiles.cuh know of the singular values, in shared memory: of each matrix of a block rows of
// N real numbers.
#pragma once

#include "register_tiles.cuh"
#include "spectral_functions.cuh"

// A spectrum whose f(s_i) are known.
template <class Spectrum, class R>
struct WithValues : Spectrum {
  const R* known;
  DEVICE WithValues(const Spectrum& spectrum, const R* known) : Spectrum(spectrum), known(known) {}
  DEVICE R value(int64_t i) const { return known[i]; }
};

template <class R, int kN>
struct SpectralRows {
  static constexpr int kDistance = 6 * kN + 1;  // of the matrices
  const SpectralArguments<R> spectrum;          // as if these rows were the caller's batch
  R *const s, *const values, *const slopes;     // the caller's
  R *const value, *const ratio;                 // f(s_i) and f(s_i)/s_i, f'(0) at 0
  R* const gs;

  DEVICE SpectralRows(const SpectralArguments<R>& given, R* place)
      : spectrum{{place, 1, 0, kDistance},
                 {given.values ? place + kN : nullptr, 1, 0, kDistance},
                 {given.slopes ? place + 2 * kN : nullptr, 1, 0, kDistance},
                 given.function},
        s(place),
        values(place + kN),
        slopes(place + 2 * kN),
        value(place + 3 * kN),
        ratio(place + 4 * kN),
        gs(place + 5 * kN) {}

  // A column of each of the block's first `count` matrices, 0 where there is none; there after copies_arrived and a barrier.
  template <class S>
  DEVICE void load_row(const Block& block, const View<const R>& from, int64_t first, int count, int n, R* to) const {
    for (int t = block.thread(); t < S::kMatrices * kN; t += block.threads()) {
      const int matrix = t / kN, i = t % kN;
      const bool there = from && matrix < count && i < n;
      copy_to_shared<R>(to + matrix * kDistance + i, there ? &from.at(first + matrix, i, 0) : nullptr, there);
    }
  }
  template <class S>
  DEVICE void load(const Block& block, const SpectralArguments<R>& from, int64_t first, int count, int n) const {
    load_row<S>(block, from.s, first, count, n, s);
    if (from.values) load_row<S>(block, from.values, first, count, n, values);
    if (from.slopes) load_row<S>(block, from.slopes, first, count, n, slopes);
  }

  // `value` and `ratio`, which need a barrier then.
  template <class S>
  DEVICE void find_values(const Block& block, int n) const {
    for (int t = block.thread(); t < S::kMatrices * kN; t += block.threads()) {
      const int matrix = t / kN, i = t % kN, at = matrix * kDistance + i;
      value[at] = ratio[at] = 0;
      if (i < n)
        with_spectrum(spectrum, matrix, [&](const auto& f) {
          value[at] = f.value(i);
          ratio[at] = spectral_mean(f, i, i);
        });
    }
  }
  template <class Body>
  DEVICE void with_values(int matrix, const Body& body) const {
    with_spectrum(spectrum, matrix, [&](const auto& f) { body(WithValues<std::decay_t<decltype(f)>, R>(f, value + matrix * kDistance)); });
  }
};
