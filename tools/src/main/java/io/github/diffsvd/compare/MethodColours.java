package io.github.diffsvd.compare;

import java.awt.Color;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One colour for every gradient method, the same in all charts. */
public final class MethodColours {
  private static final Map<String, Color> COLOURS = new LinkedHashMap<>();

  static {
    COLOURS.put("exact", new Color(0xc4, 0x2b, 0x2b));
    COLOURS.put("svd-inv", new Color(0xe8, 0x8a, 0x1a));
    COLOURS.put("zero", new Color(0xb5, 0x9b, 0x6a));
    COLOURS.put("clip", new Color(0xc9, 0xa0, 0xc9));
    COLOURS.put("taylor", new Color(0x8f, 0x8f, 0x8f));
    COLOURS.put("pade", new Color(0xb8, 0x72, 0x72));
    COLOURS.put("lorentzian", new Color(0x6d, 0xb0, 0xb0));
    COLOURS.put("moore-penrose", new Color(0x1f, 0x5f, 0xa8));
    COLOURS.put(GradientMethod.RESOLVE_TIES.name(), new Color(0x2e, 0x8b, 0x3d));
    COLOURS.put(GradientMethod.SPECTRAL.name(), new Color(0x6a, 0x2f, 0x9c));
  }

  private MethodColours() {}

  /** In the order of legends, ours last, on top of the others. */
  public static List<String> names() {
    return new ArrayList<>(COLOURS.keySet());
  }

  /** Of a method, with a parameter or without. */
  public static Color of(String method) {
    return COLOURS.get(method.replaceFirst("=.*", ""));
  }
}
