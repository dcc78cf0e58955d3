package io.github.diffsvd.experiments;

import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;

/** Complex image sequences, frames × rows × columns, complex64, largest magnitude 1. */
interface Sequences {
  /** One to train on. */
  Tensor draw(SplittableRandom random);

  /** What training never sees. */
  List<Tensor> heldOut();
}
