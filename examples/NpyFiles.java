///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DEPS io.github.diffsvd:diffsvd:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import static io.github.diffsvd.DataType.FLOAT32;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SingularValuePlan;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyReader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** NumPy's files in and out: reads a batch of float32 matrices, writes their singular values. */
public class NpyFiles {
  static void singularValues(Path in, Path out) throws IOException {
    try (NpyReader reader = NpyReader.open(in);
        Device device = Device.open()) {
      List<Long> extents = reader.header().shape();
      int batch = Math.toIntExact(extents.get(0));
      int rows = Math.toIntExact(extents.get(1));
      BatchShape shape = new BatchShape(FLOAT32, batch, rows, Math.toIntExact(extents.get(2)));
      try (OwnedMatrixBatch a = device.allocate(shape);
          SingularValuePlan plan = SingularValuePlan.createWithoutGradients(device, shape)) {
        OwnedMatrixBatch s = plan.allocateValues();
        SvdInfo info = plan.allocateInfo();
        device.write(a, read(reader));
        plan.forward(a, s, info);
        info.check();
        write(out, List.of(extents.get(0), (long) shape.k()), device.readFloats(s));
      }
    }
  }

  static float[] read(NpyReader reader) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) reader.remaining()).order(ByteOrder.nativeOrder());
    float[] values = new float[bytes.capacity() / Float.BYTES];
    reader.read(bytes);
    bytes.flip().asFloatBuffer().get(values);
    return values;
  }

  static void write(Path file, List<Long> extents, float... values) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.order(ByteOrder.nativeOrder()).asFloatBuffer().put(values);
    try (NpyWriter writer = NpyWriter.create(file, NpyHeader.of(NpyType.FLOAT32, extents))) {
      writer.write(bytes);
      // Replaces the file in one step; until here it is as it was.
      NpyWriter.commit(writer);
    }
  }

  public static void main(String[] arguments) throws IOException {
    Path in = Files.createTempFile("A", ".npy");
    Path out = Files.createTempFile("S", ".npy");
    write(in, List.of(2L, 2L, 2L), 0, 2, 1, 0, 3, 0, 0, -4);
    singularValues(in, out);
    float[] s;
    try (NpyReader reader = NpyReader.open(out)) {
      s = read(reader);
      System.out.println("S.npy: " + reader.header().type() + " " + reader.header().shape());
      System.out.println(Arrays.toString(s));
    }
    Files.delete(in);
    Files.delete(out);

    float[] expected = {2, 1, 4, 3};
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(s[i] - expected[i]) < 1e-6)) {
        throw new AssertionError("value " + i + ": expected " + expected[i]);
      }
    }
  }
}
