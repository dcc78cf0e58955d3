package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.leaks.Leaky;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

class LeaksTest {
  @Test
  @ResourceLock(Resources.SYSTEM_PROPERTIES)
  void everyObjectThatWasNeverClosedHasALineWithItsPlace() {
    List<String> lines = new ArrayList<>();
    Handler listener =
        new Handler() {
          @Override
          public void publish(LogRecord line) {
            lines.add(new SimpleFormatter().formatMessage(line));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger("io.github.diffsvd");
    logger.addHandler(listener);
    System.setProperty("diffsvd.leaks", "true");
    try {
      Leaky.leaveOpen();
    } finally {
      System.clearProperty("diffsvd.leaks");
      logger.removeHandler(listener);
    }
    assertThat(lines)
        .containsExactlyInAnyOrder(
            "cpu: OwnedMatrixBatch FLOAT32 2×3×4 was never closed; made at" + place(15),
            "cpu: SvdInfo of 2 was never closed; made at" + place(16),
            "cpu: EighPlan FLOAT64 2×3×3 was never closed; made at" + place(17));
  }

  private static String place(int line) {
    return " io.github.diffsvd.leaks.Leaky.leaveOpen(Leaky.java:" + line + ")";
  }
}
