package io.github.diffsvd.cli;

import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdNotConvergedException;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;

/** What the commands say about matrices that have no decomposition: a warning, not a failure. */
final class Decompositions {
  private Decompositions() {}

  /** One line on standard error if there are any: how many and which. */
  static void warn(CommandSpec spec, Path input, SvdInfo info) {
    try {
      info.check(0);
    } catch (SvdNotConvergedException e) {
      Lines.warn(spec, input + ": " + e.getMessage());
    }
  }
}
