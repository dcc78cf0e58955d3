/**
 * Memory and streams of other libraries: JCuda, JavaCPP, and whatever speaks DLPack. Nothing here
 * copies, and nothing frees what it did not make.
 *
 * <p>An address that another library tells as a long needs none of this: {@link
 * io.github.diffsvd.MatrixBatch#wrap(long, io.github.diffsvd.BatchShape)} takes it as it is.
 */
package io.github.diffsvd.interop;
