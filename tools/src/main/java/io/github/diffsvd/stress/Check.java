package io.github.diffsvd.stress;

/** What the random search asks of the results. */
enum Check {
  ACCEPTED("no exception"),
  DECOMPOSED("a finite matrix has info 0"),
  REFUSED("a matrix with NaN or infinity has info −1, every result NaN"),
  NOT_REPRESENTABLE("s₁ beyond the type's range has a status of its own, every result NaN"),
  WRITTEN("every element of the results is written"),
  UNTOUCHED("inputs and the gaps between elements keep their bits"),
  ORDERED("S is finite, descending and ≥ 0"),
  RESIDUAL("‖A − U S Vᴴ‖ / ‖A‖"),
  ORTHOGONALITY("the largest entry of UᴴU − I and VᴴV − I"),
  SMALL_VALUES("relative error of every singular value of graded columns"),
  SAME_FACTORS(
      "the same U, S, V alone, anywhere in a batch, beside NaN: to the bit from the library's own kernels, else the same S to rounding"),
  FINITE_GRADIENT("finite gradients and tangents under every rule but exact"),
  GRADIENT("gradient against double-double, values well apart"),
  VALUES("S of SingularValuePlan, with vectors and without, and the norm of its gradient"),
  SPECTRAL("Y of SpectralPlan against U f(S) Vᴴ"),
  TRANSPOSED("⟨gA, dA⟩ = ⟨gU, dU⟩ + ⟨gS, dS⟩ + ⟨gV, dV⟩");

  final String title;

  Check(String title) {
    this.title = title;
  }
}
