import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every program is started as a person starts it. It throws when its own result is wrong. */
class ExamplesTest {
  @ParameterizedTest
  @CsvSource({
    "Gradient,      gradient of the nuclear norm: [0.894",
    "GradientKt,    gradient of the nuclear norm: [0.894",
    "GradientScala, gradient of the nuclear norm: [0.894",
    "CallersMemory, gradient: [",
    "TrainingStep,  threshold 1.",
    "Ties,          'textbook:     [NaN'",
    "NpyFiles,      'S.npy: float32 [2, 2]'",
  })
  void runs(String program, String expected) throws Exception {
    PrintStream console = System.out;
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
    try {
      Class.forName(program).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    } finally {
      System.setOut(console);
    }
    assertThat(output.toString(StandardCharsets.UTF_8)).contains(expected);
  }
}
