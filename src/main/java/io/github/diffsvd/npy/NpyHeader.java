package io.github.diffsvd.npy;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a .npy file says about its array.
 *
 * @param type of an element
 * @param byteOrder in the file
 * @param fortranOrder whether the first index runs fastest in the file, instead of the last
 * @param shape extents, each ≥ 0; none for a single number
 */
public record NpyHeader(NpyType type, ByteOrder byteOrder, boolean fortranOrder, List<Long> shape) {
  /** As in NumPy. */
  private static final int MAX_DIMENSIONS = 64;

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int ALIGNMENT = 64;

  /** Digits for which NumPy keeps room, so that an array can grow where it stands. */
  private static final int GROWTH_DIGITS = 21;

  private static final Pattern DTYPE = Pattern.compile("['\"]([<>=|]?)(\\w+)['\"]");
  private static final Pattern ENTRY =
      Pattern.compile(
          "\\s*['\"](descr|fortran_order|shape)['\"]\\s*:"
              + "\\s*('[^']*'|\"[^\"]*\"|True|False|\\([^()]*\\)|\\[.*\\])\\s*(?:,\\s*|$)");
  private static final Pattern EXTENT = Pattern.compile("(\\d+)L?");

  /**
   * @throws IllegalArgumentException if an extent is negative, there are more than 64, or the array
   *     has more than 2⁶³ − 1 bytes
   */
  public NpyHeader {
    shape = List.copyOf(shape);
    if (shape.size() > MAX_DIMENSIONS) {
      throw new IllegalArgumentException(
          "shape has " + shape.size() + " dimensions, at most " + MAX_DIMENSIONS + " expected");
    }
    if (shape.stream().anyMatch(extent -> extent < 0)) {
      throw new IllegalArgumentException("shape " + describe(shape) + " has a negative extent");
    }
    try {
      bytes(type, shape);
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("shape " + describe(shape) + " is too large", e);
    }
  }

  /** What NumPy writes by default on the usual machines: little-endian, C order. */
  public static NpyHeader of(NpyType type, List<Long> shape) {
    return new NpyHeader(type, ByteOrder.LITTLE_ENDIAN, false, shape);
  }

  /** Bytes of the elements. */
  public long bytes() {
    return bytes(type, shape);
  }

  private static long bytes(NpyType type, List<Long> shape) {
    if (shape.contains(0L)) {
      return 0;
    }
    return shape.stream().reduce((long) type.bytes(), Math::multiplyExact);
  }

  /** A shape as Python writes it: (), (3,), (3, 2). */
  public static String describe(List<Long> shape) {
    return shape.stream()
        .map(String::valueOf)
        .collect(Collectors.joining(", ", "(", shape.size() == 1 ? ",)" : ")"));
  }

  /** Understands the Python dictionary; an IllegalArgumentException says what is wrong with it. */
  static NpyHeader parse(String text) {
    String dictionary = text.strip();
    if (!dictionary.startsWith("{") || !dictionary.endsWith("}")) {
      throw new IllegalArgumentException("the header is no dictionary: " + excerpt(text));
    }
    Map<String, String> entries = new HashMap<>();
    String inside = dictionary.substring(1, dictionary.length() - 1).strip();
    Matcher entry = ENTRY.matcher(inside);
    while (entry.regionStart() < inside.length()) {
      if (!entry.lookingAt() || entries.put(entry.group(1), entry.group(2)) != null) {
        throw new IllegalArgumentException("the header is malformed: " + excerpt(text));
      }
      entry.region(entry.end(), inside.length());
    }
    if (entries.size() != 3) {
      throw new IllegalArgumentException(
          "the header needs descr, fortran_order and shape: " + excerpt(text));
    }
    String order = entries.get("fortran_order");
    if (!order.equals("True") && !order.equals("False")) {
      throw new IllegalArgumentException("fortran_order is neither True nor False: " + order);
    }
    String descr = entries.get("descr");
    Matcher dtype = DTYPE.matcher(descr);
    NpyType type =
        (dtype.matches()
                ? NpyType.of(dtype.group(2), !dtype.group(1).isEmpty())
                : Optional.<NpyType>empty())
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "unsupported dtype "
                            + excerpt(descr)
                            + "; expected one of "
                            + Arrays.toString(NpyType.values())));
    ByteOrder byteOrder =
        switch (dtype.group(1)) {
          case "<" -> ByteOrder.LITTLE_ENDIAN;
          case ">" -> ByteOrder.BIG_ENDIAN;
          default -> ByteOrder.nativeOrder();
        };
    return new NpyHeader(type, byteOrder, order.equals("True"), shape(entries.get("shape")));
  }

  private static List<Long> shape(String tuple) {
    String inside = tuple.substring(1, tuple.length() - 1).strip();
    if (!tuple.startsWith("(") || inside.startsWith(",")) {
      throw new IllegalArgumentException("bad shape " + excerpt(tuple));
    }
    return Arrays.stream(inside.isEmpty() ? new String[0] : inside.split(","))
        .map(part -> extent(tuple, part))
        .toList();
  }

  private static long extent(String tuple, String part) {
    Matcher digits = EXTENT.matcher(part.strip());
    if (!digits.matches()) {
      throw new IllegalArgumentException("bad shape " + excerpt(tuple));
    }
    try {
      return Long.parseLong(digits.group(1));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("shape " + excerpt(tuple) + " is too large", e);
    }
  }

  /** One short line, whatever stands in the file. */
  private static String excerpt(String text) {
    String line = text.strip().replaceAll("[^\\x20-\\x7e]", "?");
    return line.length() <= 80 ? line : line.substring(0, 77) + "...";
  }

  /** Whether these are the first bytes of a .npy file, as far as they go. */
  static boolean isMagic(byte[] prefix) {
    int length = Math.min(prefix.length, MAGIC.length);
    return Arrays.equals(prefix, 0, length, MAGIC, 0, length);
  }

  /** The head of a version 1.0 file, byte for byte as NumPy writes it. */
  byte[] encode() {
    long first = shape.isEmpty() ? 0 : shape.get(fortranOrder ? shape.size() - 1 : 0);
    int growth = shape.isEmpty() ? 0 : GROWTH_DIGITS - String.valueOf(first).length();
    String dictionary =
        String.format(
            Locale.ROOT,
            "{'descr': '%s%s', 'fortran_order': %s, 'shape': %s, }",
            type.bytes() == 1 ? "|" : byteOrder == ByteOrder.BIG_ENDIAN ? ">" : "<",
            type.code(),
            fortranOrder ? "True" : "False",
            describe(shape));
    int start = MAGIC.length + 4;
    int used = start + dictionary.length() + growth + 1;
    byte[] head = new byte[used + ALIGNMENT - used % ALIGNMENT];
    Arrays.fill(head, (byte) ' ');
    System.arraycopy(MAGIC, 0, head, 0, MAGIC.length);
    head[MAGIC.length] = 1;
    head[MAGIC.length + 1] = 0;
    head[MAGIC.length + 2] = (byte) (head.length - start);
    head[MAGIC.length + 3] = (byte) ((head.length - start) >> 8);
    byte[] ascii = dictionary.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(ascii, 0, head, start, ascii.length);
    head[head.length - 1] = '\n';
    return head;
  }
}
