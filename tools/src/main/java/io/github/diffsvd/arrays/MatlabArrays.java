package io.github.diffsvd.arrays;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.format.Mat5File;
import us.hebi.matlab.mat.types.MatFile;
import us.hebi.matlab.mat.types.Matrix;

/** Complex variables of MATLAB's files of version 5 to 7. */
final class MatlabArrays {
  private MatlabArrays() {}

  static ComplexArray read(Path path) throws IOException {
    try (Mat5File file = Mat5.readFromFile(path.toFile())) {
      List<String> complex = new ArrayList<>();
      for (MatFile.Entry entry : file.getEntries()) {
        if (entry.getValue() instanceof Matrix matrix && matrix.isComplex()) {
          complex.add(entry.getName());
        }
      }
      Matrix matrix = file.getMatrix(ComplexArray.choose(path, complex));
      int[] dimensions = matrix.getDimensions();
      long[] shape = new long[dimensions.length];
      for (int i = 0; i < shape.length; i++) {
        shape[i] = dimensions[shape.length - 1 - i];
      }
      double[] real = new double[matrix.getNumElements()];
      double[] imaginary = new double[real.length];
      for (int i = 0; i < real.length; i++) {
        real[i] = matrix.getDouble(i);
        imaginary[i] = matrix.getImaginaryDouble(i);
      }
      return new ComplexArray(shape, ComplexArray.interleaved(real, imaginary));
    }
  }
}
