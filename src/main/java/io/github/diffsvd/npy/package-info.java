/** NumPy's .npy files, read into arrays of Java and written from them. */
package io.github.diffsvd.npy;
