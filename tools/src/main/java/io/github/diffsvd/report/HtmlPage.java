package io.github.diffsvd.report;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.Base64;
import java.util.List;

/** A page that needs no other file. Text is escaped. */
public final class HtmlPage {
  private final StringBuilder text = new StringBuilder();

  public HtmlPage(String title) {
    text.append(
        """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>diffsvd: %s</title>
            <style>
            body { font: 16px/1.5 sans-serif; color: #222; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
            img { width: 100%%; height: auto }
            table { border-collapse: collapse; font-variant-numeric: tabular-nums }
            th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #e4e4e4 }
            th:first-child, td:first-child { text-align: left }
            </style></head><body>
            <h1>%s</h1>
            """
            .formatted(escaped(title), escaped(title)));
  }

  public void heading(String heading) {
    text.append("<h2>").append(escaped(heading)).append("</h2>\n");
  }

  public void paragraph(String paragraph) {
    text.append("<p>").append(escaped(paragraph)).append("</p>\n");
  }

  public void list(List<String> lines) {
    text.append("<ul>\n");
    for (String line : lines) {
      text.append("<li>").append(escaped(line)).append("</li>\n");
    }
    text.append("</ul>\n");
  }

  public void table(List<String> header, List<List<String>> rows) {
    text.append("<table>\n");
    row("th", header);
    rows.forEach(row -> row("td", row));
    text.append("</table>\n");
  }

  private void row(String cell, List<String> values) {
    text.append("<tr>");
    for (String value : values) {
      text.append('<').append(cell).append('>').append(escaped(value));
      text.append("</").append(cell).append('>');
    }
    text.append("</tr>\n");
  }

  public void image(String description, BufferedImage image) throws IOException {
    text.append("<img alt=\"")
        .append(escaped(description))
        .append("\" src=\"data:image/png;base64,");
    text.append(Base64.getEncoder().encodeToString(ReportFiles.png(image))).append("\">\n");
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\"", "&quot;");
  }

  /** The page so far, complete. */
  @Override
  public String toString() {
    return text + "</body></html>\n";
  }
}
