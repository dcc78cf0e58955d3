package io.github.diffsvd.internal.backend;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A native library that is written to a file, as Java Flight Recorder sees it. */
@Name("io.github.diffsvd.Unpack")
@Label("Unpacking of a native library")
@Category("diffsvd")
final class UnpackEvent extends Event {
  @Label("File")
  String file;

  @Label("Size")
  @DataAmount
  long bytes;
}
