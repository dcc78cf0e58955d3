/**
 * Recovery of a colour picture from a share of its values: a network of unrolled low-rank steps
 * whose parameters are learned through the SVD. docs/recover.md has the method.
 */
package io.github.diffsvd.recover;
