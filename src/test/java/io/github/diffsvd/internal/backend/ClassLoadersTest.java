package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/** The library in several class loaders of one JVM, as Spark, Flink and redeployed servers do. */
class ClassLoadersTest {
  /** The singular values of diag(3, 4), small by our kernels and large by LAPACK. */
  public static final class Decompose implements Callable<double[]> {
    @Override
    public double[] call() {
      try (Device device = Device.open("cpu")) {
        double[] result = new double[4];
        for (int n : new int[] {2, 80}) {
          double[] a = new double[n * n];
          a[0] = 3;
          a[n + 1] = 4;
          try (OwnedMatrixBatch matrices =
                  device.allocate(new BatchShape(DataType.FLOAT64, 1, n, n));
              SvdPlan plan = SvdPlan.create(device, new BatchShape(DataType.FLOAT64, 1, n, n));
              SvdFactors factors = plan.allocateFactors();
              SvdInfo info = device.allocateInfo(1)) {
            device.write(matrices, a);
            plan.forward(matrices, factors, info, 0);
            System.arraycopy(device.read(factors.s()), 0, result, n == 2 ? 0 : 2, 2);
          }
        }
        return result;
      }
    }
  }

  private static URLClassLoader loader() throws MalformedURLException {
    List<URL> path = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      path.add(Path.of(entry).toUri().toURL());
    }
    return new URLClassLoader(path.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
  }

  @Test
  void eachHasTheCpu() throws Exception {
    assertThat(new Decompose().call()).containsExactly(4, 3, 4, 3);
    for (int i = 0; i < 2; i++) {
      try (URLClassLoader other = loader()) {
        Class<?> decompose = other.loadClass(Decompose.class.getName());
        assertThat(decompose).isNotSameAs(Decompose.class);
        Object values = ((Callable<?>) decompose.getDeclaredConstructor().newInstance()).call();
        assertThat((double[]) values).containsExactly(4, 3, 4, 3);
      }
    }
  }
}
