/**
 * The stability stress suite: every gradient rule over adversarial spectra, judged by a reference
 * in twice the precision of double.
 */
package io.github.diffsvd.stress;
