package io.github.diffsvd.compare;

import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SvdOptions;
import java.util.ArrayList;
import java.util.List;

/**
 * A way to the gradient of a loss that looks through an SVD.
 *
 * @param name spectral, resolve-ties, or a {@link GradientRule}, with a parameter or without
 * @param options of the SVD's backward pass; null for the pullback of a spectral function
 */
public record GradientMethod(String name, SvdOptions options) {
  /** The pullback of a spectral function, without the cotangents of U and V. */
  public static final GradientMethod SPECTRAL = new GradientMethod("spectral", null);

  public static final GradientMethod RESOLVE_TIES =
      new GradientMethod("resolve-ties", SvdOptions.defaults().withResolveTies(true));

  public static GradientMethod of(GradientRule rule) {
    return new GradientMethod(rule.toString(), SvdOptions.defaults().withRule(rule));
  }

  /**
   * The method of a name: one of {@link #names}, or a rule with a parameter.
   *
   * @throws IllegalArgumentException if there is no such method
   */
  public static GradientMethod parse(String name) {
    if (name.equals(SPECTRAL.name)) {
      return SPECTRAL;
    }
    if (name.equals(RESOLVE_TIES.name)) {
      return RESOLVE_TIES;
    }
    if (!names().contains(name.replaceFirst("=.*", ""))) {
      throw new IllegalArgumentException(
          "expected one of " + String.join(", ", names()) + ", got " + name);
    }
    return of(GradientRule.parse(name));
  }

  /** Every name, without parameters. */
  public static List<String> names() {
    List<String> names = new ArrayList<>(List.of(SPECTRAL.name, RESOLVE_TIES.name));
    names.addAll(List.of(GradientRule.names().split(", ")));
    return names;
  }

  /** Every rule with its default parameter, and the two ways that are exact at ties. */
  public static List<GradientMethod> all() {
    List<GradientMethod> methods = new ArrayList<>();
    for (String name : List.of(GradientRule.names().split(", "))) {
      methods.add(parse(name));
    }
    methods.add(RESOLVE_TIES);
    methods.add(SPECTRAL);
    return methods;
  }

  public boolean isSpectral() {
    return options == null;
  }

  public boolean resolvesTies() {
    return options != null && options.resolveTies();
  }

  /** Whether finite input must give finite output. */
  public boolean promisesFinite() {
    return isSpectral() || !options.rule().name().equals("exact");
  }
}
