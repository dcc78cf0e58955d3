package io.github.diffsvd.cli;

import io.github.diffsvd.report.PlainText;
import picocli.CommandLine.Model.CommandSpec;

/** The lines that commands print: names of files cannot steer the terminal in them. */
final class Lines {
  private Lines() {}

  static void print(CommandSpec spec, String line) {
    spec.commandLine().getOut().println(PlainText.line(line));
  }

  /** On standard error, with the command's name before it. */
  static void warn(CommandSpec spec, String message) {
    spec.commandLine()
        .getErr()
        .println(PlainText.line(spec.qualifiedName() + ": warning: " + message));
  }
}
