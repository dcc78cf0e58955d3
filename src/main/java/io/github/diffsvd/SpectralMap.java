package io.github.diffsvd;

/**
 * The f of U f(S) Vᴴ, an argument of each call: a {@link SpectralFunction}, the same for all
 * matrices, or a {@link SpectralTable}, with numbers for each of them on the device.
 */
public sealed interface SpectralMap permits SpectralFunction, SpectralTable {}
