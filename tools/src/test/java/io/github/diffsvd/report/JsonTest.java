package io.github.diffsvd.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import org.junit.jupiter.api.Test;

class JsonTest {
  private static JsonObject row(int n, double value) {
    JsonObject row = new JsonObject();
    row.addProperty("n", n);
    row.addProperty("value", Json.decimals(value, 2));
    return row;
  }

  @Test
  void aTableHasALineForEachRow() {
    JsonObject file = new JsonObject();
    file.addProperty("title", "clip=1e-3 <\"ä\">\n");
    file.add("rows", Json.array(List.of(1, 2), n -> row(n, n == 1 ? 0.125 : Double.NaN)));
    file.add("none", new JsonArray());
    String text = Json.text(file);
    assertThat(text)
        .isEqualTo(
            """
            {
              "title": "clip=1e-3 <\\"ä\\">\\n",
              "rows": [
                {"n": 1, "value": 0.13},
                {"n": 2, "value": null}
              ],
              "none": []
            }
            """);
    assertThat(JsonParser.parseString(text)).isEqualTo(file);
  }

  @Test
  void numbersAreRoundedAndNeverNaN() {
    assertThat(Json.digits(2.71828e-300, 3)).isEqualByComparingTo("2.72e-300");
    assertThat(Json.digits(1e200, 3)).isEqualByComparingTo("1e200");
    assertThat(Json.digits(0.1 + 0.2, 17).doubleValue()).isEqualTo(0.1 + 0.2);
    assertThat(Json.decimals(28.8695, 3)).hasToString("28.870");
    assertThat(Json.decimals(Double.POSITIVE_INFINITY, 3)).isNull();
    assertThat(Json.digits(Double.NaN, 3)).isNull();
  }
}
