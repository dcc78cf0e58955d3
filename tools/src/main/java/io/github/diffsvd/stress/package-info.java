/**
 * The stability stress suite: every gradient rule over adversarial spectra, judged by a reference
 * in twice the precision of double; and the random search, every plan over matrices of every kind.
 */
package io.github.diffsvd.stress;
