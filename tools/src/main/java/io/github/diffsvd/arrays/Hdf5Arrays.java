package io.github.diffsvd.arrays;

import io.jhdf.HdfFile;
import io.jhdf.api.Dataset;
import io.jhdf.api.Node;
import io.jhdf.object.datatype.CompoundDataType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Complex data sets of HDF5 files, MATLAB's of version 7.3 among them. */
final class Hdf5Arrays {
  /** MATLAB puts so many bytes of its own in front. */
  private static final int MATLAB_BLOCK = 512;

  private static final String SIGNATURE = "HDF\r\n";
  private static final int SIGNATURE_AT = 1;

  private Hdf5Arrays() {}

  /** Whether it is an HDF5 file, whatever its name is. */
  static boolean isHdf5(Path file) throws IOException {
    try (InputStream stream = Files.newInputStream(file)) {
      byte[] start = stream.readNBytes(MATLAB_BLOCK + SIGNATURE_AT + SIGNATURE.length());
      return isSigned(start, 0) || isSigned(start, MATLAB_BLOCK);
    }
  }

  private static boolean isSigned(byte[] bytes, int block) {
    int from = block + SIGNATURE_AT;
    return bytes.length >= from + SIGNATURE.length()
        && new String(bytes, from, SIGNATURE.length(), StandardCharsets.ISO_8859_1)
            .equals(SIGNATURE);
  }

  static ComplexArray read(Path path) throws IOException {
    try (HdfFile file = new HdfFile(path)) {
      List<String> complex = new ArrayList<>();
      for (Map.Entry<String, Node> child : file.getChildren().entrySet()) {
        if (child.getValue() instanceof Dataset dataset && isComplex(dataset)) {
          complex.add(child.getKey());
        }
      }
      Dataset dataset = (Dataset) file.getChild(ComplexArray.choose(path, complex));
      List<Object> fields = List.copyOf(((Map<?, ?>) dataset.getDataFlat()).values());
      return new ComplexArray(
          dataset.getDimensionsAsLong(),
          ComplexArray.interleaved(doubles(fields.get(0)), doubles(fields.get(1))));
    }
  }

  /** A real and an imaginary part, whatever their names are. */
  private static boolean isComplex(Dataset dataset) {
    return dataset.getDataType() instanceof CompoundDataType compound
        && compound.getMembers().size() == 2
        && compound.getMembers().stream()
            .map(member -> member.getDataType().getJavaType())
            .allMatch(type -> type == float.class || type == double.class);
  }

  private static double[] doubles(Object numbers) {
    if (numbers instanceof double[] doubles) {
      return doubles;
    }
    float[] floats = (float[]) numbers;
    double[] doubles = new double[floats.length];
    for (int i = 0; i < floats.length; i++) {
      doubles[i] = floats[i];
    }
    return doubles;
  }
}
