/** Arrays of complex numbers from the files that laboratories have: .npy, HDF5, MATLAB. */
package io.github.diffsvd.arrays;
