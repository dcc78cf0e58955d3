package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** After every test in a JVM with the simulator: nothing was done wrong, nothing is left. */
public final class SimulatorChecks implements AfterEachCallback {
  @Override
  public void afterEach(ExtensionContext context) {
    if (Simulator.isLoaded()) {
      try {
        assertThat(Simulator.violations()).as("violations").isEmpty();
        assertThat(Simulator.leaks()).as("leaks").isEmpty();
      } finally {
        Simulator.tell("reset");
      }
    }
  }
}
