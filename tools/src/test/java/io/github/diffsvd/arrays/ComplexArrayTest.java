package io.github.diffsvd.arrays;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files that make.py, beside them, has written with h5py and SciPy. */
class ComplexArrayTest {
  private static final int FRAMES = 3;
  private static final int COILS = 2;
  private static final int ROWS = 4;
  private static final int COLUMNS = 5;

  @TempDir Path folder;

  private Path file(String name) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream stream = ComplexArrayTest.class.getResourceAsStream(name)) {
      Files.copy(stream, file);
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"kspace.h5", "kspace.mat", "kspace73.mat"})
  void everyElementIsWhereItBelongs(String name) throws IOException {
    Path file = file(name);
    ComplexArray k = ComplexArray.read(file);
    boolean reversed = ComplexArray.isMatlab(file);
    assertThat(k.shape())
        .containsExactly(FRAMES, COILS, reversed ? COLUMNS : ROWS, reversed ? ROWS : COLUMNS);
    for (int f = 0; f < FRAMES; f++) {
      for (int c = 0; c < COILS; c++) {
        for (int i = 0; i < ROWS; i++) {
          for (int j = 0; j < COLUMNS; j++) {
            int expected = ((f * COILS + c) * ROWS + i) * COLUMNS + j;
            int at = (f * COILS + c) * ROWS * COLUMNS + (reversed ? j * ROWS + i : i * COLUMNS + j);
            assertThat(k.parts()[2 * at]).isEqualTo(expected);
            assertThat(k.parts()[2 * at + 1]).isEqualTo(-expected - 0.5f);
          }
        }
      }
    }
  }

  @Test
  void whatHoldsNoneOrSeveralIsRefusedByName() throws IOException {
    Path real = file("real.h5");
    assertThatThrownBy(() -> ComplexArray.read(real))
        .isInstanceOf(IOException.class)
        .hasMessage(
            real + ": expected one array of complex numbers, or one of the name kspace, got none");
    Path two = file("two.h5");
    assertThatThrownBy(() -> ComplexArray.read(two)).hasMessageEndingWith("got a, b");
  }

  /** Cut off anywhere, a file is refused in words or was whole already; nothing else is thrown. */
  @ParameterizedTest
  @ValueSource(strings = {"kspace.h5", "kspace.mat", "kspace73.mat"})
  void aFileThatIsCutOffIsRefusedByName(String name) throws IOException {
    byte[] whole = Files.readAllBytes(file(name));
    Path cut = folder.resolve("cut-" + name);
    int refused = 0;
    for (int length = 0; length < whole.length; length += 97) {
      Files.write(cut, Arrays.copyOf(whole, length));
      try {
        ComplexArray.read(cut);
      } catch (IOException e) {
        assertThat(e).hasMessageStartingWith(cut.toString());
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(whole.length / 97 / 2);
  }

  @Test
  void endingsTellTheKind() {
    assertThat(ComplexArray.isKnown(Path.of("a/b.NPY"))).isTrue();
    assertThat(ComplexArray.isKnown(Path.of("b.hdf5"))).isTrue();
    assertThat(ComplexArray.isKnown(Path.of("b.mat"))).isTrue();
    assertThat(ComplexArray.isKnown(Path.of("b.txt"))).isFalse();
  }
}
