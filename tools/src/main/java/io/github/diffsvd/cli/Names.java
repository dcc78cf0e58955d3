package io.github.diffsvd.cli;

import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.compare.GradientMethod;
import java.util.ArrayList;
import java.util.List;

/** The names that options take, for their help: picocli asks for a class for each. */
final class Names {
  private Names() {}

  static final class Rules extends ArrayList<String> {
    Rules() {
      super(List.of(GradientRule.names().split(", ")));
    }
  }

  static final class Functions extends ArrayList<String> {
    Functions() {
      super(List.of(SpectralFunction.names().split(", ")));
    }
  }

  static final class Methods extends ArrayList<String> {
    Methods() {
      super(GradientMethod.names());
    }
  }
}
