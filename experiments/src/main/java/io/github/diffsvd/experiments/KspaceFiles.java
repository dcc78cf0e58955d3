package io.github.diffsvd.experiments;

import io.github.diffsvd.arrays.ComplexArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Measured sequences: a folder of files with fully sampled k-space as {@link ComplexArray} reads
 * them, frames × rows × columns or frames × coils × rows × columns, in MATLAB's files the other way
 * round but for rows × columns: rows × columns × coils × frames. The centre is in the middle. Every
 * coil is a sequence of its own. Training takes cuts of them; the last quarter of the files, at
 * least one, is held out.
 */
final class KspaceFiles implements Sequences {
  private final Path folder;
  private final int frames;
  private final int size;
  private final List<Tensor> training = new ArrayList<>();
  private final List<Tensor> heldOut = new ArrayList<>();

  /**
   * Reads a folder.
   *
   * @param frames of a sequence that training draws; files have at least as many
   * @param size of its pictures; the files' are at least as large
   * @throws IOException naming the file and the reason
   */
  KspaceFiles(Path folder, int frames, int size) throws IOException {
    this.folder = folder;
    this.frames = frames;
    this.size = size;
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(ComplexArray::isKnown).sorted().toList();
    }
    if (files.size() < 2) {
      throw new IOException(
          folder
              + ": expected at least 2 files *.npy, *.h5, *.hdf5 or *.mat, to train and to test, got "
              + files.size());
    }
    int first = files.size() - Math.max(1, files.size() / 4);
    for (int i = 0; i < files.size(); i++) {
      for (Tensor sequence : read(files.get(i))) {
        if (i < first) {
          training.add(sequence);
        } else {
          heldOut.add(cut(sequence, 0, middle(sequence, 1), middle(sequence, 2)));
        }
      }
    }
  }

  private List<Tensor> read(Path file) throws IOException {
    ComplexArray array = ComplexArray.read(file);
    long[] shape = array.shape();
    boolean coils = shape.length == 4;
    if ((!coils && shape.length != 3)
        || shape[0] < frames
        || shape[shape.length - 2] < size
        || shape[shape.length - 1] < size) {
      throw new IOException(
          file
              + ": expected complex frames × (coils ×) rows × columns, at least "
              + frames
              + " × "
              + size
              + " × "
              + size
              + ", got "
              + array);
    }
    Tensor k =
        torch.view_as_complex(Tensors.of(array.parts(), array.parts().length / 2, 2)).view(shape);
    if (ComplexArray.isMatlab(file)) {
      k = k.transpose(-2, -1);
    }
    k = coils ? k.transpose(0, 1) : k.unsqueeze(0);
    List<Tensor> sequences = new ArrayList<>();
    for (long coil = 0; coil < k.size(0); coil++) {
      Tensor sequence = Mri.toPicture(Mri.fromCentred(k.select(0, coil)));
      sequences.add(sequence.div(sequence.abs().max()));
    }
    return sequences;
  }

  private long middle(Tensor sequence, int dimension) {
    return (sequence.size(dimension) - size) / 2;
  }

  private Tensor cut(Tensor sequence, long first, long top, long left) {
    return sequence.narrow(0, first, frames).narrow(1, top, size).narrow(2, left, size);
  }

  @Override
  public String toString() {
    return String.format("cuts of %s, %d frames of %d×%d", folder, frames, size, size);
  }

  @Override
  public Tensor draw(SplittableRandom random) {
    Tensor sequence = training.get(random.nextInt(training.size()));
    return cut(
        sequence,
        random.nextLong(sequence.size(0) - frames + 1),
        random.nextLong(sequence.size(1) - size + 1),
        random.nextLong(sequence.size(2) - size + 1));
  }

  @Override
  public List<Tensor> heldOut() {
    return heldOut;
  }
}
