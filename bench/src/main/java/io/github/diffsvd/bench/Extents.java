package io.github.diffsvd.bench;

/** batch×rows×columns as a parameter of JMH writes it: 4096x16x16. */
record Extents(int batch, int rows, int columns) {
  static Extents parse(String shape) {
    String[] numbers = shape.split("x", -1);
    return new Extents(
        Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]), Integer.parseInt(numbers[2]));
  }

  @Override
  public String toString() {
    return batch + "x" + rows + "x" + columns;
  }

  private long k() {
    return Math.min(rows, columns);
  }

  /** Numbers that an operation reads and writes at least once, for each matrix. */
  double elements(String op) {
    double matrix = (double) rows * columns;
    double factors = k() * (rows + columns + 1.0);
    return switch (op) {
      case "forward" -> matrix + factors;
      case "backward" -> 2 * factors + matrix;
      case "both" -> 2 * matrix + 3 * factors;
      default -> 4 * matrix;
    };
  }

  /** Real operations of the four products of the backward pass, for each matrix. */
  double backwardFlops() {
    double most = Math.max(rows, columns);
    return 2 * k() * k() * (rows + columns + most) + 2.0 * rows * columns * k();
  }
}
