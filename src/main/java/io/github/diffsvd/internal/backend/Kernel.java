package io.github.diffsvd.internal.backend;

import io.github.diffsvd.DataType;
import java.util.List;

/**
 * The kernels, one for each .cu file of the same name; the symbol is the name and the type's
 * suffix. Those named _LANES are for the CPU alone.
 */
public enum Kernel {
  CANONICAL_GAUGE,
  COPY,
  EIGH_CHECK,
  F_MATRIX,
  RESOLVE_TIES,
  SINGULAR_VALUE_LOSS,
  SPECTRAL_CORE,
  SPECTRAL_PARAMETER,
  SPECTRAL_SCALE,
  SVD_BACKWARD,
  SVD_BACKWARD_CORE,
  SVD_BACKWARD_LANES,
  SVD_GAUGE,
  SVD_JACOBI,
  SVD_LANES,
  SVD_PACK,
  SVD_PUSHFORWARD_CORE,
  SVD_UNPACK,
  SVD_VALUES_LANES,
  TRUNCATED_STEP;

  /** svd_backward_f32, for example. */
  public String symbol(DataType type) {
    return name().toLowerCase(java.util.Locale.ROOT) + "_" + type.suffix();
  }

  /** The types that the kernel exists for. */
  public List<DataType> types() {
    return this == F_MATRIX || this == RESOLVE_TIES || this == SINGULAR_VALUE_LOSS
        ? List.of(DataType.FLOAT32, DataType.FLOAT64)
        : List.of(DataType.values());
  }
}
