package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.diffsvd.DataType;
import io.github.diffsvd.internal.backend.Kernel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The fatbins hold what Java asks for by name. They are not compressed, so names can be read. */
class FatbinTest {
  @ParameterizedTest
  @EnumSource
  void everyKernelThatJavaAsksForIsThereAsMachineCodeAndAsPtx(DataType type) throws IOException {
    String fatbin = fatbin(type);
    Set<String> asked =
        Arrays.stream(Kernel.values())
            .filter(kernel -> kernel.isForGpus() && kernel.types().contains(type))
            .map(kernel -> kernel.symbol(type))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(names(fatbin, "\0\\.text\\.(\\w+)")).containsExactlyElementsOf(asked);
    assertThat(names(fatbin, "\\.entry (\\w+)\\(")).containsExactlyElementsOf(asked);
  }

  @Test
  void symbolsAreNameAndType() {
    assertThat(Kernel.SVD_BACKWARD_CORE.symbol(DataType.COMPLEX64))
        .isEqualTo("svd_backward_core_c64");
  }

  private static String fatbin(DataType type) throws IOException {
    try (InputStream stream =
        FatbinTest.class.getResourceAsStream(
            "/io/github/diffsvd/native/diffsvd_" + type.suffix() + ".fatbin")) {
      assumeTrue(stream != null, "there was no nvcc when this was built, so there is no fatbin");
      return new String(stream.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  private static Set<String> names(String fatbin, String pattern) {
    Set<String> names = new TreeSet<>();
    Matcher matcher = Pattern.compile(pattern).matcher(fatbin);
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    return names;
  }
}
