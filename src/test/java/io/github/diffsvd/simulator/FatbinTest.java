package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.internal.backend.Kernel;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The fatbins hold what Java asks for by name, and no more than a start has time for. */
@Tag("simulator")
class FatbinTest {
  private static final int MOST_BYTES = 6_000_000;

  @Test
  void everyKernelThatJavaAsksForIsThereAsMachineCodeAndAsPtx() {
    Set<String> asked = new TreeSet<>();
    try (Device device = Device.open("cuda:0")) {
      for (DataType type : DataType.values()) {
        // The first plan of a type loads its kernels.
        SvdPlan.create(device, new BatchShape(type, 1, 2, 2)).close();
        Arrays.stream(Kernel.values())
            .filter(kernel -> kernel.isForGpus() && kernel.types().contains(type))
            .forEach(kernel -> asked.add(kernel.symbol(type)));
      }
      List<String> names = Simulator.tell("names").lines().toList();
      assertThat(named("machine ", names)).containsExactlyElementsOf(asked);
      if (names.stream().anyMatch(name -> name.startsWith("ptx "))) {
        assertThat(named("ptx ", names)).containsExactlyElementsOf(asked);
      }
    }
  }

  @Test
  void symbolsAreNameAndType() {
    assertThat(Kernel.SVD_BACKWARD_CORE.symbol(DataType.COMPLEX64))
        .isEqualTo("svd_backward_core_c64");
  }

  private static Set<String> named(String kind, List<String> names) {
    return names.stream()
        .filter(name -> name.startsWith(kind))
        .map(name -> name.substring(kind.length()))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @ParameterizedTest
  @EnumSource
  void aTypesKernelsAreSmall(DataType type) throws IOException {
    try (InputStream stream =
        FatbinTest.class.getResourceAsStream(
            "/io/github/diffsvd/native/diffsvd_" + type.suffix() + ".fatbin")) {
      assertThat(stream.readAllBytes()).hasSizeLessThan(MOST_BYTES);
    }
  }
}
