package io.github.diffsvd.internal.backend;

/** Whether this Java has Flight Recorder; a runtime image may be without. */
public final class Recorder {
  public static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private Recorder() {}
}
