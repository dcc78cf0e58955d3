package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import java.util.List;

/** A problem that every gradient method is tried on. */
interface Experiment {
  /**
   * The quality of something recovered.
   *
   * @param subject what was recovered
   * @param condition from how much
   */
  record Score(String subject, String condition, Quality quality) {}

  /**
   * The problem with a network that is not trained yet, the same one for every method.
   *
   * @param seed of the network
   */
  Problem problem(GradientMethod method, long seed);

  /** How well a network does on data that training does not see. */
  List<Score> evaluate(Problem trained);
}
