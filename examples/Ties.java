///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DEPS io.github.diffsvd:diffsvd:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import static io.github.diffsvd.DataType.FLOAT64;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.Arrays;

/**
 * Y = U √S Vᵀ and the loss Y₁₂, at A = 4 I, whose singular values are equal. The loss has a
 * gradient there: SpectralPlan finds it, while the textbook's path through U, S and V ends in NaN.
 */
public class Ties {
  public static void main(String[] arguments) {
    BatchShape shape = new BatchShape(FLOAT64, 1, 2, 2);
    double[] gy = {0, 1, 0, 0};
    double[] spectral;
    double[] textbook;
    try (Scope scope = new Scope()) {
      Device device = scope.keep(Device.open());
      OwnedMatrixBatch a = scope.keep(device.upload(shape, 4, 0, 0, 4));
      OwnedMatrixBatch gradient = scope.keep(device.allocate(shape));

      SpectralPlan plan = scope.keep(SpectralPlan.create(device, shape));
      SpectralFunction sqrt = SpectralFunction.sqrt();
      SvdFactors factors = plan.allocateFactors();
      plan.forward(a, sqrt, factors, plan.allocateY(), plan.allocateInfo());
      OwnedMatrixBatch cotangent = scope.keep(device.upload(shape, gy));
      plan.backward(factors, sqrt, SpectralCotangents.of(cotangent), gradient);
      spectral = device.read(gradient);

      // The textbook's path: gU = gY V √S and gV = gYᵀ U √S, with √S = 2 I. gS changes no NaN.
      SvdOptions exact = SvdOptions.defaults().withRule(GradientRule.exact());
      SvdPlan svd = scope.keep(SvdPlan.create(device, shape, exact));
      double[] u = device.read(factors.u());
      double[] v = device.read(factors.v());
      SvdCotangents cotangents = svd.allocateCotangents();
      device.write(cotangents.u(), 2 * v[2], 2 * v[3], 0, 0);
      device.write(cotangents.s(), u[0] * v[2] / 4, u[1] * v[3] / 4);
      device.write(cotangents.v(), 0, 0, 2 * u[0], 2 * u[1]);
      svd.backward(factors, cotangents, gradient);
      textbook = device.read(gradient);
    }
    System.out.println("SpectralPlan: " + Arrays.toString(spectral));
    System.out.println("textbook:     " + Arrays.toString(textbook));

    // f'(4) = 1/4 of the symmetric part of gY, and f(4)/4 = 1/2 of its antisymmetric part.
    double[] expected = {0, 0.375, -0.125, 0};
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(spectral[i] - expected[i]) < 1e-12)) {
        throw new AssertionError("element " + i + ": expected " + expected[i]);
      }
    }
    if (Arrays.stream(textbook).noneMatch(Double::isNaN)) {
      throw new AssertionError("expected NaN from the textbook's formula");
    }
  }
}
