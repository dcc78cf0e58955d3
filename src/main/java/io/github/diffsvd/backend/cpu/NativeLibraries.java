package io.github.diffsvd.backend.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Loads native libraries from the class path: unpacked once into a private folder named by their
 * content, so that neither another version nor another process can be in the way.
 */
final class NativeLibraries {
  /** A folder that holds the libraries already; nothing is unpacked then. */
  private static final String FOLDER_PROPERTY = "diffsvd.native";

  private NativeLibraries() {}

  /** Puts the resources side by side and loads one of them. */
  static void load(String root, String[] names, String main) {
    String given = System.getProperty(FOLDER_PROPERTY);
    try {
      Path folder = given != null ? Path.of(given).toAbsolutePath() : unpack(root, names);
      System.load(folder.resolve(main).toString());
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot unpack the native libraries; -D"
              + FOLDER_PROPERTY
              + "=FOLDER names one that holds them",
          e);
    }
  }

  private static Path unpack(String root, String[] names) throws IOException {
    byte[][] contents = new byte[names.length][];
    MessageDigest digest = sha256();
    for (int i = 0; i < names.length; i++) {
      contents[i] = read(root + names[i]);
      digest.update(contents[i]);
    }
    String hash = HexFormat.of().formatHex(digest.digest(), 0, 12);
    Path base =
        privateFolder(
            Path.of(
                System.getProperty("java.io.tmpdir"),
                "diffsvd-" + System.getProperty("user.name")));
    Path folder = base.resolve(hash);
    if (Files.isDirectory(folder)) {
      return folder;
    }
    Path fresh = Files.createTempDirectory(base, "new-");
    for (int i = 0; i < names.length; i++) {
      Files.write(fresh.resolve(names[i]), contents[i]);
    }
    try {
      Files.move(fresh, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (!Files.isDirectory(folder)) {
        throw e;
      }
      for (String name : names) {
        Files.delete(fresh.resolve(name));
      }
      Files.delete(fresh);
    }
    return folder;
  }

  /** A folder that nobody else can write to, so that what is found in it can be trusted. */
  private static Path privateFolder(Path folder) throws IOException {
    var ownerOnly = PosixFilePermissions.fromString("rwx------");
    if (!Files.isDirectory(folder)) {
      try {
        return Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(ownerOnly));
      } catch (java.nio.file.FileAlreadyExistsException e) {
        // Another process was faster.
      }
    }
    boolean mine = Files.getOwner(folder).getName().equals(System.getProperty("user.name"));
    if (mine && Files.getPosixFilePermissions(folder).equals(ownerOnly)) {
      return folder;
    }
    return Files.createTempDirectory("diffsvd-");
  }

  private static byte[] read(String resource) throws IOException {
    try (InputStream stream = NativeLibraries.class.getResourceAsStream(resource)) {
      if (stream == null) {
        throw new UnsatisfiedLinkError("the class path holds no " + resource);
      }
      return stream.readAllBytes();
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
