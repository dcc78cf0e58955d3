package io.github.diffsvd.arrays;

import io.github.diffsvd.npy.NpyReader;
import io.github.diffsvd.npy.NpyType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * An array of complex numbers in single precision.
 *
 * @param shape the extents, the slowest axis first
 * @param parts real and imaginary part of each element in turn, the last axis fastest
 */
public record ComplexArray(long[] shape, float[] parts) {
  private static final List<String> HDF5 = List.of(".h5", ".hdf5");
  private static final String MATLAB = ".mat";

  /** Whether a file's name ends as those do that {@link #read} knows. */
  public static boolean isKnown(Path file) {
    return hasEnding(file, ".npy")
        || isMatlab(file)
        || HDF5.stream().anyMatch(e -> hasEnding(file, e));
  }

  /** Whether it is MATLAB's, whose first axis is the fastest. */
  public static boolean isMatlab(Path file) {
    return hasEnding(file, MATLAB);
  }

  private static boolean hasEnding(Path file, String ending) {
    return file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(ending);
  }

  /**
   * Reads a file: a .npy file; of an HDF5 file (.h5, .hdf5) the data set "kspace" at its top, or
   * else the only complex one there (a compound of two floating-point numbers, as h5py and MATLAB
   * write it); of a MATLAB file (.mat, of version 5 to 7.3) the variable "kspace", or else the only
   * complex one, with its axes in reverse, since MATLAB's first axis is the fastest.
   *
   * @throws IOException naming the file and the reason
   */
  public static ComplexArray read(Path file) throws IOException {
    try {
      if (hasEnding(file, ".npy")) {
        return npy(file);
      }
      return isMatlab(file) && !Hdf5Arrays.isHdf5(file)
          ? MatlabArrays.read(file)
          : Hdf5Arrays.read(file);
    } catch (IOException | RuntimeException e) {
      // The libraries name no file.
      String reason = String.valueOf(e.getMessage());
      throw new IOException(
          reason.startsWith(file.toString()) ? reason : file + ": it cannot be read: " + reason, e);
    }
  }

  private static ComplexArray npy(Path file) throws IOException {
    try (NpyReader reader = NpyReader.open(file)) {
      NpyType type = reader.header().type();
      if (type != NpyType.COMPLEX64 && type != NpyType.COMPLEX128) {
        throw new IOException(
            file + ": expected complex numbers, got " + type + " " + reader.header().shape());
      }
      ByteBuffer bytes =
          ByteBuffer.allocate(Math.toIntExact(reader.remaining())).order(ByteOrder.nativeOrder());
      reader.read(bytes);
      bytes.flip();
      float[] parts = new float[2 * (bytes.remaining() / type.bytes())];
      for (int i = 0; i < parts.length; i++) {
        parts[i] = type == NpyType.COMPLEX64 ? bytes.getFloat() : (float) bytes.getDouble();
      }
      return new ComplexArray(
          reader.header().shape().stream().mapToLong(Long::longValue).toArray(), parts);
    }
  }

  /** The one of the name that MRI data have, or else the only one. */
  static String choose(Path file, List<String> complex) throws IOException {
    if (complex.contains("kspace")) {
      return "kspace";
    }
    if (complex.size() != 1) {
      throw new IOException(
          file
              + ": expected one array of complex numbers, or one of the name kspace, got "
              + (complex.isEmpty() ? "none" : String.join(", ", complex)));
    }
    return complex.get(0);
  }

  /** Puts the parts of each element side by side. */
  static float[] interleaved(double[] real, double[] imaginary) {
    float[] parts = new float[2 * real.length];
    for (int i = 0; i < real.length; i++) {
      parts[2 * i] = (float) real[i];
      parts[2 * i + 1] = (float) imaginary[i];
    }
    return parts;
  }

  @Override
  public String toString() {
    return "complex " + Arrays.toString(shape);
  }
}
