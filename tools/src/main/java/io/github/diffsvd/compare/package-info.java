/** The ways to a gradient that the stress suite and the experiments compare. */
package io.github.diffsvd.compare;
