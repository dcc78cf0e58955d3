/**
 * Batched, differentiable singular value decomposition on NVIDIA GPUs and on the CPU.
 *
 * <p>Begin with {@link Device#open}, which gives a GPU or the CPU, and with {@link SvdPlan}, which
 * decomposes a batch of matrices, A = U S Vᴴ, and pulls cotangents of U, S and V back to A. What
 * else there is: {@link SpectralPlan} for U f(S) Vᴴ, exact where singular values repeat, {@link
 * EighPlan} for positive semi-definite matrices, {@link SingularValuePlan} for S alone and its
 * norms, {@link PushforwardPlan} for the forward mode, {@link Truncation} and {@link
 * TruncatedPullbackPlan} for the leading singular triplets.
 *
 * <p>{@link MatrixBatch} is an address and strides in a device's memory, the caller's own or
 * {@linkplain Device#allocate allocated} here. A plan is made once for one shape and type, and its
 * calls allocate no device memory. {@link GradientRule} says what takes the place of 1 / (sⱼ² −
 * sᵢ²) where singular values come together; the default, Moore–Penrose, stays finite.
 *
 * <p>Packages below {@code io.github.diffsvd.internal} may change in every version.
 */
package io.github.diffsvd;
