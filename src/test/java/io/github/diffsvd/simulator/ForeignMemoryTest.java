package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceStream;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.internal.backend.cuda.Problem;
import io.github.diffsvd.interop.Pointers;
import io.github.diffsvd.interop.Streams;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Consumer;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Contexts, memory and streams that another library on the same GPU has made. */
@Tag("simulator")
class ForeignMemoryTest {
  private static final BatchShape SHAPE = new BatchShape(DataType.FLOAT64, 3, 4, 2);
  private static final int BYTE_OFFSET = 24;

  private static CUdevice device(int ordinal) {
    JCudaDriver.cuInit(0);
    CUdevice device = new CUdevice();
    assertThat(JCudaDriver.cuDeviceGet(device, ordinal)).isZero();
    return device;
  }

  /** Runs with a context that is not the primary one, and destroys it; it is not current. */
  private static void inForeignContext(Consumer<CUcontext> action) {
    CUcontext context = new CUcontext();
    assertThat(JCudaDriver.cuCtxCreate(context, 0, device(0))).isZero();
    JCudaDriver.cuCtxPopCurrent(new CUcontext());
    try {
      action.accept(context);
    } finally {
      assertThat(JCudaDriver.cuCtxDestroy(context)).isZero();
    }
  }

  private static CUdeviceptr allocate(long bytes) {
    CUdeviceptr address = new CUdeviceptr();
    assertThat(JCudaDriver.cuMemAlloc(address, bytes)).isZero();
    return address;
  }

  @ParameterizedTest
  @EnumSource(
      value = SvdAlgorithm.class,
      names = {"AUTO", "JACOBI", "GESVD", "GESVDJ_BATCHED"})
  void aDeviceInAForeignContextComputesTheSameAndLeavesItAlone(SvdAlgorithm algorithm) {
    double[] expected;
    try (Device primary = Device.open("cuda:0");
        Problem problem = new Problem(primary, DataType.FLOAT64, 3, 6, 4, algorithm)) {
      problem.run(0);
      expected = primary.read(problem.gradient);
    }
    inForeignContext(
        context -> {
          Device device = Device.inContext(Pointers.handle(context));
          assertThat(device.name()).isEqualTo("cuda:0");
          try (device;
              Problem problem = new Problem(device, DataType.FLOAT64, 3, 6, 4, algorithm)) {
            problem.run(0);
            assertThat(device.read(problem.gradient)).containsExactly(expected);
          }
          assertThat(JCudaDriver.cuCtxPushCurrent(context)).as("still there").isZero();
          JCudaDriver.cuCtxPopCurrent(new CUcontext());
        });
  }

  @Test
  void memoryOfOneContextIsOfNoUseInAnother() {
    inForeignContext(
        context -> {
          JCudaDriver.cuCtxPushCurrent(context);
          CUdeviceptr a = allocate(SHAPE.bytes());
          try (Device primary = Device.open("cuda:0");
              Device foreign = Device.inContext(Pointers.handle(context))) {
            foreign.write(Pointers.wrap(a, SHAPE), new double[(int) SHAPE.size()]);
            assertThatThrownBy(() -> primary.read(Pointers.wrap(a, SHAPE)))
                .hasMessageContaining("CUDA_ERROR_INVALID_VALUE");
            assertThat(Simulator.violations()).singleElement().asString().contains("of another");
          }
          JCudaDriver.cuMemFree(a);
          JCudaDriver.cuCtxPopCurrent(new CUcontext());
        });
  }

  @Test
  void aContextThatIsNoneIsRefused() {
    assertThatThrownBy(() -> Device.inContext(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("cuContext: expected the handle of a CUcontext, got 0");
    assertThatThrownBy(() -> Device.inContext(48))
        .isInstanceOf(DeviceUnavailableException.class)
        .hasMessageContaining("cuCtxPushCurrent returned 201 (CUDA_ERROR_INVALID_CONTEXT)");
    assertThat(Simulator.violations()).hasSize(1);
  }

  /** Nothing is copied, nothing waited for, nothing freed: the three calls that launch kernels. */
  @Test
  void memoryAndStreamOfJcudaAreUsedWhereTheyAre() {
    try (Device device = Device.open("cuda:0");
        SvdPlan plan = SvdPlan.create(device, SHAPE);
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = plan.allocateInfo()) {
      CUcontext context = new CUcontext();
      JCudaDriver.cuDevicePrimaryCtxRetain(context, device(0));
      JCudaDriver.cuCtxPushCurrent(context);
      CUstream stream = new CUstream();
      JCudaDriver.cuStreamCreate(stream, 1);
      CUdeviceptr memory = allocate(BYTE_OFFSET + SHAPE.bytes());
      try {
        double[] values = new double[(int) SHAPE.size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = Math.sin(i);
        }
        MatrixBatch a = Pointers.wrap(memory.withByteOffset(BYTE_OFFSET), SHAPE);
        assertThat(a.address() - Pointers.address(memory)).isEqualTo(BYTE_OFFSET);
        device.write(a, values);
        Simulator.tell("stream " + Streams.handle(stream));
        List<String> calls =
            Simulator.trace(() -> plan.forward(a, factors, info, Streams.handle(stream)));
        assertThat(calls).containsExactly("cuCtxPushCurrent", "cuLaunchKernel", "cuCtxPopCurrent");
        info.check(Streams.handle(stream));
        Simulator.tell("stream 0");
        assertThat(device.read(a)).containsExactly(values);
      } finally {
        assertThat(JCudaDriver.cuMemFree(memory)).isZero();
        JCudaDriver.cuStreamDestroy(stream);
        JCudaDriver.cuCtxPopCurrent(new CUcontext());
        JCudaDriver.cuDevicePrimaryCtxRelease(device(0));
      }
    }
  }

  @Test
  void aPointerToAnArrayOfJavaIsRefused() {
    Pointer array = Pointer.to(new double[8]);
    assertThatThrownBy(() -> Pointers.wrap(array, SHAPE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("pointer: expected one to memory that JCuda has allocated, got");
  }

  @Test
  void aPointerIsAskedWhereItLivesOnRequest() {
    Simulator.tell("devices 2");
    System.setProperty("diffsvd.checkPointers", "true");
    ByteBuffer host = ByteBuffer.allocateDirect((int) SHAPE.bytes()).order(ByteOrder.nativeOrder());
    MatrixBatch onHost = Pointers.wrap(new org.bytedeco.javacpp.Pointer(host), SHAPE);
    try (Device first = Device.open("cuda:0");
        Device second = Device.open("cuda:1");
        SvdPlan plan = SvdPlan.create(first, SHAPE);
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = plan.allocateInfo();
        MatrixOf here = new MatrixOf(first);
        MatrixOf there = new MatrixOf(second)) {
      assertThatThrownBy(() -> plan.forward(onHost, factors, info, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "a: expected memory of cuda:0, got " + onHost + ", which is host memory, or freed");
      assertThatThrownBy(() -> plan.forward(there.borrowed, factors, info, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "a: expected memory of cuda:0, got " + there.borrowed + ", which belongs to cuda:1");
      first.write(here.borrowed, new double[(int) SHAPE.size()]);
      assertThatCode(() -> plan.forward(here.borrowed, factors, info, 0))
          .doesNotThrowAnyException();
    } finally {
      System.clearProperty("diffsvd.checkPointers");
    }
  }

  /** Memory of a device whose owner diffsvd does not know. */
  private static final class MatrixOf implements AutoCloseable {
    private final io.github.diffsvd.OwnedMatrixBatch owned;
    final MatrixBatch borrowed;

    MatrixOf(Device device) {
      owned = device.allocate(SHAPE);
      borrowed = MatrixBatch.wrap(owned.address(), SHAPE);
    }

    @Override
    public void close() {
      owned.close();
    }
  }

  @Test
  void nobodyAsksWhereAPointerLivesUnlessItIsAskedFor() {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT32, 2, 4, 3, SvdAlgorithm.AUTO)) {
      problem.run(0);
      assertThat(Simulator.trace(() -> problem.run(0))).doesNotContain("cuPointerGetAttribute");
    }
  }

  @Test
  void aStreamOfTheDeviceIsAnotherThanItsOwnAndIsGivenBack() {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT32, 2, 4, 3, SvdAlgorithm.AUTO)) {
      DeviceStream stream = device.openStream();
      try (stream;
          DeviceStream other = device.openStream()) {
        assertThat(stream.handle()).isNotZero().isNotEqualTo(other.handle());
        Simulator.tell("stream " + stream.handle());
        problem.run(stream.handle());
        stream.synchronize();
        Simulator.tell("stream 0");
        assertThat(device.read(problem.gradient)).doesNotContain(Double.NaN);
      }
      assertThatThrownBy(stream::handle)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("DeviceStream of cuda:0: it is closed");
      stream.close();
    }
    assertThat(Simulator.leaks()).isEmpty();
  }

  @Test
  void aStreamIsClosedWithItsDevice() {
    Device device = Device.open("cuda:0");
    DeviceStream stream = device.openStream();
    device.close();
    assertThat(Simulator.leaks()).isEmpty();
    assertThatThrownBy(stream::synchronize).isInstanceOf(IllegalStateException.class);
    stream.close();
  }

  @Test
  void aZeroOfCudaIsTheLegacyStream() {
    assertThat(Streams.handle(new CUstream())).isEqualTo(Streams.LEGACY);
    assertThat(Streams.handle((CUstream) null)).isEqualTo(Streams.LEGACY);
    assertThat(Streams.handle(JCudaDriver.CU_STREAM_LEGACY)).isEqualTo(Streams.LEGACY);
    assertThat(Streams.handle(JCudaDriver.CU_STREAM_PER_THREAD)).isEqualTo(Streams.PER_THREAD);
    assertThat(Streams.handle((org.bytedeco.javacpp.Pointer) null)).isEqualTo(Streams.LEGACY);
    assertThat(Streams.handle(0x7f00)).isEqualTo(0x7f00);
  }
}
