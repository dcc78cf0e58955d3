package io.github.diffsvd.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.Matrix;

/** The parts of the MRI experiment, and what the missing phase term does to a gradient. */
class DynamicMriTest {
  private static final int FRAMES = 6;
  private static final int SIZE = 16;

  @TempDir private Path folder;

  private static double distance(Tensor one, Tensor other) {
    return one.sub(other).abs().max().item_double();
  }

  @Test
  void theTransformIsUnitaryAndItsCentreComesFirst() {
    Tensor x = new Phantoms(FRAMES, SIZE, 1).heldOut().get(0);
    Tensor k = Mri.toKspace(x);
    assertThat(distance(Mri.toPicture(k), x)).isLessThan(1e-5);
    assertThat(k.abs().square().sum().item_double())
        .isCloseTo(x.abs().square().sum().item_double(), within(1e-2));
    double[] centred = new double[SIZE * SIZE];
    centred[SIZE / 2 * SIZE + SIZE / 2] = 1;
    double[] first = Tensors.values(Mri.fromCentred(Tensors.of(centred, SIZE, SIZE)));
    assertThat(first[0]).isEqualTo(1);
  }

  @Test
  void phantomsMoveAndHaveAPhase() {
    Phantoms phantoms = new Phantoms(FRAMES, SIZE, 2);
    Tensor x = phantoms.draw(new SplittableRandom(1));
    assertThat(x.sizes().vec().get()).containsExactly(FRAMES, SIZE, SIZE);
    assertThat(x.abs().max().item_double()).isCloseTo(1, within(1e-6));
    assertThat(distance(x.select(0, 0).abs(), x.select(0, 2).abs())).isGreaterThan(0.01);
    assertThat(torch.imag(x).abs().max().item_double()).isGreaterThan(0.1);
    assertThat(distance(phantoms.draw(new SplittableRandom(1)), x)).isZero();
    assertThat(distance(phantoms.heldOut().get(0), phantoms.heldOut().get(1))).isGreaterThan(0.1);
  }

  @ParameterizedTest
  @EnumSource
  void masksMeasureTheirShareAndTheCentre(SamplingMasks masks) {
    for (int acceleration : new int[] {8, 10}) {
      Tensor mask = masks.draw(FRAMES, 96, acceleration, new SplittableRandom(3));
      double[] shares = Tensors.values(mask.mean(new long[] {1, 2}, false, null));
      for (double share : shares) {
        assertThat(1 / share).isBetween(acceleration - 1.0, acceleration + 2.0);
      }
      assertThat(mask.select(1, 0).select(1, 0).min().item_double()).isEqualTo(1);
      assertThat(distance(mask.select(0, 0), mask.select(0, 1))).isEqualTo(1);
    }
  }

  @Test
  void framesWithTheirNeighboursAreConvolvedInThreeDimensions() {
    Network network = new Network(GradientMethod.SPECTRAL, new Device("cpu")) {};
    Convolutions convolutions = Convolutions.ofFrames(network, 2, 4, 1);
    Tensor x = torch.randn(new long[] {5, 2, 8, 8});
    Tensor volume = x.transpose(0, 1).unsqueeze(0);
    long[] one = {1, 1, 1};
    for (int i = 0; i < 3; i++) {
      Tensor weight = network.parameters().get(i);
      long from = weight.size(1) / 3;
      Tensor cube = weight.view(weight.size(0), 3, from, 3, 3).transpose(1, 2).contiguous();
      volume = torch.conv3d(volume, cube, new TensorOptional(), one, one, one, 1);
      volume = i < 2 ? volume.relu() : volume;
    }
    assertThat(distance(convolutions.apply(x), volume.squeeze(0).transpose(0, 1))).isLessThan(1e-4);
  }

  /** The data are complex and their singular values distinct: the phase term alone is missing. */
  @Test
  void withoutThePhaseTermTheGradientIsWrong() {
    DynamicMri mri =
        new DynamicMri(
            new Phantoms(FRAMES, SIZE, 1),
            new DynamicMri.Settings(2, SamplingMasks.RADIAL, new int[] {4}, 0),
            new Device("cpu"));
    Problem exact = mri.problem(GradientMethod.SPECTRAL, 0);
    assertThat(error(mri, "moore-penrose", exact)).isLessThan(1e-4);
    assertThat(error(mri, "svd-inv", exact)).isGreaterThan(1e-3);
  }

  private static double error(DynamicMri mri, String method, Problem exact) {
    return Comparison.gradientError(mri.problem(GradientMethod.parse(method), 0), exact);
  }

  private void write(String name, NpyType type, Tensor kspace, long... shape) throws IOException {
    double[] parts = Tensors.values(torch.view_as_real(kspace));
    ByteBuffer bytes = ByteBuffer.allocate(parts.length * 4).order(ByteOrder.nativeOrder());
    for (double part : parts) {
      bytes.putFloat((float) part);
    }
    NpyHeader header = NpyHeader.of(type, Arrays.stream(shape).boxed().toList());
    try (NpyWriter writer = NpyWriter.create(folder.resolve(name), header)) {
      writer.write(bytes.flip());
      NpyWriter.commit(writer);
    }
  }

  @Test
  void measuredSequencesComeBackAsPictures() throws IOException {
    List<Tensor> pictures = new Phantoms(FRAMES, SIZE, 3).heldOut();
    for (int i = 0; i < 2; i++) {
      Tensor k = torch.fft_fftshift(Mri.toKspace(pictures.get(i)), -2, -1);
      write("scan" + i + ".npy", NpyType.COMPLEX64, k, FRAMES, SIZE, SIZE);
    }
    Tensor coil = torch.fft_fftshift(Mri.toKspace(pictures.get(2)), -2, -1);
    write("a-coil.npy", NpyType.COMPLEX64, coil.unsqueeze(1), FRAMES, 1, SIZE, SIZE);
    KspaceFiles files = new KspaceFiles(folder, FRAMES, SIZE);
    assertThat(files.heldOut()).hasSize(1);
    assertThat(distance(files.heldOut().get(0), pictures.get(1))).isLessThan(1e-5);
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 4; i++) {
      Tensor drawn = files.draw(random);
      assertThat(Math.min(distance(drawn, pictures.get(0)), distance(drawn, pictures.get(2))))
          .isLessThan(1e-5);
    }
  }

  /** As MATLAB shows it: rows × columns × frames, the first axis fastest. */
  private void writeMatlab(String name, Tensor kspace) throws IOException {
    double[] parts = Tensors.values(torch.view_as_real(kspace.transpose(-2, -1).contiguous()));
    Matrix matrix = Mat5.newComplex(new int[] {SIZE, SIZE, FRAMES});
    for (int i = 0; i < matrix.getNumElements(); i++) {
      matrix.setDouble(i, parts[2 * i]);
      matrix.setImaginaryDouble(i, parts[2 * i + 1]);
    }
    Mat5.writeToFile(Mat5.newMatFile().addArray("k", matrix), folder.resolve(name).toFile());
  }

  @Test
  void matlabsFilesGiveTheSame() throws IOException {
    List<Tensor> pictures = new Phantoms(FRAMES, SIZE, 3).heldOut();
    for (int i = 0; i < 2; i++) {
      writeMatlab("scan" + i + ".mat", torch.fft_fftshift(Mri.toKspace(pictures.get(i)), -2, -1));
    }
    KspaceFiles files = new KspaceFiles(folder, FRAMES, SIZE);
    assertThat(distance(files.heldOut().get(0), pictures.get(1))).isLessThan(1e-5);
  }

  @Test
  void filesThatAreNotKspaceAreNamed() throws IOException {
    assertThatThrownBy(() -> new KspaceFiles(folder, FRAMES, SIZE))
        .hasMessageContaining("expected at least 2 files *.npy, *.h5, *.hdf5 or *.mat");
    Tensor k = torch.view_as_complex(torch.zeros(new long[] {FRAMES, SIZE, SIZE, 2}));
    write("good.npy", NpyType.COMPLEX64, k, FRAMES, SIZE, SIZE);
    write("real.npy", NpyType.FLOAT32, k, FRAMES, SIZE, SIZE, 2);
    assertThatThrownBy(() -> new KspaceFiles(folder, FRAMES, SIZE))
        .hasMessageContaining("real.npy: expected complex numbers");
    Files.delete(folder.resolve("real.npy"));
  }
}
