package io.github.diffsvd.report;

import java.util.Locale;

/** The text of JSON values. */
public final class Json {
  private Json() {}

  /** A member of an object; the value is JSON already. */
  public static String member(String key, Object value) {
    return quoted(key) + ": " + value;
  }

  /** A number in a format of {@link String#format}; JSON has no NaN and no infinity. */
  public static String number(String format, double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "null";
  }

  public static String quoted(String text) {
    StringBuilder result = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        result.append('\\').append(c);
      } else if (c < ' ') {
        result.append(String.format("\\u%04x", (int) c));
      } else {
        result.append(c);
      }
    }
    return result.append('"').toString();
  }
}
