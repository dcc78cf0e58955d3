package io.github.diffsvd.contract;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.simulator.Simulator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/**
 * The devices that the contract suites run on: all that this machine has, or those that
 * -Ddiffsvd.test.devices=cpu,cuda:0 names.
 */
final class TestDevices {
  private static final String PROPERTY = "diffsvd.test.devices";

  /** Every device there could be. */
  static final List<String> NAMES = List.of("cpu", "cuda:0");

  private static final Map<String, Device> OPEN = new LinkedHashMap<>();
  private static final Map<String, String> REASONS = new LinkedHashMap<>();

  /** Fresh in every run; -Ddiffsvd.seed=N repeats one. */
  static final long SEED = Long.getLong("diffsvd.seed", System.nanoTime());

  static {
    System.out.println("contract suites: -Ddiffsvd.seed=" + SEED);
    String wanted = System.getProperty(PROPERTY, String.join(",", NAMES));
    for (String name : NAMES) {
      if (!List.of(wanted.split(",")).contains(name)) {
        REASONS.put(name, name + ": not among -D" + PROPERTY + "=" + wanted);
        continue;
      }
      try {
        OPEN.put(name, Device.open(name));
      } catch (DeviceUnavailableException e) {
        REASONS.put(name, e.getMessage());
      }
    }
    if (Simulator.isLoaded()) {
      OPEN.values().forEach(TestDevices::makeWhatPlansShare);
      Simulator.tell("keep");
    }
  }

  private TestDevices() {}

  /** The first plan that needs a handle of a library makes it, and its device keeps it. */
  private static void makeWhatPlansShare(Device device) {
    SvdOptions options = SvdOptions.defaults().withAlgorithm(SvdAlgorithm.GESVD);
    for (DataType type : DataType.values()) {
      SvdPlan.create(device, new BatchShape(type, 1, 5000, 40), options).close();
    }
  }

  /** Why a device is not there, or null if it is. */
  static String reasonAgainst(String name) {
    return REASONS.get(name);
  }

  static Stream<Device> devices() {
    return OPEN.values().stream();
  }

  static Stream<Arguments> devicesAndTypes() {
    return devices()
        .flatMap(device -> Stream.of(DataType.values()).map(type -> Arguments.of(device, type)));
  }

  /** One case of a sweep; printed as its name. */
  record Case(Device device, DataType type, Shape shape, Spectrum spectrum) {
    Random random() {
      return new Random(SEED ^ (31L * toString().hashCode()));
    }

    @Override
    public String toString() {
      return device.name() + " " + type + " " + shape + " " + spectrum;
    }
  }

  private static final int ONE_OF = 5;

  /**
   * Whether a combination is tried: every one on the CPU and on a real GPU, one of five on a
   * simulated one, which runs the kernels as the CPU does.
   */
  static boolean isTried(int number) {
    return !Simulator.isLoaded() || number % ONE_OF == 0;
  }

  /** Every device, type, shape and spectrum. */
  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    int tried = 0;
    List<Shape> shapes = new ArrayList<>(Shape.SMALL);
    shapes.addAll(Shape.LARGE);
    for (Device device : OPEN.values()) {
      for (DataType type : DataType.values()) {
        for (Shape shape : shapes) {
          for (Spectrum spectrum : Spectrum.values()) {
            if (isTried(tried++)) {
              cases.add(new Case(device, type, shape, spectrum));
            }
          }
        }
      }
    }
    return cases.stream();
  }
}
