package io.github.diffsvd.internal.backend.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The report of native-tests/gpu-check: lines of phase, subject and result with tabs between, each
 * appended as soon as it is known, so that a run that is cut off keeps what it has.
 */
final class GpuReport {
  private static final int MOST_CHARACTERS = 500;

  private final Path lines;
  private final Path json;

  GpuReport(Path folder) {
    lines = folder.resolve("gpu-check.txt");
    json = folder.resolve("gpu-check.json");
  }

  void line(String phase, String subject, String result) {
    String line = phase + "\t" + words(subject) + "\t" + words(result) + "\n";
    try {
      Files.writeString(lines, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + lines, e);
    }
  }

  /** The beginning of a text, on one line and without tabs. */
  private static String words(String text) {
    String words = text.strip().replaceAll("\\s+", " ");
    return words.length() <= MOST_CHARACTERS ? words : words.substring(0, MOST_CHARACTERS) + " …";
  }

  /**
   * Writes the lines anew as JSON: of each phase its subjects and their last results, and of the
   * times the numbers.
   */
  void writeJson() throws IOException {
    JsonObject report = new JsonObject();
    JsonArray times = new JsonArray();
    for (String line : Files.readAllLines(lines, UTF_8)) {
      String[] words = line.split("\t", 3);
      if (words.length < 3) {
        continue; // the end of a line that a kill cut off
      }
      JsonElement row = words[0].equals(GpuTimes.PHASE) ? GpuTimes.json(words[1], words[2]) : null;
      if (row != null) {
        times.add(row);
        continue;
      }
      if (!report.has(words[0])) {
        report.add(words[0], new JsonObject());
      }
      report.getAsJsonObject(words[0]).addProperty(words[1], words[2]);
    }
    report.add("rows", times);
    Files.writeString(
        json,
        new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(report) + "\n");
  }
}
