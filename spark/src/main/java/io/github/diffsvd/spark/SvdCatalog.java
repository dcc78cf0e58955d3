package io.github.diffsvd.spark;

import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.sql.catalyst.analysis.NoSuchFunctionException;
import org.apache.spark.sql.connector.catalog.FunctionCatalog;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.functions.BoundFunction;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Decompositions as functions of SQL, for {@code spark.sql.catalog.diffsvd =
 * io.github.diffsvd.spark.SvdCatalog}. A matrix is an array, of float or what becomes double, or
 * little-endian binary of float64, row by row:
 *
 * <ul>
 *   <li>{@code diffsvd.svd(a, m, n)}: a struct of u, s, v and status, as {@link SvdFrames#svd} has
 *       them;
 *   <li>{@code diffsvd.singular_values(a, m, n)};
 *   <li>{@code diffsvd.spectral(a, m, n, 'soft-threshold=0.5')}: U f(S) Vᵀ, f as {@link
 *       io.github.diffsvd.SpectralFunction#parse} takes it;
 *   <li>{@code diffsvd.low_rank(a, m, n, r)}: the best approximation of rank r.
 * </ul>
 *
 * An argument that is null, and for all but svd a matrix that is malformed, gives null. They are
 * for convenience: each call decomposes one matrix, where {@link SvdFrames} takes batches.
 */
public final class SvdCatalog implements FunctionCatalog {
  private String name;

  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {
    this.name = name;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Identifier[] listFunctions(String[] namespace) {
    return namespace.length > 0
        ? new Identifier[0]
        : Arrays.stream(SqlFunction.Kind.values())
            .map(kind -> Identifier.of(namespace, kind.name().toLowerCase(Locale.ROOT)))
            .toArray(Identifier[]::new);
  }

  @Override
  public UnboundFunction loadFunction(Identifier function) throws NoSuchFunctionException {
    SqlFunction.Kind kind =
        Arrays.stream(SqlFunction.Kind.values())
            .filter(each -> each.name().equalsIgnoreCase(function.name()))
            .filter(each -> function.namespace().length == 0)
            .findFirst()
            .orElseThrow(() -> new NoSuchFunctionException(function));
    return new UnboundFunction() {
      @Override
      public BoundFunction bind(StructType arguments) {
        return SqlFunction.bind(kind, arguments);
      }

      @Override
      public String description() {
        return kind.usage;
      }

      @Override
      public String name() {
        return kind.name().toLowerCase(Locale.ROOT);
      }
    };
  }
}
