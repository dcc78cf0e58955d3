package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.internal.backend.NativeLibraries;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import org.bytedeco.javacpp.Loader;

/**
 * The CUDA 12 libraries that JCublas and JCusolver are linked with. A library that is loaded
 * already satisfies theirs by its name, so ours are loaded before the first call of either, each
 * after those that it needs itself.
 *
 * <p>They come from the folder that the property diffsvd.cuda.libraries names, or from
 * org.bytedeco:cuda's redistributable on the class path. Without either it is left to the system's
 * own search.
 */
final class CudaLibraries {
  static final String FOLDER_PROPERTY = "diffsvd.cuda.libraries";

  /** In the order of their needs; those marked with ? only because others need them. */
  private static final List<String> NAMES =
      List.of(
          "?libcublasLt.so.12",
          "libcublas.so.12",
          "?libnvJitLink.so.12",
          "?libcusparse.so.12",
          "libcusolver.so.11",
          "libcusolverMg.so.11");

  private static List<String> problems;
  private static String source = "the system's search path";

  private CudaLibraries() {}

  /** Loads them, once; what was in the way, in words. */
  static synchronized List<String> load() {
    if (problems == null) {
      problems = new ArrayList<>();
      String folder = System.getProperty(FOLDER_PROPERTY);
      if (folder != null) {
        source = "-D" + FOLDER_PROPERTY + "=" + folder;
        loadFrom(name -> inFolder(Path.of(folder).toAbsolutePath(), name));
      } else if (cudaResource("libcublas.so.12") != null) {
        source = "org.bytedeco:cuda on the class path";
        loadFrom(CudaLibraries::unpacked);
      }
    }
    return List.copyOf(problems);
  }

  /** Where they were looked for. */
  static synchronized String source() {
    return source;
  }

  private interface Place {
    /** The library's file, or null where there is none. */
    Path find(String name) throws IOException;
  }

  private static void loadFrom(Place place) {
    for (String entry : NAMES) {
      boolean optional = entry.startsWith("?");
      String name = optional ? entry.substring(1) : entry;
      try {
        Path file = place.find(name);
        if (file != null) {
          System.load(file.toString());
        } else if (!optional) {
          problems.add(source + " has no " + name);
        }
      } catch (IOException | UnsatisfiedLinkError e) {
        problems.add(name + " from " + source + ": " + e.getMessage());
      }
    }
  }

  private static Path inFolder(Path folder, String name) {
    Path file = folder.resolve(name);
    return Files.exists(file) ? file : null;
  }

  private static URL cudaResource(String name) {
    return resource("org/bytedeco/cuda/" + Loader.getPlatform() + "/" + name);
  }

  /**
   * A file of the class path or the module path, null if there is none. A class would look into its
   * own module alone, and the natives of JCuda are modules of their own.
   */
  static URL resource(String name) {
    return CudaLibraries.class.getClassLoader().getResource(name);
  }

  /**
   * Initialises a class of JCuda, which loads its native library.
   *
   * <p>JCuda unpacks it into java.io.tmpdir under a fixed name and loads what has that name, half
   * of it if another process is still writing, and another user's if that was there first. Where a
   * file has the name it unpacks nothing, so for as long as it looks the property names a folder
   * that holds the library already. There is no other way to tell it.
   *
   * @throws ClassNotFoundException if JCuda is not on the class path
   * @throws IOException if the library cannot be unpacked
   */
  static synchronized void initialize(String type, String library)
      throws ClassNotFoundException, IOException {
    Class.forName(type, false, CudaLibraries.class.getClassLoader());
    String file = fileName(library);
    if (resource("lib/" + file) == null) {
      Class.forName(type);
      return;
    }
    Path folder = NativeLibraries.unpack("/lib/", List.of(file));
    String before = System.setProperty("java.io.tmpdir", folder.toString());
    try {
      Class.forName(type);
    } finally {
      System.setProperty("java.io.tmpdir", before);
    }
  }

  /** JCuda's name for the file of one of its libraries. */
  static String fileName(String library) {
    return LibUtils.createLibraryFileName(
        LibUtils.createPlatformLibraryName(library + "-" + JCudaVersion.get()));
  }

  /** In JavaCPP's own cache, beside what others in the process may take from the same jar. */
  private static Path unpacked(String name) throws IOException {
    URL resource = cudaResource(name);
    return resource == null ? null : Loader.cacheResource(resource).toPath().toAbsolutePath();
  }
}
