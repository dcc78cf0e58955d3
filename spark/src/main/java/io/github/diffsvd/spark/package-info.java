/**
 * SVDs, spectral functions and their gradients on Apache Spark.
 *
 * <p>{@link io.github.diffsvd.spark.SvdFrames} works on columns that hold a matrix in each row, as
 * an {@link io.github.diffsvd.spark.SvdSpec} says; {@link io.github.diffsvd.spark.SvdTransformer}
 * is the same as a stage of an ML pipeline, {@link io.github.diffsvd.spark.SvdCatalog} as functions
 * of SQL. {@link io.github.diffsvd.spark.DistributedSvd} decomposes one matrix whose rows are
 * spread over the cluster. {@link io.github.diffsvd.spark.ExecutorDevice} says where each task
 * computes.
 */
package io.github.diffsvd.spark;
