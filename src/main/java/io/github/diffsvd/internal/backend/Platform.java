package io.github.diffsvd.internal.backend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What this process runs on.
 *
 * @param name as the folders of native libraries are named: "linux-x86_64", "windows-aarch64"
 * @param libc "musl", "glibc 2.17", or "" where it is another or does not tell; glibc is silent
 *     from 2.34 on, where its file has no version in its name
 */
public record Platform(String name, String libc) {
  private static final Path MAPS = Path.of("/proc/self/maps");
  private static final Pattern LIBC = Pattern.compile("/(?:ld-(musl)-|libc-(2\\.\\d+)\\.so$)");

  /** This process's own. */
  public static Platform current() {
    String name = name(System.getProperty("os.name"), System.getProperty("os.arch"));
    try (Stream<String> maps = Files.lines(MAPS)) {
      return new Platform(name, libc(maps));
    } catch (IOException e) {
      // There is no such file where the system is another.
      return new Platform(name, "");
    }
  }

  static String name(String system, String processor) {
    String lower = system.toLowerCase(Locale.ROOT);
    String family =
        lower.startsWith("windows")
            ? "windows"
            : lower.startsWith("mac") ? "macos" : lower.replace(" ", "");
    String kind =
        switch (processor.toLowerCase(Locale.ROOT)) {
          case "amd64", "x64", "x86_64" -> "x86_64";
          case "arm64", "aarch64" -> "aarch64";
          default -> processor.toLowerCase(Locale.ROOT);
        };
    return family + "-" + kind;
  }

  /** By the files that are mapped, a line for each. */
  static String libc(Stream<String> maps) {
    return maps.flatMap(line -> LIBC.matcher(line).results())
        .findFirst()
        .map(Platform::libc)
        .orElse("");
  }

  private static String libc(MatchResult file) {
    return file.group(1) == null ? "glibc " + file.group(2) : file.group(1);
  }

  public boolean isLinux() {
    return name.startsWith("linux-");
  }
}
