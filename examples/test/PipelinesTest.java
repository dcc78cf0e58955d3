import static io.github.diffsvd.DataType.FLOAT32;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.interop.DlTensor;
import io.github.diffsvd.interop.DlTensors;
import io.github.diffsvd.interop.Pointers;
import io.github.diffsvd.interop.Streams;
import io.github.diffsvd.torch.TorchTensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The Java of docs/pipelines.md is the code between the marks below: compiled here, run where it
 * needs no GPU, and compared with the page.
 */
class PipelinesTest {
  private static final BatchShape SHAPE = new BatchShape(FLOAT32, 2, 3, 2);
  private static final float[] VALUES = {3, 0, 0, 2, 0, 0, 0, 5, 4, 0, 0, 0};
  private static final double[] SINGULAR_VALUES = {3, 2, 5, 4};

  private final Device device = Device.open("cpu", 1);
  private SvdPlan plan;
  private SvdFactors factors;
  private SvdInfo info;

  @BeforeEach
  void plan() {
    plan = SvdPlan.create(device, SHAPE);
    factors = plan.allocateFactors();
    info = plan.allocateInfo();
  }

  @AfterEach
  void close() {
    device.close();
  }

  private void assertDecomposed() {
    info.check();
    assertThat(device.read(factors.s())).containsExactly(SINGULAR_VALUES, within(1e-6));
  }

  /** Compiled; runs with a GPU alone. */
  static void jcuda(
      SvdPlan plan,
      BatchShape shape,
      CUdeviceptr pointer,
      long offset,
      CUstream stream,
      SvdFactors factors,
      SvdInfo info) {
    // PAGE JCuda
    MatrixBatch a = Pointers.wrap(pointer.withByteOffset(offset), shape);
    plan.forward(a, factors, info, Streams.handle(stream));
    // PAGE
  }

  /** Compiled; DJL's engines are large. */
  static void djl(Device device, SvdPlan plan, NDArray array, SvdFactors factors, SvdInfo info) {
    // PAGE DJL
    try (OwnedMatrixBatch a = device.allocate(plan.shape())) {
      device.write(a, array.toByteBuffer(true));
      plan.forward(a, factors, info);
    }
    // PAGE
  }

  @Test
  void javaCpp() {
    BatchShape shape = SHAPE;
    Pointer stream = null;
    try (FloatPointer pointer = new FloatPointer(VALUES)) {
      // PAGE JavaCPP
      MatrixBatch a = Pointers.wrap(pointer, shape);
      plan.forward(a, factors, info, Streams.handle(stream));
      // PAGE
      assertDecomposed();
    }
  }

  @Test
  void libtorch() {
    try (FloatPointer memory = new FloatPointer(VALUES)) {
      Tensor x = torch.from_blob(memory, new long[] {2, 3, 2}, new TensorOptions());
      // PAGE libtorch
      MatrixBatch a = TorchTensors.wrap(x);
      plan.forward(a, factors, info, TorchTensors.stream(x));
      // PAGE
      assertDecomposed();
    }
  }

  @Test
  void directBuffers() {
    BatchShape shape = SHAPE;
    ByteBuffer buffer = filled();
    // PAGE Buffers
    MatrixBatch a = Pointers.wrap(new Pointer(buffer), shape);
    plan.forward(a, factors, info);
    // PAGE
    assertDecomposed();
  }

  private static ByteBuffer filled() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(4 * VALUES.length).order(ByteOrder.nativeOrder());
    for (float value : VALUES) {
      buffer.putFloat(value);
    }
    return buffer.flip();
  }

  @Test
  void arrow() {
    BatchShape shape = SHAPE;
    try (BufferAllocator allocator = new RootAllocator();
        ArrowBuf buffer = allocator.buffer(shape.bytes())) {
      buffer.setBytes(0, filled());
      // PAGE Arrow
      MatrixBatch a = MatrixBatch.wrap(buffer.memoryAddress(), shape);
      plan.forward(a, factors, info);
      // PAGE
      assertDecomposed();
    }
  }

  @Test
  void onnxRuntime() throws OrtException {
    BatchShape shape = SHAPE;
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OnnxTensor output =
        OnnxTensor.createTensor(environment, filled().asFloatBuffer(), new long[] {2, 3, 2})) {
      // PAGE ONNX Runtime
      ByteBuffer u = ByteBuffer.allocateDirect((int) factors.u().shape().bytes());
      try (OwnedMatrixBatch a = device.allocate(shape)) {
        device.write(a, output.getByteBuffer());
        plan.forward(a, factors, info);
        device.read(factors.u(), u);
      }
      OnnxTensor input =
          OnnxTensor.createTensor(
              environment,
              u.flip().order(ByteOrder.nativeOrder()).asFloatBuffer(),
              new long[] {2, 3, 2});
      // PAGE
      assertDecomposed();
      assertThat(input.getFloatBuffer().remaining()).isEqualTo(12);
      input.close();
    }
  }

  @Test
  void dlPack() {
    BatchShape shape = SHAPE;
    OwnedMatrixBatch owned = device.allocate(shape);
    device.write(owned, filled());
    // PAGE DLPack out
    long managed = DlTensors.export(device, owned, owned::close);
    // PAGE
    long address = managed;
    // PAGE DLPack in
    try (DlTensor tensor = DlTensors.wrap(device, address)) {
      plan.forward(tensor.matrices(), factors, info);
      device.synchronize(0);
    }
    // PAGE
    assertDecomposed();
    assertThatThrownBy(() -> device.read(owned)).hasMessageContaining("is freed already");
  }

  @Test
  void pageShowsIt() throws IOException {
    String page = Files.readString(Path.of("docs/pipelines.md"));
    Set<String> names = new HashSet<>();
    for (String file :
        List.of(
            "examples/test/PipelinesTest.java",
            "examples/gpu/CudfColumns.java",
            "examples/gpu/TornadoSvd.java",
            "examples/java22/Segments.java")) {
      Matcher piece =
          Pattern.compile("(?ms)^( *)// PAGE ([^\\n]+)\\n(.*?)^ *// PAGE\\n")
              .matcher(Files.readString(Path.of(file)));
      while (piece.find()) {
        String code = piece.group(3).replaceAll("(?m)^" + piece.group(1), "");
        assertThat(page).as(piece.group(2)).contains("```java\n" + code + "```");
        names.add(piece.group(2));
      }
    }
    assertThat(names).hasSize((int) Pattern.compile("```java").matcher(page).results().count());
  }
}
