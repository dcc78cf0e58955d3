package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.stress.Spectra.Sweep;

/**
 * What one method did with one loss at one point of a sweep, over all shapes.
 *
 * @param point its name
 * @param x where it stands on the axis of its sweep
 * @param nonFinite matrices whose gradient holds NaN or infinity
 * @param worst relative error ‖gA − reference‖/‖reference‖ of the worst matrix, NaN where the loss
 *     has no gradient
 * @param median the same of the middle one
 * @param largest entry of any gradient
 * @param asymmetry largest relative change of a gradient when columns of U and V, and their
 *     cotangents with them, change their signs (complex: are multiplied by powers of i)
 */
record StressRow(
    Sweep sweep,
    DataType type,
    String method,
    Loss loss,
    String point,
    double x,
    int matrices,
    int nonFinite,
    double worst,
    double median,
    double largest,
    double asymmetry) {
  boolean promisesFinite() {
    return GradientMethod.parse(method).promisesFinite();
  }
}
