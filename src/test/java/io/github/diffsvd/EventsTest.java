package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Java Flight Recorder gets to see. */
class EventsTest {
  private static final BatchShape SHAPE = new BatchShape(DataType.FLOAT32, 3, 4, 2);

  private interface Work {
    void run(Device device);
  }

  private static List<RecordedEvent> recorded(Path folder, Work work) throws IOException {
    Path file = folder.resolve("recording.jfr");
    try (Recording recording = new Recording();
        Device device = Device.open("cpu", 1)) {
      recording.start();
      work.run(device);
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().startsWith("io.github.diffsvd."))
        .toList();
  }

  @Test
  void aPlanAndItsCallsAreRecorded(@TempDir Path folder) throws IOException {
    List<RecordedEvent> events =
        recorded(
            folder,
            device -> {
              try (SvdPlan plan = SvdPlan.create(device, SHAPE);
                  OwnedMatrixBatch a = device.upload(SHAPE, new double[24]);
                  SvdFactors factors = plan.allocateFactors();
                  SvdInfo info = plan.allocateInfo();
                  OwnedMatrixBatch gradient = plan.allocateGradient()) {
                plan.forward(a, factors, info);
                plan.backward(factors, SvdCotangents.ofValues(factors.s()), gradient);
              }
            });
    assertThat(events)
        .extracting(event -> event.getEventType().getName())
        .containsExactly(
            "io.github.diffsvd.Plan", "io.github.diffsvd.Call", "io.github.diffsvd.Call");
    RecordedEvent made = events.get(0);
    assertThat(made.getString("plan")).startsWith("SvdPlan FLOAT32 3×4×2, forward ");
    assertThat(made.getLong("workspaceBytes")).isNotNegative();
    assertThat(made.getString("device")).isEqualTo("cpu");
    RecordedEvent forward = events.get(1);
    assertThat(forward.getString("plan")).isEqualTo("SvdPlan");
    assertThat(forward.getString("operation")).isEqualTo("forward");
    assertThat(forward.getString("type")).isEqualTo("FLOAT32");
    assertThat(forward.getInt("batch")).isEqualTo(3);
    assertThat(forward.getInt("rows")).isEqualTo(4);
    assertThat(forward.getInt("columns")).isEqualTo(2);
    assertThat(forward.getString("choices")).startsWith("forward ").contains(", backward ");
    // A, U, S, V and a number of four bytes for each matrix.
    assertThat(forward.getLong("bytes")).isEqualTo(4L * 3 * (8 + 8 + 2 + 4 + 1));
    assertThat(forward.getDuration()).isPositive();
    assertThat(events.get(2).getString("operation")).isEqualTo("backward");
  }

  @Test
  void aCallThatIsRefusedLeavesThePlanAndItsEventsInOrder(@TempDir Path folder) throws IOException {
    List<RecordedEvent> events =
        recorded(
            folder,
            device -> {
              try (SpectralPlan plan = SpectralPlan.create(device, SHAPE);
                  OwnedMatrixBatch a = device.upload(SHAPE, new double[24]);
                  OwnedMatrixBatch y = device.allocate(SHAPE);
                  SvdFactors factors = plan.allocateFactors();
                  SvdInfo info = plan.allocateInfo()) {
                for (MatrixBatch target : new MatrixBatch[] {y.slice(0, 1), y}) {
                  try {
                    plan.forward(a, SpectralFunction.sqrt(), factors, target, info, 0);
                  } catch (IllegalArgumentException expected) {
                    assertThat(expected).hasMessageStartingWith("y: expected ");
                  }
                }
              }
            });
    assertThat(events)
        .filteredOn(event -> event.getEventType().getName().endsWith("Call"))
        .extracting(event -> event.getString("plan") + "." + event.getString("operation"))
        .contains("SpectralPlan.forward");
  }
}
