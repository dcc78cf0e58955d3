package io.github.diffsvd.report;

import com.google.gson.FormattingStyle;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Collection;
import java.util.function.Function;
import java.util.stream.Collectors;

/** How the reports write JSON: its layout, and its numbers rounded for a reader. */
public final class Json {
  private static final Gson ONE_LINE =
      new GsonBuilder()
          .serializeNulls()
          .disableHtmlEscaping()
          .setFormattingStyle(FormattingStyle.COMPACT.withSpaceAfterSeparators(true))
          .create();

  private Json() {}

  /**
   * The text of a file. An object or array of plain values stands in one line, so that a table has
   * a line for each row; any other has a line for each member.
   */
  public static String text(JsonElement value) {
    return text(value, "\n") + "\n";
  }

  private static String text(JsonElement value, String newline) {
    String deeper = newline + "  ";
    if (value instanceof JsonArray array && isNested(array.asList())) {
      return array.asList().stream()
          .map(each -> text(each, deeper))
          .collect(Collectors.joining("," + deeper, "[" + deeper, newline + "]"));
    }
    if (value instanceof JsonObject object && isNested(object.asMap().values())) {
      return object.entrySet().stream()
          .map(each -> ONE_LINE.toJson(each.getKey()) + ": " + text(each.getValue(), deeper))
          .collect(Collectors.joining("," + deeper, "{" + deeper, newline + "}"));
    }
    return ONE_LINE.toJson(value);
  }

  private static boolean isNested(Collection<JsonElement> members) {
    return members.stream().anyMatch(each -> each.isJsonArray() || each.isJsonObject());
  }

  /** An array with one element for each item. */
  public static <T> JsonArray array(Collection<T> items, Function<T, JsonElement> element) {
    JsonArray array = new JsonArray();
    items.forEach(item -> array.add(element.apply(item)));
    return array;
  }

  /** The value to so many significant digits; null where not finite, since JSON has no NaN. */
  public static BigDecimal digits(double value, int digits) {
    return Double.isFinite(value)
        ? BigDecimal.valueOf(value).round(new MathContext(digits, RoundingMode.HALF_UP))
        : null;
  }

  /** The value to so many decimal places; null where not finite, since JSON has no NaN. */
  public static BigDecimal decimals(double value, int places) {
    return Double.isFinite(value)
        ? BigDecimal.valueOf(value).setScale(places, RoundingMode.HALF_UP)
        : null;
  }
}
