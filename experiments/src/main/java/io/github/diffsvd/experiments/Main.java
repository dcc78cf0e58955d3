package io.github.diffsvd.experiments;

import io.github.diffsvd.files.FileException;
import io.github.diffsvd.report.PlainText;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The paper's experiments, a command each. Exit status 0; 2 for bad arguments or files; 1 else. */
@Command(
    name = "experiments/run",
    description = "Trains unrolled low-rank networks through every gradient of the SVD.",
    mixinStandardHelpOptions = true,
    versionProvider = io.github.diffsvd.cli.Main.Version.class,
    subcommands = {ColourCommand.class, TiesCommand.class, MriCommand.class})
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    System.exit(
        run(
            new PrintWriter(System.out, true, StandardCharsets.UTF_8),
            new PrintWriter(System.err, true, StandardCharsets.UTF_8),
            args));
  }

  static int run(PrintWriter out, PrintWriter err, String... args) {
    return new CommandLine(new Main())
        .setExpandAtFiles(false)
        .setOut(out)
        .setErr(err)
        .setExecutionExceptionHandler(
            (e, command, parsed) -> {
              // libtorch's messages go on with where in it they come from.
              String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
              command.getErr().println(PlainText.line("experiments: " + message));
              return e instanceof FileException ? 2 : 1;
            })
        .execute(args);
  }
}
