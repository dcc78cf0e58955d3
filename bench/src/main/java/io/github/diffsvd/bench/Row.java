package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;

/** One row of the table; as a text, "forward FLOAT32 4096x16x16 gauss", a parameter of JMH. */
record Row(Operation operation, DataType type, Extents extents, Spectrum spectrum) {
  static Row parse(String text) {
    String[] words = text.split(" ", -1);
    return new Row(
        Settings.parse(Operation.class, words[0]),
        Settings.parse(DataType.class, words[1]),
        Extents.parse(words[2]),
        Settings.parse(Spectrum.class, words[3]));
  }

  @Override
  public String toString() {
    return operation + " " + type + " " + extents + " " + spectrum;
  }
}
