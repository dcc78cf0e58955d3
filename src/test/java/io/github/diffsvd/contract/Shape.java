package io.github.diffsvd.contract;

import java.util.List;

/** Rows and columns. */
record Shape(int rows, int columns) {
  /**
   * Scalars, vectors, square, tall and wide; the limits of the tiers and of the register tiles, ±
   * 1.
   */
  static final List<Shape> SMALL =
      List.of(
          new Shape(1, 1),
          new Shape(1, 5),
          new Shape(5, 1),
          new Shape(2, 2),
          new Shape(3, 3),
          new Shape(4, 4),
          new Shape(5, 3),
          new Shape(3, 5),
          new Shape(8, 8),
          new Shape(9, 7),
          new Shape(15, 17),
          new Shape(16, 16),
          new Shape(17, 16),
          new Shape(32, 31),
          new Shape(32, 32),
          new Shape(33, 33));

  /** Where looped solvers and products take over. */
  static final List<Shape> LARGE =
      List.of(
          new Shape(64, 16),
          new Shape(32, 96),
          new Shape(64, 64),
          new Shape(65, 65),
          new Shape(80, 66),
          new Shape(66, 80));

  int k() {
    return Math.min(rows, columns);
  }

  @Override
  public String toString() {
    return rows + "×" + columns;
  }
}
