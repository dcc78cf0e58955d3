package io.github.diffsvd.bench;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SingularValuePlan;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayDeque;
import java.util.Deque;

/** This library, waiting for the device in every call. */
final class DiffsvdWorkload implements Workload {
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();
  private final Device device;
  private final DataType type;
  private final Extents extents;
  private final SvdAlgorithm algorithm;
  private final OwnedMatrixBatch a;
  private final SvdInfo info;
  private final Runnable call;

  DiffsvdWorkload(Row row, String deviceName, SvdAlgorithm algorithm) {
    type = row.type();
    extents = row.extents();
    this.algorithm = algorithm;
    device = own(Device.open(deviceName));
    a = allocate(row.spectrum().matrices(type, extents));
    info = own(device.allocateInfo(extents.batch()));
    call =
        switch (row.operation()) {
          case FORWARD -> forward();
          case VALUES -> values();
          case BACKWARD -> backward(false);
          case BOTH -> backward(true);
          case SPECTRAL -> spectral();
        };
    call.run();
    info.check(0);
  }

  @Override
  public void run() {
    call.run();
    device.synchronize(0);
  }

  private Runnable forward() {
    SvdPlan plan = plan();
    SvdFactors factors = own(plan.allocateFactors());
    return () -> plan.forward(a, factors, info, 0);
  }

  private Runnable values() {
    SingularValuePlan plan =
        own(
            SingularValuePlan.createWithoutGradients(
                device, new BatchShape(type, extents.batch(), extents.rows(), extents.columns())));
    OwnedMatrixBatch s =
        own(device.allocate(new BatchShape(type.real(), extents.batch(), extents.k(), 1)));
    return () -> plan.forward(a, s, info, 0);
  }

  private Runnable backward(boolean withForward) {
    SvdPlan plan = plan();
    SvdFactors factors = own(plan.allocateFactors());
    SvdFactors normal = own(plan.allocateFactors());
    Cotangents numbers = Cotangents.of(type, extents);
    device.write(normal.u(), numbers.u());
    device.write(normal.s(), numbers.s());
    device.write(normal.v(), numbers.v());
    SvdCotangents cotangents = new SvdCotangents(normal.u(), normal.s(), normal.v());
    OwnedMatrixBatch gradient = allocate();
    plan.forward(a, factors, info, 0);
    return () -> {
      if (withForward) {
        plan.forward(a, factors, info, 0);
      }
      plan.backward(factors, cotangents, gradient, 0);
    };
  }

  private Runnable spectral() {
    SpectralPlan plan =
        own(
            SpectralPlan.create(
                device, new BatchShape(type, extents.batch(), extents.rows(), extents.columns())));
    SvdFactors factors = own(plan.allocateFactors());
    OwnedMatrixBatch y = allocate();
    OwnedMatrixBatch gradient = allocate();
    SpectralFunction function = SpectralFunction.softThreshold(Operation.THRESHOLD);
    SpectralCotangents cotangents = SpectralCotangents.of(y);
    return () -> {
      plan.forward(a, function, factors, y, info);
      plan.backward(factors, function, cotangents, gradient);
    };
  }

  private SvdPlan plan() {
    return own(
        SvdPlan.create(
            device,
            new BatchShape(type, extents.batch(), extents.rows(), extents.columns()),
            SvdOptions.defaults().withAlgorithm(algorithm)));
  }

  private OwnedMatrixBatch allocate(double... numbers) {
    OwnedMatrixBatch matrices =
        own(
            device.allocate(
                new BatchShape(type, extents.batch(), extents.rows(), extents.columns())));
    if (numbers.length > 0) {
      device.write(matrices, numbers);
    }
    return matrices;
  }

  private <T extends AutoCloseable> T own(T resource) {
    owned.push(resource);
    return resource;
  }

  @Override
  public void close() {
    for (AutoCloseable resource : owned) {
      try {
        resource.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
