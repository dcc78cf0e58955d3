package io.github.diffsvd.cli;

import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.files.FileException;
import io.github.diffsvd.report.PlainText;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Properties;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;

/**
 * The command line. Exit status 0; 2 for bad arguments or bad input; 1 for anything else. A failure
 * is one line on standard error, with a stack trace only after --verbose.
 */
@Command(
    name = "diffsvd",
    description = "Batched, differentiable singular value decomposition, on the CPU and on CUDA.",
    subcommands = {
      InfoCommand.class,
      SvdCommand.class,
      GradCommand.class,
      GaugeCommand.class,
      SpectralCommand.class,
      StressCommand.class,
      RecoverCommand.class
    },
    versionProvider = Main.Version.class,
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:done", "2:bad arguments or bad input", "1:anything else"})
public final class Main {
  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;

  /** Held here, because its settings are lost with the last reference to it. */
  private static Logger log;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Say which device was taken and why; show stack traces.")
  private boolean verbose;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this text.")
  @SuppressWarnings("UnusedVariable") // picocli reads the annotation only
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Show the version.")
  @SuppressWarnings("UnusedVariable") // picocli reads the annotation only
  private boolean version;

  private Main() {}

  /** The version of the build, which Maven puts into a resource. */
  public static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() throws IOException {
      Properties build = new Properties();
      try (InputStream resource = Main.class.getResourceAsStream("build.properties")) {
        build.load(resource);
      }
      return new String[] {"diffsvd " + build.getProperty("version")};
    }
  }

  public static void main(String[] args) {
    System.setProperty("java.util.logging.SimpleFormatter.format", "%5$s%n");
    System.exit(
        run(
            args,
            new PrintWriter(System.out, true, StandardCharsets.UTF_8),
            new PrintWriter(System.err, true, StandardCharsets.UTF_8)));
  }

  /** Runs one command and returns its exit status. */
  static int run(String[] args, PrintWriter out, PrintWriter err) {
    Main main = new Main();
    CommandLine commandLine = new CommandLine(main);
    commandLine
        // A file may be called @x.npy, and a file of that name would be taken for arguments.
        .setExpandAtFiles(false)
        .registerConverter(Path.class, Main::path)
        .setOut(out)
        .setErr(err)
        .setExecutionStrategy(main::execute)
        .setParameterExceptionHandler((e, arguments) -> main.fail(e, e.getCommandLine()))
        .setExecutionExceptionHandler((e, command, parsed) -> main.fail(e, command));
    try {
      return commandLine.execute(args);
    } catch (LinkageError | OutOfMemoryError | StackOverflowError | AssertionError e) {
      return main.fail(e, commandLine);
    }
  }

  /** A file's name, which Java can use only as far as the locale's encoding goes. */
  private static Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(
          e.getReason()
              + ": "
              + name
              + " (names are encoded in "
              + System.getProperty("sun.jnu.encoding")
              + "; LC_ALL=C.UTF-8 takes every name)");
    }
  }

  private int execute(ParseResult parsed) {
    if (parsed.hasSubcommand() && !parsed.subcommand().isUsageHelpRequested()) {
      // The library's own notes: which device, and why.
      log = Logger.getLogger("io.github.diffsvd");
      log.setLevel(verbose ? Level.INFO : Level.WARNING);
    }
    return new RunLast().execute(parsed);
  }

  private int fail(Throwable failure, CommandLine command) {
    boolean arguments = failure instanceof ParameterException;
    boolean expected =
        arguments
            || failure instanceof InputException
            || failure instanceof FileException
            || failure instanceof DeviceUnavailableException
            || failure instanceof IllegalArgumentException;
    // Where the message alone would say nothing, the class says something.
    boolean bare = failure.getMessage() == null || failure instanceof Error;
    String message = bare ? failure.toString() : failure.getMessage();
    String name = command.getCommandSpec().qualifiedName();
    command
        .getErr()
        .println(
            PlainText.line(
                name
                    + ": "
                    + message.strip().replaceAll("\\s*\\R\\s*", "; ")
                    + (arguments ? " (see " + name + " --help)" : "")));
    if (verbose) {
      StringWriter trace = new StringWriter();
      failure.printStackTrace(new PrintWriter(trace));
      trace.toString().lines().map(PlainText::line).forEach(command.getErr()::println);
    }
    return expected ? BAD_INPUT : FAILED;
  }
}
