package io.github.diffsvd.spark;

import org.apache.spark.sql.SparkSession;

/** The one session of all tests of this JVM. */
final class Sessions {
  private static final SparkSession SESSION =
      // A task that fails is tried again, twice.
      SparkSession.builder()
          .master("local[2,3]")
          .appName("diffsvd")
          .config("spark.ui.enabled", "false")
          .config("spark.sql.shuffle.partitions", "2")
          .config("spark.sql.adaptive.enabled", "false")
          .config("spark.driver.host", "localhost")
          .config("spark.driver.bindAddress", "127.0.0.1")
          .config("spark.sql.catalog.diffsvd", "io.github.diffsvd.spark.SvdCatalog")
          .config("spark.sql.warehouse.dir", "target/warehouse")
          .getOrCreate();

  private Sessions() {}

  static SparkSession session() {
    return SESSION;
  }
}
