package io.github.diffsvd.report;

import java.io.IOException;
import java.nio.file.Path;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar on standard error where that is a terminal, nothing elsewhere. */
public final class ProgressLine implements AutoCloseable {
  private final ProgressBar bar;

  public ProgressLine(String name, long steps) {
    bar =
        isTerminal()
            ? new ProgressBarBuilder()
                .setTaskName(PlainText.line(name))
                .setInitialMax(steps)
                .setStyle(ProgressBarStyle.COLORFUL_UNICODE_BLOCK)
                .setUpdateIntervalMillis(200)
                .build()
            : null;
  }

  public void step(long done, long steps, String message) {
    if (bar != null) {
      bar.maxHint(steps);
      bar.stepTo(done);
      bar.setExtraMessage(message);
    }
  }

  private static boolean isTerminal() {
    try {
      return Path.of("/proc/self/fd/2").toRealPath().toString().matches("/dev/(pts/|tty).*");
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
