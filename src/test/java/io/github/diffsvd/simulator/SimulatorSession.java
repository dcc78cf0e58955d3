package io.github.diffsvd.simulator;

import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/** Loads the simulator, where it is asked for, before any test class is. */
public final class SimulatorSession implements LauncherSessionListener {
  @Override
  public void launcherSessionOpened(LauncherSession session) {
    if (Simulator.isLoaded()) {
      Simulator.load();
    }
  }
}
