package io.github.diffsvd.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.simulator.Simulator;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls for one matrix each run side by side, between two places of the caller's stream. */
@Tag("simulator")
class SolverLanesTest {
  @ParameterizedTest
  @CsvSource({"GESVD, 1, 0", "GESVDJ, 3, 2", "GESVD, 11, 3"})
  void followTheCallersStreamWhichWaitsForThem(SvdAlgorithm algorithm, int batch, int others) {
    try (CallersStream caller = new CallersStream();
        Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.COMPLEX64, batch, 43, 40, algorithm)) {
      Simulator.tell("stream " + caller.handle());
      Simulator.tell("trace on");
      problem.forward(caller.handle());
      assertThat(Simulator.tell("trace off").lines().filter("cuStreamWaitEvent"::equals))
          .hasSize(2 * others);
      CallersStream.succeed(JCudaDriver.cuStreamSynchronize(caller.stream));
      assertThat(Simulator.violations()).isEmpty();
      Simulator.tell("stream 0");
      problem.info.check(0);
      double[] s = device.read(problem.factors.s());
      problem.forward(0);
      assertThat(s).isEqualTo(device.read(problem.factors.s())).doesNotContain(Double.NaN);
    }
    assertThat(Simulator.leaks()).isEmpty();
  }
}
