package io.github.diffsvd;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;

/**
 * Closes what was opened in it, the last first: one resource of a try statement in the place of
 * many.
 *
 * <pre>{@code
 * try (Scope scope = new Scope()) {
 *   Device device = scope.keep(Device.open());
 *   SvdPlan plan = scope.keep(SvdPlan.create(device, shape));
 *   …
 * }
 * }</pre>
 */
public final class Scope implements AutoCloseable {
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();

  /** Closes the resource with the scope. */
  public <T extends AutoCloseable> T keep(T resource) {
    resources.push(Objects.requireNonNull(resource, "resource"));
    return resource;
  }

  /** Leaves open what was kept so far: all went well, and somebody else closes it. */
  public void release() {
    resources.clear();
  }

  /**
   * Closes everything, whichever fails, and throws what the first threw. A second call does
   * nothing.
   */
  @Override
  public void close() {
    RuntimeException failure = null;
    while (!resources.isEmpty()) {
      try {
        resources.pop().close();
      } catch (Exception e) {
        RuntimeException next =
            e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
        if (failure == null) {
          failure = next;
        } else {
          failure.addSuppressed(next);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
