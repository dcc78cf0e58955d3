package io.github.diffsvd.spark;

import java.util.Arrays;
import java.util.List;

/**
 * Which CUDA device of this process is meant by the address of a GPU that Spark gave to a task.
 *
 * <p>Where CUDA_VISIBLE_DEVICES is set, CUDA shows the GPUs it lists and no others, and counts them
 * anew in that order; Spark's addresses are those of the machine.
 */
final class GpuAddress {
  private GpuAddress() {}

  /**
   * The name of the device, as {@link io.github.diffsvd.Device#open(String)} takes it.
   *
   * @param address an index or an identifier, "GPU-…"
   * @param visible CUDA_VISIBLE_DEVICES, null where it is not set
   * @throws IllegalArgumentException if none is meant
   */
  static String device(String address, String visible) {
    if (visible == null) {
      if (!address.matches("\\d{1,4}")) {
        throw new IllegalArgumentException(
            "gpu: expected an index as the address, got "
                + address
                + "; an identifier has to be in CUDA_VISIBLE_DEVICES, which is not set");
      }
      return "cuda:" + Integer.parseInt(address);
    }
    List<String> seen = Arrays.stream(visible.split(",")).map(String::strip).toList();
    // The only device is meant whatever its address is: a container counts its own from 0.
    boolean only = seen.size() == 1 && !seen.get(0).isEmpty() && !seen.get(0).startsWith("-");
    int index = only ? 0 : seen.indexOf(address);
    if (index < 0) {
      throw new IllegalArgumentException(
          "gpu: the address " + address + " is not in CUDA_VISIBLE_DEVICES=" + visible);
    }
    return "cuda:" + index;
  }
}
