package io.github.diffsvd.report;

/** Text for a terminal. */
public final class PlainText {
  private PlainText() {}

  /**
   * One line without control characters, which a file's name may hold and a terminal would obey:
   * each but the tabulator is written as in Java, \\u001b for example.
   */
  public static String line(String text) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isISOControl(c) && c != '\t') {
        line.append(String.format("\\u%04x", (int) c));
      } else {
        line.append(c);
      }
    }
    return line.toString();
  }
}
