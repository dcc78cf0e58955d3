package io.github.diffsvd.files;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Random;

/** Damage to files, for tests that nothing but the promised exception comes of it. */
public final class Mutations {
  /** What means something in a head of text. */
  private static final String SYMBOLS = "0123456789(),<>|'[]{}-";

  private Mutations() {}

  /**
   * A few bytes in one place flipped, replaced, inserted, doubled or taken out, or all after it.
   */
  public static byte[] mutated(byte[] file, Random random) {
    if (file.length == 0) {
      return file;
    }
    int at = random.nextInt(file.length);
    int end = Math.min(file.length, at + 1 + random.nextInt(4));
    ByteArrayOutputStream result = new ByteArrayOutputStream();
    result.write(file, 0, at);
    switch (random.nextInt(7)) {
      case 0 -> result.write(file[at++] ^ 1 << random.nextInt(8));
      case 1 -> {
        at++;
        result.write(random.nextInt(256));
      }
      case 2 -> result.write(SYMBOLS.charAt(random.nextInt(SYMBOLS.length())));
      case 3 -> {
        at++;
        result.write(SYMBOLS.charAt(random.nextInt(SYMBOLS.length())));
      }
      case 4 -> result.writeBytes(Arrays.copyOfRange(file, at, end));
      case 5 -> at = end;
      default -> at = file.length;
    }
    result.write(file, at, file.length - at);
    return result.toByteArray();
  }
}
