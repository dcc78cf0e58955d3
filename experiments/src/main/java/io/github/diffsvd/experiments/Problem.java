package io.github.diffsvd.experiments;

import org.bytedeco.pytorch.Tensor;

/** What a network is trained for. */
interface Problem {
  /**
   * The loss of a network on a batch of fresh data.
   *
   * @param seed of the data
   */
  Tensor loss(long seed);

  Network network();
}
