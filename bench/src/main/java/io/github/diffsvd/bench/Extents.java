package io.github.diffsvd.bench;

/** batch×rows×columns, written 4096x16x16. */
record Extents(int batch, int rows, int columns) {
  static Extents parse(String shape) {
    String[] numbers = shape.split("x", -1);
    if (numbers.length != 3) {
      throw new IllegalArgumentException(shape + ": expected BATCHxROWSxCOLUMNS");
    }
    return new Extents(
        Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]), Integer.parseInt(numbers[2]));
  }

  Extents transposed() {
    return new Extents(batch, /* rows= */ columns, /* columns= */ rows);
  }

  @Override
  public String toString() {
    return batch + "x" + rows + "x" + columns;
  }

  int k() {
    return Math.min(rows, columns);
  }

  /** Numbers that an operation reads and writes at least once, for each matrix. */
  double elements(Operation operation) {
    double matrix = (double) rows * columns;
    double factors = k() * (rows + columns + 1.0);
    return switch (operation) {
      case FORWARD -> matrix + factors;
      case VALUES -> matrix + k();
      case BACKWARD -> 2 * factors + matrix;
      case BOTH -> 2 * matrix + 3 * factors;
      case SPECTRAL -> 4 * matrix;
    };
  }

  /**
   * Operations of the four products of the backward pass, for each matrix; a complex one counts
   * once.
   */
  double backwardFlops() {
    double most = Math.max(rows, columns);
    return 2.0 * k() * k() * (rows + columns + most) + 2.0 * rows * columns * k();
  }
}
