package io.github.diffsvd.internal.backend;

import io.github.diffsvd.files.AtomicFile;
import io.github.diffsvd.files.FileException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;

/**
 * Native libraries of the class path as files that the system can load.
 *
 * <p>They lie in a folder named by their content, so neither another version nor another process is
 * in the way. The folder is in $XDG_CACHE_HOME/diffsvd, in ~/.cache/diffsvd where that is not set,
 * or, if the first cannot be used, in java.io.tmpdir/diffsvd-UID. It may be deleted at any time:
 * every start compares the files with the class path and writes anew what differs, each by an
 * atomic move, so that a process that has the old one loaded keeps it.
 *
 * <p>JavaCPP's own cache would compare sizes and times only: docs/decisions/0017.
 */
public final class NativeLibraries {
  /** What is wrong where the JVM's option --illegal-native-access=deny is in force. */
  public static final String REFUSED =
      "this Java refuses native code, --enable-native-access=ALL-UNNAMED allows it";

  private static final String JAVACPP_FOLDER_PROPERTY = "org.bytedeco.javacpp.cachedir";

  /** Of a file that is compared at a time. */
  private static final int PIECE_BYTES = 1 << 16;

  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private NativeLibraries() {}

  /**
   * Puts resources of the class path side by side.
   *
   * @param root what the names of the resources begin with
   * @param names the rest of their names, and the names of the files
   * @return their folder, which nobody else can write to
   * @throws IOException if there is no place for them; the message is one line that names each
   *     folder tried and what was wrong with it
   * @throws UnsatisfiedLinkError if the class path does not hold one of them
   */
  public static Path unpack(String root, List<String> names) throws IOException {
    return unpack(places(), root, names);
  }

  static Path unpack(List<Path> places, String root, List<String> names) throws IOException {
    Map<String, byte[]> contents = new LinkedHashMap<>();
    // A cryptographic digest would take longer than all the rest of a short program, and is not
    // needed: two contents of one name would replace each other, as the files are compared anyway.
    CRC32 sum = new CRC32();
    long bytes = 0;
    for (String name : names) {
      byte[] content = read(root + name);
      contents.put(name, content);
      sum.update(content);
      bytes += content.length;
    }
    String hash = String.format("%08x-%d", sum.getValue(), bytes);
    return inFirst(
        places,
        (place, made) -> {
          Path folder = place.resolve(hash);
          makePrivate(place, made);
          makePrivate(folder, made);
          for (var library : contents.entrySet()) {
            Path file = folder.resolve(library.getKey());
            if (!holds(file, library.getValue())) {
              write(file, library.getValue());
            }
          }
          return folder;
        });
  }

  private static void write(Path file, byte[] library) throws IOException {
    UnpackEvent event = Recorder.isUsed() ? new UnpackEvent() : null;
    if (event != null) {
      event.begin();
    }
    AtomicFile.write(file, library);
    if (event != null) {
      event.file = file.toString();
      event.bytes = library.length;
      event.commit();
    }
  }

  /**
   * Copies files into a folder that nobody else uses.
   *
   * @return the new folder, which is to be given to {@link #delete}
   * @throws IOException as {@link #unpack} does
   */
  public static Path copy(Path folder, List<String> names) throws IOException {
    return inFirst(
        places(),
        (place, made) -> {
          makePrivate(place, made);
          Path fresh = Files.createTempDirectory(place, "copy-", OWNER_ONLY);
          try {
            for (String name : names) {
              Files.copy(folder.resolve(name), fresh.resolve(name));
            }
          } catch (IOException e) {
            delete(fresh, names);
            throw e;
          }
          return fresh;
        });
  }

  /** Deletes a folder with those files. A process that has loaded them keeps them. */
  public static void delete(Path folder, List<String> names) throws IOException {
    for (String name : names) {
      Files.deleteIfExists(folder.resolve(name));
    }
    Files.delete(folder);
  }

  /**
   * Gives JavaCPP a private folder for its own natives where ~/.javacpp cannot be used. It would
   * trust the current folder of a user without a home, and a name in java.io.tmpdir that anybody
   * can take first.
   *
   * @throws IOException as {@link #unpack} does
   */
  static void lodgeJavaCpp() throws IOException {
    File usual = new File(System.getProperty("user.home"), ".javacpp/cache");
    boolean usable =
        usual.isAbsolute() && (usual.mkdirs() || usual.isDirectory()) && usual.canWrite();
    if (usable || System.getProperty(JAVACPP_FOLDER_PROPERTY) != null) {
      return;
    }
    Path folder =
        inFirst(
            places(),
            (place, made) -> {
              makePrivate(place, made);
              return place.resolve("javacpp");
            });
    System.setProperty(JAVACPP_FOLDER_PROPERTY, folder.toString());
  }

  private interface Use {
    /** What is wanted of a place; adds the folders that it makes. */
    Path of(Path place, Deque<Path> made) throws IOException;
  }

  private static Path inFirst(List<Path> places, Use use) throws IOException {
    List<String> problems = new ArrayList<>();
    for (Path place : places) {
      Deque<Path> made = new ArrayDeque<>();
      try {
        return use.of(place, made);
      } catch (IOException e) {
        made.forEach(NativeLibraries::deleteIfEmpty);
        problems.add(describe(place, e));
      }
    }
    throw new IOException(
        "no folder for the native libraries ("
            + String.join("; ", problems)
            + "); XDG_CACHE_HOME can name one");
  }

  private static List<Path> places() throws IOException {
    Platform platform = Platform.current();
    if (!platform.isLinux()) {
      throw new IOException("natives are unpacked on Linux alone, this is " + platform.name());
    }
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"), "diffsvd-" + ownUid());
    Path cache = Path.of(System.getenv().getOrDefault("XDG_CACHE_HOME", ""));
    if (!cache.isAbsolute()) {
      cache = Path.of(System.getProperty("user.home"), ".cache");
    }
    // A user whom the system has no name for has the home "?".
    return cache.isAbsolute() ? List.of(cache.resolve("diffsvd"), temporary) : List.of(temporary);
  }

  /** As a number, because a container's user may have no name. */
  private static Object ownUid() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  /**
   * Makes a folder that nobody else can write to, so that what is found in it can be trusted, or
   * sees to it that the one there is such. A link is refused, because its owner may turn it later.
   */
  private static void makePrivate(Path folder, Deque<Path> made) throws IOException {
    Path parent = folder.getParent();
    if (!Files.isDirectory(parent)) {
      Files.createDirectories(parent, OWNER_ONLY);
    }
    try {
      Files.createDirectory(folder, OWNER_ONLY);
      made.push(folder);
      return;
    } catch (FileAlreadyExistsException e) {
      // Whose it is and what, is asked below.
    }
    Map<String, Object> found =
        Files.readAttributes(
            folder, "unix:uid,permissions,isDirectory,isSymbolicLink", LinkOption.NOFOLLOW_LINKS);
    var permissions = (Set<?>) found.get("permissions");
    if ((boolean) found.get("isSymbolicLink")) {
      throw new FileException(folder, "it is a link");
    }
    if (!(boolean) found.get("isDirectory")) {
      throw new FileException(folder, "it is not a folder");
    }
    if (!found.get("uid").equals(ownUid())) {
      throw new FileException(folder, "it belongs to another user");
    }
    if (permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new FileException(folder, "other users can write to it");
    }
  }

  private static boolean holds(Path file, byte[] content) {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    try (InputStream stream = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      byte[] piece = new byte[PIECE_BYTES];
      int end = 0;
      for (int count = stream.read(piece); count > 0; count = stream.read(piece)) {
        int begin = end;
        end += count;
        if (end > content.length || !Arrays.equals(piece, 0, count, content, begin, end)) {
          return false;
        }
      }
      return end == content.length;
    } catch (IOException e) {
      // What cannot be read cannot be loaded either.
      return false;
    }
  }

  private static void deleteIfEmpty(Path folder) {
    try {
      Files.delete(folder);
    } catch (IOException e) {
      // Another process has put something into it.
    }
  }

  private static String describe(Path place, IOException problem) {
    if (problem instanceof FileException) {
      return problem.getMessage();
    }
    Path file = problem instanceof FileSystemException of ? Path.of(of.getFile()) : place;
    return new FileException(file, problem).getMessage();
  }

  private static byte[] read(String resource) throws IOException {
    ClassLoader everyModule = NativeLibraries.class.getClassLoader();
    URL found = everyModule.getResource(resource.substring(1));
    if (found == null) {
      throw new UnsatisfiedLinkError("the class path holds no " + resource);
    }
    URLConnection connection = found.openConnection();
    try (InputStream stream = connection.getInputStream()) {
      int bytes = connection.getContentLength();
      if (bytes < 0) {
        return stream.readAllBytes();
      }
      // Reading what has no known end takes twice the memory, and new memory takes most of the
      // time.
      byte[] content = new byte[bytes];
      stream.readNBytes(content, 0, bytes);
      return content;
    }
  }
}
