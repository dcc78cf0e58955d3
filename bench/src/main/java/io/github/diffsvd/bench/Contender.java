package io.github.diffsvd.bench;

import io.github.diffsvd.SvdAlgorithm;

/** Who is measured. The names of the peers are those of the reports. */
enum Contender {
  DIFFSVD("diffsvd"),
  LIBTORCH("libtorch"),
  /** This library as an operator of libtorch's autograd. */
  TORCHSVD("TorchSvd"),
  GESDD("OpenBLAS gesdd"),
  /** Of this library, by name: asked for beside AUTO. */
  GOLUB_KAHAN("GOLUB_KAHAN"),
  EJML("EJML");

  final String label;

  Contender(String label) {
    this.label = label;
  }

  boolean takes(Row row, String device) {
    boolean differentiates =
        row.operation() != Operation.FORWARD && row.operation() != Operation.VALUES;
    return switch (this) {
      case DIFFSVD, LIBTORCH -> true;
      case TORCHSVD -> row.operation() != Operation.VALUES && device.equals("cpu");
      case GESDD -> !differentiates && device.equals("cpu");
      case GOLUB_KAHAN -> row.operation() == Operation.FORWARD && device.equals("cpu");
      case EJML -> !differentiates && !row.type().isComplex();
    };
  }

  /**
   * @param device of this library; the peers are on the CPU
   */
  Workload prepare(Row row, String device) {
    return switch (this) {
      case DIFFSVD -> new DiffsvdWorkload(row, device, SvdAlgorithm.AUTO);
      case LIBTORCH -> new LibtorchWorkload(row, false);
      case TORCHSVD -> new LibtorchWorkload(row, true);
      case GESDD ->
          row.operation() == Operation.VALUES
              ? new GesddValuesWorkload(row)
              : new DiffsvdWorkload(row, device, SvdAlgorithm.GESDD);
      case GOLUB_KAHAN -> new DiffsvdWorkload(row, device, SvdAlgorithm.GOLUB_KAHAN);
      case EJML -> new EjmlWorkload(row);
    };
  }
}
