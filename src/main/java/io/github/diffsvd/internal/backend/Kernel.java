package io.github.diffsvd.internal.backend;

import io.github.diffsvd.DataType;
import java.util.List;

/**
 * The kernels, one for each .cu file of the same name; the symbol is the name and the type's
 * suffix. Of a file NAME_tiles.cu there is one for each size, see {@link Sized}.
 */
public enum Kernel {
  CANONICAL_GAUGE,
  COPY,
  EIGH_CHECK,
  F_MATRIX,
  RESOLVE_TIES,
  SINGULAR_VALUE_LOSS,
  SPECTRAL_BACKWARD_TILES_4,
  SPECTRAL_BACKWARD_TILES_8,
  SPECTRAL_BACKWARD_TILES_16,
  SPECTRAL_BACKWARD_TILES_32,
  SPECTRAL_CORE,
  SPECTRAL_FORWARD_TILES_4,
  SPECTRAL_FORWARD_TILES_8,
  SPECTRAL_FORWARD_TILES_16,
  SPECTRAL_FORWARD_TILES_32,
  SPECTRAL_PARAMETER,
  SPECTRAL_SCALE,
  SVD_BACKWARD_CORE,
  SVD_BACKWARD_LANES,
  SVD_BACKWARD_TILES_4,
  SVD_BACKWARD_TILES_8,
  SVD_BACKWARD_TILES_16,
  SVD_BACKWARD_TILES_32,
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

  /** Whether a fatbin has it; the others are for the CPU alone. */
  public boolean isForGpus() {
    return !name().endsWith("_LANES");
  }

  /** The kernels of one file made of register_tiles.cuh. */
  public enum Sized {
    SPECTRAL_BACKWARD_TILES(4, 6),
    SPECTRAL_FORWARD_TILES(2, 6),
    SVD_BACKWARD_TILES(4, 3);

    private final int arrays;
    private final int rowsOfValues;

    Sized(int arrays, int rowsOfValues) {
      this.arrays = arrays;
      this.rowsOfValues = rowsOfValues;
    }

    /** The one for matrices of up to so many columns: 4, 8, 16 or 32. */
    public Kernel of(int size) {
      return Kernel.valueOf(name() + "_" + size);
    }

    /** Of so many rows and columns each, in the scratch of a matrix. */
    public int arrays() {
      return arrays;
    }

    /** Of as many real numbers, there too. */
    public int rowsOfValues() {
      return rowsOfValues;
    }
  }
}
