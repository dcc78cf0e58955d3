package io.github.diffsvd.bench;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A running {@link CpuClock}, which does nothing between two rows. */
final class ContenderProcess implements AutoCloseable {
  private final Process process;
  private final BufferedWriter rows;
  private final BufferedReader answers;

  ContenderProcess(Contender contender, int threads) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Threads.options(threads));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(CpuClock.class.getName(), contender.name()));
    try {
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    rows = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /** Null where the contender failed; it has said why. */
  Times measure(Row row) {
    try {
      rows.write(row + "\n");
      rows.flush();
      String answer = answers.readLine();
      while (answer != null && !answer.startsWith("\t")) {
        answer = answers.readLine();
      }
      if (answer == null) {
        throw new IOException("the process ended");
      }
      return answer.length() == 1 ? null : Times.parse(answer.substring(1));
    } catch (IOException e) {
      throw new UncheckedIOException(row.toString(), e);
    }
  }

  @Override
  public void close() {
    process.destroy();
  }
}
