package io.github.diffsvd.internal.backend;

import java.util.function.Predicate;

/**
 * What an object is and where it was made, for the report of those that were never closed.
 *
 * @param what "SvdPlan FLOAT32 8×4×4", for example
 * @param place a stack frame of the library's user; null unless the property {@link #PROPERTY} is
 *     true, because looking for it takes time
 */
record Origin(String what, String place) {
  static final String PROPERTY = "diffsvd.leaks";

  private static final Predicate<String> LIBRARY =
      Predicate.<String>isEqual("io.github.diffsvd")
          .or(name -> name.startsWith("io.github.diffsvd.internal.backend"));

  static Origin of(String what) {
    return new Origin(what, Boolean.getBoolean(PROPERTY) ? callersPlace() : null);
  }

  private static String callersPlace() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames
                    .filter(frame -> !LIBRARY.test(packageOf(frame.getClassName())))
                    .findFirst()
                    .map(StackWalker.StackFrame::toStackTraceElement)
                    .map(StackTraceElement::toString)
                    .orElse("an unknown place"));
  }

  private static String packageOf(String className) {
    return className.substring(0, Math.max(0, className.lastIndexOf('.')));
  }
}
