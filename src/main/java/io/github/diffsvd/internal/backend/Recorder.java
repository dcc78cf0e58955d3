package io.github.diffsvd.internal.backend;

import jdk.jfr.FlightRecorder;

/** Whether events may be recorded. */
public final class Recorder {
  /** A runtime image may be without Flight Recorder. */
  private static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private Recorder() {}

  /**
   * Whether this process has used Flight Recorder. It is asked before the first event is made,
   * because the first one starts half of it, which takes as long as many a program of its own.
   */
  public static boolean isUsed() {
    return PRESENT && FlightRecorder.isInitialized();
  }
}
