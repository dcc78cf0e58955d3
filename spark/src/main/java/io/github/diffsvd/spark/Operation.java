package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SpectralTable;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.spark.Part.Role;
import java.util.ArrayList;
import java.util.List;

/** What is done with every matrix: which columns it reads and writes, and by which plan. */
enum Operation {
  SVD {
    @Override
    List<Part> outputs(SvdSpec spec) {
      return List.of(
          new Part(spec.prefix + "u", Role.U),
          new Part(spec.prefix + "s", Role.S),
          new Part(spec.prefix + "v", Role.V));
    }

    @Override
    Kit open(Device device, SvdSpec spec, BatchShape shape, Scope scope, long stream) {
      SvdPlan plan = scope.keep(SvdPlan.create(device, shape, spec.options));
      SvdFactors factors = plan.allocateFactors();
      SvdFactors kept = factors.leading(rank(spec, shape));
      MatrixBatch a = plan.allocateGradient();
      SvdInfo info = plan.allocateInfo();
      return new Kit(
          device,
          scope,
          List.of(a),
          List.of(kept.u(), kept.s(), kept.v()),
          info,
          () -> plan.forward(a, factors, info, stream));
    }
  },

  SPECTRAL {
    @Override
    List<Part> outputs(SvdSpec spec) {
      return List.of(new Part(spec.prefix + "y", Role.A));
    }

    @Override
    String missing(SvdSpec spec) {
      return spec.function == null ? "spectral: withFunction" : null;
    }

    @Override
    Kit open(Device device, SvdSpec spec, BatchShape shape, Scope scope, long stream) {
      SpectralPlan plan = scope.keep(SpectralPlan.create(device, shape, spec.options));
      SvdFactors factors = plan.allocateFactors();
      MatrixBatch a = plan.allocateY();
      SvdInfo info = plan.allocateInfo();
      return new Kit(
          device,
          scope,
          List.of(a),
          List.of(a),
          info,
          () -> plan.forward(a, spec.function, factors, a, info, stream));
    }
  },

  LOW_RANK {
    @Override
    List<Part> outputs(SvdSpec spec) {
      return List.of(
          new Part(spec.prefix + "y", Role.A), new Part(spec.prefix + "error", Role.NUMBER));
    }

    @Override
    String missing(SvdSpec spec) {
      return spec.rank == 0 ? "lowRank: withRank" : null;
    }

    @Override
    Kit open(Device device, SvdSpec spec, BatchShape shape, Scope scope, long stream) {
      SpectralPlan plan = scope.keep(SpectralPlan.create(device, shape, spec.options));
      SvdFactors factors = plan.allocateFactors();
      MatrixBatch a = plan.allocateY();
      MatrixBatch kept = scope.keep(device.allocate(factors.s().shape()));
      MatrixBatch error =
          scope.keep(device.allocate(new Part("error", Role.NUMBER).shape(shape, 1)));
      SvdInfo info = plan.allocateInfo();
      int k = shape.k();
      int rank = rank(spec, shape);
      return new Kit(
          device,
          scope,
          List.of(a),
          List.of(a, error),
          info,
          () -> {
            plan.forward(a, factors, info, stream);
            device.synchronize(stream);
            double[] s = device.read(factors.s());
            double[] errors = new double[shape.batch()];
            for (int b = 0; b < errors.length; b++) {
              for (int i = k - 1; i >= rank; i--) {
                errors[b] = Math.hypot(errors[b], s[b * k + i]);
                s[b * k + i] = 0;
              }
            }
            device.write(kept, s);
            device.write(error, errors);
            plan.compose(factors, SpectralTable.of(kept, kept), a, stream);
          });
    }
  },

  GRADIENT {
    @Override
    List<Part> inputs(SvdSpec spec) {
      List<Part> inputs = new ArrayList<>(super.inputs(spec));
      if (spec.gu != null) {
        inputs.add(new Part(spec.gu, Role.U));
      }
      if (spec.gs != null) {
        inputs.add(new Part(spec.gs, Role.S));
      }
      if (spec.gv != null) {
        inputs.add(new Part(spec.gv, Role.V));
      }
      return inputs;
    }

    @Override
    List<Part> outputs(SvdSpec spec) {
      return List.of(new Part(spec.prefix + "gradient", Role.A));
    }

    @Override
    String missing(SvdSpec spec) {
      return inputs(spec).size() == 1 ? "gradient: withCotangents or withCotangent" : null;
    }

    @Override
    Kit open(Device device, SvdSpec spec, BatchShape shape, Scope scope, long stream) {
      SvdPlan plan = scope.keep(SvdPlan.create(device, shape, spec.options));
      SvdFactors factors = plan.allocateFactors();
      List<MatrixBatch> given = new ArrayList<>();
      for (Part part : inputs(spec)) {
        given.add(scope.keep(device.allocate(part.shape(shape, rank(spec, shape)))));
      }
      MatrixBatch a = given.get(0);
      int next = 1;
      MatrixBatch gu = spec.gu == null ? null : given.get(next++);
      MatrixBatch gs = spec.gs == null ? null : given.get(next++);
      MatrixBatch gv = spec.gv == null ? null : given.get(next);
      SvdCotangents cotangents = new SvdCotangents(gu, gs, gv);
      SvdInfo info = plan.allocateInfo();
      return new Kit(
          device,
          scope,
          given,
          List.of(a),
          info,
          () -> {
            plan.forward(a, factors, info, stream);
            plan.backward(factors, cotangents, a, stream);
          });
    }
  },

  SPECTRAL_GRADIENT {
    @Override
    List<Part> inputs(SvdSpec spec) {
      return List.of(new Part(spec.column, Role.A), new Part(spec.gy, Role.A));
    }

    @Override
    List<Part> outputs(SvdSpec spec) {
      return List.of(
          new Part(spec.prefix + "gradient", Role.A),
          new Part(spec.prefix + "parameter_gradient", Role.NUMBER));
    }

    @Override
    String missing(SvdSpec spec) {
      return spec.function == null ? "gradient: withFunction" : null;
    }

    @Override
    Kit open(Device device, SvdSpec spec, BatchShape shape, Scope scope, long stream) {
      SpectralPlan plan = scope.keep(SpectralPlan.create(device, shape, spec.options));
      SvdFactors factors = plan.allocateFactors();
      MatrixBatch a = plan.allocateY();
      MatrixBatch gy = plan.allocateY();
      MatrixBatch parameter =
          scope.keep(device.allocate(new Part("parameter", Role.NUMBER).shape(shape, 1)));
      SvdInfo info = plan.allocateInfo();
      return new Kit(
          device,
          scope,
          List.of(a, gy),
          List.of(a, parameter),
          info,
          () -> {
            plan.forward(a, factors, info, stream);
            plan.backward(factors, spec.function, SpectralCotangents.of(gy), a, parameter, stream);
          });
    }
  };

  /** The matrices first. */
  List<Part> inputs(SvdSpec spec) {
    return List.of(new Part(spec.column, Role.A));
  }

  abstract List<Part> outputs(SvdSpec spec);

  /** What the spec has to say for this operation and does not, or null. */
  String missing(SvdSpec spec) {
    return null;
  }

  /**
   * A plan for matrices of a shape and the memory around it, kept in the scope.
   *
   * @param stream that all work is queued on
   * @return its inputs and outputs are in the order of {@link #inputs} and {@link #outputs}
   */
  abstract Kit open(Device device, SvdSpec spec, BatchShape shape, Scope scope, long stream);

  /** r for matrices of a shape. */
  static int rank(SvdSpec spec, BatchShape shape) {
    return spec.rank == 0 ? shape.k() : Math.min(spec.rank, shape.k());
  }
}
