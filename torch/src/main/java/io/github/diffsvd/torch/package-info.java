/**
 * The SVD and its functions as operators of libtorch's autograd; begin with {@link
 * io.github.diffsvd.torch.TorchSvd}.
 */
package io.github.diffsvd.torch;
