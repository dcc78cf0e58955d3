package io.github.diffsvd.compare;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.GradientRule;
import org.junit.jupiter.api.Test;

class MethodColoursTest {
  @Test
  void everyRuleHasAColour() {
    assertThat(MethodColours.names())
        .as("colours in MethodColours beside the rules of GradientRule")
        .contains(GradientRule.names().split(", "));
    assertThat(MethodColours.names()).extracting(MethodColours::of).doesNotHaveDuplicates();
  }
}
