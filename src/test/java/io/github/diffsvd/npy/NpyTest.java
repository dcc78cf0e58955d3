package io.github.diffsvd.npy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.files.FileException;
import io.github.diffsvd.files.Mutations;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpyTest {
  @TempDir Path folder;

  // ---- heads, byte for byte -----------------------------------------------------------------

  /** What numpy.save of NumPy 2.4 writes before the data. */
  static Stream<Arguments> heads() {
    return Stream.of(
        head(NpyType.FLOAT64, false, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }"),
        head(
            NpyType.COMPLEX64,
            false,
            "{'descr': '<c8', 'fortran_order': False, 'shape': (5,), }",
            5),
        head(
            NpyType.FLOAT64,
            false,
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }",
            3,
            2),
        head(
            NpyType.FLOAT32,
            true,
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 4), }",
            2,
            3,
            4),
        head(
            NpyType.INT32,
            false,
            "{'descr': '<i4', 'fortran_order': False, 'shape': (0, 3), }",
            0,
            3),
        head(
            NpyType.COMPLEX128,
            false,
            "{'descr': '<c16', 'fortran_order': False, 'shape': (1, 2, 0), }",
            1,
            2,
            0));
  }

  private static Arguments head(NpyType type, boolean fortran, String text, long... shape) {
    return Arguments.of(type, fortran, list(shape), text);
  }

  @ParameterizedTest
  @MethodSource("heads")
  void headsAreThoseOfNumPy(NpyType type, boolean fortran, List<Long> shape, String text) {
    NpyHeader header = new NpyHeader(type, ByteOrder.LITTLE_ENDIAN, fortran, shape);
    byte[] expected = file(1, pad(text, 118), new byte[0]);
    assertThat(header.encode()).isEqualTo(expected);
  }

  @Test
  void headsBeyondOneHundredAndEighteenCharactersGrowBySixtyFour() throws Exception {
    List<Long> shape = list(new long[40]);
    Path path = folder.resolve("a.npy");
    NpyWriter writer = NpyWriter.create(path, NpyHeader.of(NpyType.FLOAT32, shape));
    NpyWriter.commit(writer);
    assertThat(Files.size(path) % 64).isZero();
    try (NpyReader reader = NpyReader.open(path)) {
      assertThat(reader.header().shape()).isEqualTo(shape);
    }
  }

  // ---- what NumPy writes is read ------------------------------------------------------------

  @Test
  void readsALittleEndianFileOfNumPy() throws Exception {
    byte[] data = bytes(ByteOrder.LITTLE_ENDIAN).putDouble(1.5).putDouble(-2).flip().array();
    Path path =
        write(
            file(
                1,
                pad("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }", 118),
                first(data, 16)));
    assertThat(doubles(path)).containsExactly(1.5, -2);
  }

  static Stream<Arguments> spellings() {
    return Stream.of(
        Arguments.of(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"),
        Arguments.of(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"),
        Arguments.of(3, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"),
        Arguments.of(1, "{'descr':'=f4','fortran_order':False,'shape':(2,)}"),
        Arguments.of(1, "{\"shape\": (2,), \"fortran_order\": True, \"descr\": \"f4\"}   \n"),
        Arguments.of(1, "{ 'descr' : '|f4' , 'fortran_order' : False , 'shape' : ( 2L , ) , }\n"));
  }

  @ParameterizedTest
  @MethodSource("spellings")
  void readsEveryVersionAndSpelling(int version, String header) throws Exception {
    byte[] data = first(bytes(ByteOrder.nativeOrder()).putFloat(3).putFloat(4).array(), 8);
    Path path = write(file(version, header, data));
    try (NpyReader reader = NpyReader.open(path)) {
      assertThat(reader.header().type()).isEqualTo(NpyType.FLOAT32);
      assertThat(reader.header().shape()).containsExactly(2L);
      ByteBuffer target = bytes(ByteOrder.nativeOrder()).limit(8);
      reader.read(target);
      assertThat(target.getFloat(0)).isEqualTo(3);
      assertThat(target.getFloat(4)).isEqualTo(4);
    }
  }

  /** What numpy.dtype(name) of NumPy 2.4 is. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ':',
      value = {
        "FLOAT16: f2 e float16 half <e >f2",
        "FLOAT32: f4 f float32 single =f |f4",
        "FLOAT64: f8 d float64 double float <d >f8",
        "COMPLEX64: c8 F complex64 csingle <F",
        "COMPLEX128: c16 D complex128 cdouble complex >c16",
        "INT8: i1 b int8 byte |i1 <b",
        "INT16: i2 h int16 short <h",
        "INT32: i4 i int32 intc >i",
        "INT64: i8 l q p n int64 int int_ long longlong intp <q",
        "UINT8: u1 B uint8 ubyte |u1",
        "UINT16: u2 H uint16 ushort >H",
        "UINT32: u4 I uint32 uintc <I",
        "UINT64: u8 L Q P N uint64 uint ulong ulonglong uintp <u8"
      })
  void readsEveryNameOfAType(NpyType type, String names) throws Exception {
    for (String name : names.split(" ", -1)) {
      Path path = write(file(1, headerText("'" + name + "'", "False", "(0,)"), new byte[0]));
      try (NpyReader reader = NpyReader.open(path)) {
        assertThat(reader.header().type()).as(name).isEqualTo(type);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"<float64", ">int", "f3", "g", "?", "S8", "str", "float_", "", "<", "f8 "})
  void refusesWhatIsNoNameOfAType(String name) throws Exception {
    Path path = write(header("'" + name + "'", "False", "(2,)"));
    assertThatThrownBy(() -> NpyReader.open(path))
        .isInstanceOf(NpyException.class)
        .hasMessageContaining("unsupported dtype '" + name + "'; expected one of [float16,");
  }

  @Test
  void fortranOrderComesInCOrderThroughBuffersOfAnySize() throws Exception {
    Random random = new Random(7);
    List<NpyType> types = List.of(NpyType.values());
    for (int trial = 0; trial < 300; trial++) {
      List<Long> shape = new ArrayList<>();
      for (int i = random.nextInt(4); i >= 0; i--) {
        shape.add(1L + random.nextInt(trial % 10 == 0 ? 30 : 7));
      }
      NpyType type = types.get(random.nextInt(types.size()));
      NpyHeader header = new NpyHeader(type, ByteOrder.nativeOrder(), true, shape);
      byte[] data = new byte[(int) header.bytes()];
      random.nextBytes(data);
      Path path = write(Fortran.ordered(shape, type.bytes(), data));
      ByteBuffer found = ByteBuffer.allocate(data.length);
      int most = type.bytes() * (1 + random.nextInt(200));
      try (FileChannel channel = FileChannel.open(path)) {
        FortranOrder order = new FortranOrder(channel, 0, header, most);
        while (found.position() < data.length) {
          int left = data.length - found.position();
          int part = Math.min(left, type.bytes() * (1 + random.nextInt(100)));
          order.read(found.limit(found.position() + part));
        }
      }
      assertThat(found.array()).as("trial %d: %s, %d bytes", trial, header, most).isEqualTo(data);
    }
  }

  @Test
  void aFileThatBecomesShorterWhileItIsReadIsNoSurprise() throws Exception {
    for (String order : List.of("False", "True")) {
      byte[] whole = file(1, headerText("'<f8'", order, "(1000, 1000)"), new byte[8_000_000]);
      Path path = write(whole);
      try (NpyReader reader = NpyReader.open(path);
          FileChannel other = FileChannel.open(path, StandardOpenOption.WRITE)) {
        other.truncate(4_000_000);
        assertThatThrownBy(() -> reader.read(ByteBuffer.allocate(8_000_000)))
            .as(order)
            .isInstanceOf(NpyException.class)
            .hasMessageStartingWith(path + ": truncated");
      }
    }
  }

  @Test
  void anotherArrayMayFollow() throws Exception {
    byte[] one = header("'<f8'", "True", "(2, 1)");
    Path path = write(one);
    Files.write(path, one, StandardOpenOption.APPEND);
    try (NpyReader reader = NpyReader.open(path)) {
      assertThat(reader.remaining()).isEqualTo(16);
      assertThat(reader.following()).isEqualTo(one.length);
    }
    assertThat(doubles(path)).containsExactly(0, 0);
  }

  @Test
  void fortranOrderComesInCOrder() throws Exception {
    // numpy.save of numpy.asfortranarray([[1, 2, 3], [4, 5, 6]])
    byte[] data =
        first(
            bytes(ByteOrder.BIG_ENDIAN)
                .putDouble(1)
                .putDouble(4)
                .putDouble(2)
                .putDouble(5)
                .putDouble(3)
                .putDouble(6)
                .array(),
            48);
    Path path =
        write(
            file(1, pad("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }", 118), data));
    assertThat(doubles(path)).containsExactly(1, 2, 3, 4, 5, 6);
  }

  // ---- round trips --------------------------------------------------------------------------

  static Stream<Arguments> roundTrips() {
    List<List<Long>> shapes =
        List.of(
            list(),
            list(1),
            list(5),
            list(0),
            list(3, 4),
            list(4, 0),
            list(0, 2, 2),
            list(2, 3, 4),
            list(2, 1, 3, 5));
    List<Arguments> cases = new ArrayList<>();
    for (NpyType type : NpyType.values()) {
      for (ByteOrder order : List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
        if (type.bytes() == 1 && order == ByteOrder.BIG_ENDIAN) {
          continue; // A byte has no order, and the file says so.
        }
        for (boolean fortran : new boolean[] {false, true}) {
          shapes.forEach(
              shape -> cases.add(Arguments.of(new NpyHeader(type, order, fortran, shape))));
        }
      }
    }
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("roundTrips")
  void roundTrip(NpyHeader header) throws Exception {
    Path path = folder.resolve("a.npy");
    byte[] data = new byte[(int) header.bytes()];
    new Random(1).nextBytes(data);
    // In uneven pieces, heap and direct buffers.
    int piece = header.type().bytes() * 7;
    if (header.fortranOrder()) {
      byte[] swapped = header.byteOrder() == ByteOrder.nativeOrder() ? data : swapped(header, data);
      byte[] elements = Fortran.ordered(header.shape(), header.type().bytes(), swapped);
      try (OutputStream file = Files.newOutputStream(path)) {
        file.write(header.encode());
        file.write(elements);
      }
    } else {
      try (NpyWriter writer = NpyWriter.create(path, header)) {
        for (int at = 0; at < data.length; at += piece) {
          writer.write(ByteBuffer.wrap(data, at, Math.min(piece, data.length - at)));
        }
        NpyWriter.commit(writer);
      }
    }
    try (NpyReader reader = NpyReader.open(path)) {
      assertThat(reader.header()).isEqualTo(header);
      ByteBuffer target = ByteBuffer.allocateDirect(data.length);
      while (reader.remaining() > 0) {
        target.limit(Math.min(data.length, target.position() + piece + header.type().bytes()));
        reader.read(target);
      }
      byte[] found = new byte[data.length];
      target.flip().get(found);
      assertThat(found).isEqualTo(data);
    }
    assertThat(folder.toFile().list()).containsExactly("a.npy");
  }

  private static byte[] swapped(NpyHeader header, byte[] data) {
    byte[] result = data.clone();
    int part = header.type().partBytes();
    for (int i = 0; i < data.length; i++) {
      result[i] = data[i - i % part + part - 1 - i % part];
    }
    return result;
  }

  // ---- malformed files ----------------------------------------------------------------------

  static Stream<Arguments> malformed() {
    String good = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
    byte[] data = new byte[16];
    byte[] whole = file(1, good, data);
    return Stream.of(
        Arguments.of(
            "wrong magic",
            "PNG or something else".getBytes(StandardCharsets.US_ASCII),
            "wrong magic"),
        Arguments.of("a zip archive", new byte[] {'P', 'K', 3, 4}, "wrong magic"),
        Arguments.of("empty", new byte[0], "truncated"),
        Arguments.of("only the magic", first(whole, 6), "truncated"),
        Arguments.of("half a header", first(whole, 40), "truncated"),
        Arguments.of(
            "no data",
            first(whole, whole.length - 16),
            "truncated: expected 16 bytes of data, got 0"),
        Arguments.of(
            "one byte short",
            first(whole, whole.length - 1),
            "truncated: expected 16 bytes of data, got 15"),
        Arguments.of("trailing bytes", file(1, good, new byte[19]), "3 bytes follow the data"),
        Arguments.of("version 4", file(4, good, data), "unknown .npy version 4.0"),
        Arguments.of("version 0", file(0, good, data), "unknown .npy version 0.0"),
        Arguments.of(
            "over-long header", file(2, pad(good, 20_000), data), "a header of 20000 bytes"),
        Arguments.of("a list", file(1, "['descr', '<f8']", data), "no dictionary"),
        Arguments.of(
            "an expression", file(1, "{__import__('os').system('true')}", data), "malformed"),
        Arguments.of("unclosed", file(1, good.replace("}", ""), data), "no dictionary"),
        Arguments.of(
            "missing key", file(1, "{'descr': '<f8', 'shape': (2,)}", data), "needs descr"),
        Arguments.of("empty dictionary", file(1, "{}", data), "needs descr"),
        Arguments.of(
            "key twice",
            file(1, "{'shape': (2,), 'shape': (2,), 'descr': '<f8', 'fortran_order': False}", data),
            "malformed"),
        Arguments.of("unknown key", file(1, "{'x': 1}", data), "malformed"),
        Arguments.of("no comma", file(1, "{'descr': '<f8' 'shape': (2,)}", data), "malformed"),
        Arguments.of("order is no boolean", header("'<f8'", "'C'", "(2,)"), "fortran_order"),
        Arguments.of("long double", header("'<f16'", "False", "(1,)"), "unsupported dtype '<f16'"),
        Arguments.of("bool", header("'|b1'", "False", "(16,)"), "unsupported dtype '|b1'"),
        Arguments.of("objects", header("'|O'", "False", "(2,)"), "unsupported dtype '|O'"),
        Arguments.of(
            "records",
            header("[('x', '<f4', (2,)), ('y', '<f4')]", "False", "(2,)"),
            "unsupported dtype [('x'"),
        Arguments.of(
            "line break in dtype",
            header("'<f8\n\u001b[1m'", "False", "(2,)"),
            "unsupported dtype '<f8??[1m'"),
        Arguments.of(
            "dtype is no string", header("True", "False", "(2,)"), "unsupported dtype True"),
        Arguments.of("negative extent", header("'<f8'", "False", "(-2,)"), "bad shape (-2,)"),
        Arguments.of("fractional extent", header("'<f8'", "False", "(2.0,)"), "bad shape"),
        Arguments.of("gap in shape", header("'<f8'", "False", "(2,,1)"), "bad shape"),
        Arguments.of("only a comma", header("'<f8'", "False", "(,)"), "bad shape"),
        Arguments.of("shape is no tuple", header("'<f8'", "False", "'2'"), "bad shape"),
        Arguments.of(
            "extent beyond a long",
            header("'<f8'", "False", "(99999999999999999999,)"),
            "too large"),
        Arguments.of(
            "elements beyond a long",
            header("'<f8'", "False", "(4294967296, 4294967296)"),
            "too large"),
        Arguments.of(
            "bytes beyond a long", header("'<f8'", "False", "(2305843009213693952,)"), "too large"),
        Arguments.of(
            "huge but truncated",
            header("'<f8'", "True", "(1000000, 1000000)"),
            "truncated: expected 8000000000000 bytes"),
        Arguments.of(
            "too many dimensions",
            header("'<f8'", "False", "(" + "1,".repeat(65) + ")"),
            "65 dimensions"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("malformed")
  void malformedFilesAreRefusedInOneLine(String name, byte[] content, String reason)
      throws Exception {
    Path path = write(content);
    assertThatThrownBy(() -> NpyReader.open(path))
        .isInstanceOf(NpyException.class)
        .hasMessageStartingWith(path + ": ")
        .hasMessageContaining(reason)
        .message()
        .hasLineCount(1);
  }

  /** Bytes changed, removed, inserted and repeated, most of them in the head. */
  @Test
  void whateverIsInAFileItIsReadOrRefused() throws Exception {
    Random random = new Random(11);
    String[] types = {"'<f8'", "'>c8'", "'|u1'", "'<f2'", "'int64'"};
    for (int trial = 0; trial < 5_000; trial++) {
      String type = types[random.nextInt(types.length)];
      String shape = random.nextBoolean() ? "(2, 3)" : "(3, 1, 2)";
      String fortran = random.nextBoolean() ? "True" : "False";
      byte[] file =
          file(
              1 + random.nextInt(3),
              headerText(type, fortran, shape),
              new byte[random.nextInt(64)]);
      for (int i = random.nextInt(4); i >= 0; i--) {
        file = Mutations.mutated(file, random);
      }
      Path path = write(file);
      try (NpyReader reader = NpyReader.open(path)) {
        assertThat(reader.remaining()).as("trial %d", trial).isLessThanOrEqualTo(file.length);
        reader.read(ByteBuffer.allocate((int) reader.remaining()));
      } catch (NpyException e) {
        assertThat(e.getMessage())
            .as("trial %d", trial)
            .startsWith(path + ": ")
            .doesNotContain("null")
            .matches("[^\\p{Cntrl}]{1,500}");
      } catch (RuntimeException e) {
        throw new AssertionError("trial " + trial + ": " + Arrays.toString(file), e);
      }
    }
  }

  @Test
  void filesThatCannotBeOpenedAreNamed() {
    Path missing = folder.resolve("missing.npy");
    assertThatThrownBy(() -> NpyReader.open(missing))
        .isInstanceOf(NpyException.class)
        .hasMessage(missing + ": no such file or directory");
    assertThatThrownBy(() -> NpyReader.open(folder))
        .isInstanceOf(NpyException.class)
        .hasMessage(folder + ": not a regular file");
  }

  // ---- writing is all or nothing ------------------------------------------------------------

  @Test
  void withoutCommitTheOldFileStays() throws Exception {
    Path path = folder.resolve("a.npy");
    Files.writeString(path, "old");
    try (NpyWriter writer = NpyWriter.create(path, NpyHeader.of(NpyType.FLOAT64, list(2)))) {
      writer.write(ByteBuffer.allocate(8));
      assertThatThrownBy(() -> NpyWriter.commit(writer)).isInstanceOf(IllegalStateException.class);
    }
    assertThat(path).hasContent("old");
    assertThat(folder.toFile().list()).containsExactly("a.npy");
  }

  @Test
  void noFileIsReplacedIfOneOfThemIsIncomplete() throws Exception {
    Path first = folder.resolve("a.npy");
    Path second = folder.resolve("b.npy");
    Files.writeString(first, "old");
    NpyHeader header = NpyHeader.of(NpyType.INT32, list(1));
    try (NpyWriter a = NpyWriter.create(first, header);
        NpyWriter b = NpyWriter.create(second, header)) {
      a.write(ByteBuffer.allocate(4));
      assertThatThrownBy(() -> NpyWriter.commit(a, b)).isInstanceOf(IllegalStateException.class);
    }
    assertThat(first).hasContent("old");
    assertThat(folder.toFile().list()).containsExactly("a.npy");
  }

  @Test
  void onlyRegularFilesInExistingFoldersAreReplaced() {
    NpyHeader header = NpyHeader.of(NpyType.INT32, list(1));
    assertThatThrownBy(() -> NpyWriter.create(folder, header))
        .isInstanceOf(FileException.class)
        .hasMessage(folder + ": not a regular file");
    assertThatThrownBy(() -> NpyWriter.create(Path.of("/dev/null"), header))
        .isInstanceOf(FileException.class)
        .hasMessage("/dev/null: not a regular file");
    Path orphan = folder.resolve("missing").resolve("a.npy");
    assertThatThrownBy(() -> NpyWriter.create(orphan, header))
        .isInstanceOf(FileException.class)
        .hasMessage(orphan + ": no such file or directory");
  }

  @Test
  void buffersThatDoNotFitAreRefused() throws Exception {
    Path path = write(header("'<f8'", "False", "(2,)"));
    try (NpyReader reader = NpyReader.open(path)) {
      assertThatThrownBy(() -> reader.read(ByteBuffer.allocate(24)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> reader.read(ByteBuffer.allocate(4)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(reader.remaining()).isEqualTo(16);
    }
  }

  // ---- tools --------------------------------------------------------------------------------

  private static List<Long> list(long... shape) {
    return Arrays.stream(shape).boxed().toList();
  }

  private static byte[] header(String descr, String fortran, String shape) {
    return file(1, headerText(descr, fortran, shape), new byte[16]);
  }

  private static String headerText(String descr, String fortran, String shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  }

  private static String pad(String text, int length) {
    return text + " ".repeat(length - text.length() - 1) + "\n";
  }

  private static byte[] file(int version, String header, byte[] data) {
    byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
    int lengthBytes = version == 1 ? 2 : 4;
    for (int i = 0; i < lengthBytes; i++) {
      file.write(text.length >> (8 * i));
    }
    file.writeBytes(text);
    file.writeBytes(data);
    return file.toByteArray();
  }

  private static ByteBuffer bytes(ByteOrder order) {
    return ByteBuffer.allocate(64).order(order);
  }

  private static byte[] first(byte[] bytes, int count) {
    return Arrays.copyOf(bytes, count);
  }

  private Path write(byte[] content) throws Exception {
    return Files.write(folder.resolve("a.npy"), content);
  }

  private static double[] doubles(Path path) throws NpyException {
    try (NpyReader reader = NpyReader.open(path)) {
      ByteBuffer target =
          ByteBuffer.allocateDirect((int) reader.remaining()).order(ByteOrder.nativeOrder());
      reader.read(target);
      double[] values = new double[target.flip().remaining() / 8];
      target.asDoubleBuffer().get(values);
      return values;
    }
  }
}
