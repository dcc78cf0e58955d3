package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import picocli.CommandLine.Option;

/** The option --device, the same for every command that computes: a picocli mixin. */
final class DeviceOption {
  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description =
          "auto, cpu or cuda:N; auto takes CUDA where it works. Default: $DIFFSVD_DEVICE, or auto")
  private String name;

  /** Opens what was asked for; the caller closes it. */
  Device open() {
    return name == null ? Device.open() : Device.open(name);
  }
}
