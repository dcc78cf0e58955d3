package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What bench/run was asked for. */
record Settings(
    String device,
    int threads,
    Clock clock,
    boolean quick,
    Path json,
    List<Operation> operations,
    List<DataType> types,
    List<Extents> shapes,
    List<Spectrum> spectra,
    List<Contender> peers) {
  static final String USAGE =
      "usage: bench/run [--quick | --full] [--shapes LIST] [--types LIST] [--ops LIST]"
          + " [--spectra LIST] [--peers LIST]\n"
          + "                 [--threads N] [--clock wall|cpu] [--device cpu|cuda:0] [--json FILE]";

  private static final String SHAPES =
      "65536x3x3,16384x8x8,4096x16x16,1024x32x32,1024x64x16,64x128x128,4x512x512";

  private static final int[] SQUARES = {
    2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 33, 40, 48, 64, 96, 128, 256, 512
  };
  private static final String TALL =
      "1000x100x10,100x1000x8,16x300x100,2x10000x32,1x200000x10,8x20000x10,4x128x40,64x64x48";
  private static final String SINGLES = "1x8x8,1x16x16,1x32x32";
  private static final int SQUARE_ELEMENTS = 1 << 19;

  /** The named ones in the order of their declaration, which is that of the table. */
  private static <E extends Enum<E>> List<E> parseAll(Class<E> type, String names) {
    return Arrays.stream(names.split(",", -1)).map(name -> parse(type, name)).sorted().toList();
  }

  static <E extends Enum<E>> E parse(Class<E> type, String name) {
    for (E value : type.getEnumConstants()) {
      if (value.name().equals(name.toUpperCase(Locale.ROOT))) {
        return value;
      }
    }
    throw new IllegalArgumentException(
        name + ": expected one of " + Arrays.toString(type.getEnumConstants()));
  }

  /**
   * @throws IllegalArgumentException that says what is wrong
   */
  static Settings parse(String... args) {
    boolean quick = false;
    boolean full = false;
    String device = "cpu";
    Path json = null;
    Clock clock = Clock.WALL;
    int threads = 0;
    List<Operation> operations = null;
    List<DataType> types = null;
    List<Extents> shapes = null;
    List<Contender> peers = null;
    List<Spectrum> spectra = List.of(Spectrum.GAUSS);
    for (int i = 0; i < args.length; i++) {
      if (args[i].equals("--quick")) {
        quick = true;
        continue;
      }
      if (args[i].equals("--full")) {
        full = true;
        continue;
      }
      String option = args[i];
      if (++i == args.length) {
        throw new IllegalArgumentException(option + "?");
      }
      String value = args[i];
      switch (option) {
        case "--device" -> device = value.equals("cuda") ? "cuda:0" : value;
        case "--json" -> json = Path.of(value);
        case "--clock" -> clock = parse(Clock.class, value);
        case "--threads" -> threads = Integer.parseInt(value);
        case "--ops" -> operations = parseAll(Operation.class, value);
        case "--types" -> types = parseAll(DataType.class, value);
        case "--shapes" -> shapes = shapes(value);
        case "--spectra" -> spectra = parseAll(Spectrum.class, value);
        case "--peers" -> peers = parseAll(Contender.class, value);
        default -> throw new IllegalArgumentException(option + "?");
      }
    }
    if (clock == Clock.CPU && (threads != 1 || !device.equals("cpu"))) {
      throw new IllegalArgumentException(
          "--clock cpu sees the calling thread alone: it needs --threads 1 and --device cpu");
    }
    if (operations == null) {
      operations =
          parseAll(
              Operation.class,
              full
                  ? "forward,values,backward,both,spectral"
                  : quick ? "forward,backward" : "forward,backward,both,spectral");
    }
    if (types == null) {
      types =
          parseAll(
              DataType.class, full ? "FLOAT32,FLOAT64,COMPLEX64,COMPLEX128" : "FLOAT32,FLOAT64");
    }
    if (peers == null) {
      peers = parseAll(Contender.class, quick ? "libtorch" : "libtorch,gesdd,ejml");
    }
    return new Settings(
        device,
        threads == 0 ? Runtime.getRuntime().availableProcessors() : threads,
        clock,
        quick,
        json,
        operations,
        types,
        shapes != null ? shapes : full ? fullShapes() : shapes(SHAPES),
        spectra,
        peers);
  }

  private static List<Extents> shapes(String list) {
    return Arrays.stream(list.split(",", -1)).map(Extents::parse).toList();
  }

  private static List<Extents> fullShapes() {
    List<Extents> shapes = new ArrayList<>();
    int largest = SQUARES[SQUARES.length - 1];
    for (int n : SQUARES) {
      shapes.add(new Extents(n == largest ? 1 : SQUARE_ELEMENTS / n / n, n, n));
    }
    for (Extents tall : shapes(TALL)) {
      shapes.add(tall);
      shapes.add(tall.transposed());
    }
    shapes.addAll(shapes(SINGLES));
    return shapes;
  }

  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    for (Spectrum spectrum : spectra) {
      for (Operation operation : operations) {
        for (DataType type : types) {
          for (Extents extents : shapes) {
            rows.add(new Row(operation, type, extents, spectrum));
          }
        }
      }
    }
    return rows;
  }
}
