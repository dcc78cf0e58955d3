package io.github.diffsvd.bench;

import org.openjdk.jmh.util.Statistics;

/** Percentiles of the time of a call, µs. */
record Times(double p10, double median, double p90) {
  static Times of(Statistics statistics) {
    return new Times(
        statistics.getPercentile(10), statistics.getPercentile(50), statistics.getPercentile(90));
  }

  static Times parse(String text) {
    String[] numbers = text.split(" ", -1);
    return new Times(
        Double.parseDouble(numbers[0]),
        Double.parseDouble(numbers[1]),
        Double.parseDouble(numbers[2]));
  }

  Times dividedBy(int batch) {
    return new Times(p10 / batch, median / batch, p90 / batch);
  }

  @Override
  public String toString() {
    return p10 + " " + median + " " + p90;
  }
}
