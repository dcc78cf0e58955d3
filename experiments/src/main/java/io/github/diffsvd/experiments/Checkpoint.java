package io.github.diffsvd.experiments;

import io.github.diffsvd.files.AtomicFile;
import io.github.diffsvd.files.FileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.ArchiveWriter;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A training in a file of libtorch's: parameters, Adam's moments, what was measured so far. */
final class Checkpoint {
  /** What a training is at some step. */
  record State(double[] losses, int nonFinite, double seconds) {}

  private final Path file;
  private final String settings;

  /**
   * A checkpoint that may not be there yet.
   *
   * @param settings in words; a training with others does not go on from it
   */
  Checkpoint(Path file, String settings) {
    this.file = file;
    this.settings = settings;
  }

  /** Takes an archive in pieces. libtorch ends the process where it cannot write a file itself. */
  private static final class Collector extends ArchiveWriter {
    /** The only one, kept from every scope: JavaCPP has room for ten callbacks of a class. */
    static final Collector INSTANCE = new Collector().retainReference();

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public long call(Pointer piece, long size) {
      if (size > 0) { // An empty tensor is nowhere.
        byte[] copy = new byte[Math.toIntExact(size)];
        new BytePointer(piece).capacity(size).get(copy);
        bytes.writeBytes(copy);
      }
      return size;
    }
  }

  /**
   * Replaces the file in one step.
   *
   * @throws FileException if it cannot be written, on a full disk for example
   */
  void write(State state, List<Tensor> parameters, Adam adam) throws FileException {
    ByteArrayOutputStream bytes = Collector.INSTANCE.bytes;
    bytes.reset();
    try (PointerScope scope = new PointerScope()) {
      OutputArchive archive = new OutputArchive();
      archive.write("settings", new IValue(settings));
      archive.write("losses", Tensors.of(state.losses, state.losses.length));
      archive.write("nonFinite", torch.tensor(state.nonFinite));
      archive.write("seconds", torch.tensor(state.seconds));
      for (int i = 0; i < parameters.size(); i++) {
        archive.write("parameter" + i, parameters.get(i));
      }
      OutputArchive moments = new OutputArchive();
      adam.save(moments);
      archive.write("adam", moments);
      archive.save_to(Collector.INSTANCE);
    }
    AtomicFile.write(file, bytes.toByteArray());
  }

  /**
   * Puts the parameters and Adam's moments back.
   *
   * @return null if there is no such file
   * @throws IOException if it is of a training with other settings, or none at all
   */
  State read(List<Tensor> parameters, Adam adam) throws IOException {
    if (!Files.exists(file)) {
      return null;
    }
    try (PointerScope scope = new PointerScope();
        NoGradGuard guard = new NoGradGuard()) {
      InputArchive archive = new InputArchive();
      archive.load_from(file.toString());
      IValue written = new IValue();
      archive.read("settings", written);
      if (!written.toStringRef().getString().equals(settings)) {
        throw new IOException(
            file
                + ": of a training with other settings ("
                + written.toStringRef().getString()
                + ", not "
                + settings
                + ")");
      }
      for (int i = 0; i < parameters.size(); i++) {
        Tensor value = new Tensor();
        archive.read("parameter" + i, value);
        parameters.get(i).copy_(value);
      }
      InputArchive moments = new InputArchive();
      archive.read("adam", moments);
      adam.load(moments);
      Tensor losses = new Tensor();
      archive.read("losses", losses);
      Tensor nonFinite = new Tensor();
      archive.read("nonFinite", nonFinite);
      Tensor seconds = new Tensor();
      archive.read("seconds", seconds);
      return new State(Tensors.values(losses), nonFinite.item_int(), seconds.item_double());
    } catch (RuntimeException e) {
      throw new IOException(file + ": not a checkpoint (" + firstLine(e) + ")", e);
    }
  }

  private static String firstLine(RuntimeException e) {
    return e.getMessage().lines().findFirst().orElse("");
  }
}
