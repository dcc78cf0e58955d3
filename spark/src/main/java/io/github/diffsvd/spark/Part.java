package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import java.io.Serializable;

/**
 * A column that an operation reads or writes.
 *
 * @param column its name
 * @param role what is in it, as far as the shape goes
 */
record Part(String column, Role role) implements Serializable {
  enum Role {
    /** A, Y and their cotangents: m × n. */
    A,
    /** m × r. */
    U,
    /** r, real. */
    S,
    /** n × r. */
    V,
    /** One real number. */
    NUMBER
  }

  boolean isReal() {
    return role == Role.S || role == Role.NUMBER;
  }

  /**
   * The shape of what goes with matrices.
   *
   * @param a theirs
   * @param rank r ≤ min(m, n)
   */
  BatchShape shape(BatchShape a, int rank) {
    return new BatchShape(
        isReal() ? a.type().real() : a.type(),
        a.batch(),
        rows(a.rows(), a.columns(), rank),
        columns(a.columns(), rank));
  }

  int rows(int m, int n, int rank) {
    return switch (role) {
      case A, U -> m;
      case S -> rank;
      case V -> n;
      case NUMBER -> 1;
    };
  }

  int columns(int n, int rank) {
    return switch (role) {
      case A -> n;
      case U, V -> rank;
      case S, NUMBER -> 1;
    };
  }
}
