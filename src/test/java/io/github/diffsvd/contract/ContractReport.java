package io.github.diffsvd.contract;

import io.github.diffsvd.simulator.Simulator;
import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Says at the end how many cases of the contract suites ran on which device: once, or class by
 * class where several JVMs share the classes.
 */
public final class ContractReport implements TestExecutionListener {
  private static final String SUITES = "[class:" + ContractReport.class.getPackageName();

  private final Map<String, int[]> cases = new TreeMap<>();

  @Override
  public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
    boolean skipped = result.getStatus() == Status.ABORTED;
    if (!test.isTest() || skipped || !test.getUniqueId().contains(SUITES)) {
      return;
    }
    for (String device : TestDevices.NAMES) {
      // A case is named after its device first.
      if (test.getDisplayName().startsWith(device)) {
        int[] count = cases.computeIfAbsent(device, name -> new int[2]);
        count[0]++;
        count[1] += result.getStatus() == Status.SUCCESSFUL ? 0 : 1;
      }
    }
  }

  @Override
  public synchronized void testPlanExecutionFinished(TestPlan plan) {
    cases.forEach(
        (device, count) ->
            System.out.println(
                "contract suites on "
                    + device
                    + (device.startsWith("cuda") && Simulator.isLoaded() ? " (simulated)" : "")
                    + ": "
                    + count[0]
                    + " cases, "
                    + count[1]
                    + " failed"));
    cases.clear();
  }
}
