package io.github.diffsvd.spark;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import java.io.Serializable;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/**
 * Where the tasks of a job compute: a device of the executor that each of them runs in. Immutable;
 * goes to the executors with the job.
 *
 * <p>Without a name it is the first GPU that Spark gave to the task (the resource "gpu"), and where
 * Spark gives none what the property diffsvd.device says, the CPU if it is not set or "auto". An
 * executor opens each device once, for all of its tasks, and never another one: no context is made
 * on a GPU that was not asked for.
 *
 * @param name "cpu", "cuda:N", or null for the task's own
 * @param fallsBackToCpu whether the CPU serves where a GPU that was asked for cannot be opened;
 *     otherwise the task fails with the reasons
 * @param exitsWhenLost whether an executor ends itself, with status {@value #EXIT_STATUS}, when a
 *     CUDA error has lost a device to its process, so that Spark starts another one. Otherwise, and
 *     always in the driver's own process, its later tasks on that device are refused with the
 *     reason
 */
public record ExecutorDevice(String name, boolean fallsBackToCpu, boolean exitsWhenLost)
    implements Serializable {
  /** The exit status of an executor that lost its device. */
  public static final int EXIT_STATUS = 86;

  private static final System.Logger LOG = System.getLogger("io.github.diffsvd");

  static {
    // MLlib's linear algebra asks for the machine's libblas.so.3 when it is first used. Where the
    // OpenBLAS of the CPU device was there before it, its calls have crashed the process in it.
    findMllibsLibraries();
  }

  /** Of this process, by name; open until it ends. */
  private static final Map<String, Device> OPEN = new HashMap<>();

  /** What could not be opened, where the CPU was allowed in its place: it is not tried again. */
  private static final Set<String> FALLEN_BACK = new HashSet<>();

  /** Why a device cannot be used any more, by name. */
  private static final Map<String, CudaFatalException> LOST = new HashMap<>();

  /**
   * @throws IllegalArgumentException if the name is neither null nor that of one device: "auto"
   *     would be cuda:0 in every task
   */
  public ExecutorDevice {
    if (name != null && !name.matches("cpu|cuda:\\d{1,4}")) {
      throw new IllegalArgumentException("device: expected cpu or cuda:N, got " + name);
    }
  }

  /** The task's own GPU, or else the CPU; an error where a GPU cannot be opened. */
  public static ExecutorDevice ofTask() {
    return new ExecutorDevice(null, false, false);
  }

  /** A device of every executor, whatever Spark gave to the task. */
  public static ExecutorDevice named(String name) {
    return new ExecutorDevice(name, false, false);
  }

  /** With the CPU in the place of a GPU that cannot be opened. */
  public ExecutorDevice withCpuFallback() {
    return new ExecutorDevice(name, true, exitsWhenLost);
  }

  /** With the end of an executor that has lost its device. */
  public ExecutorDevice withExitWhenLost() {
    return new ExecutorDevice(name, fallsBackToCpu, true);
  }

  /**
   * Calls the action with the device, in a task or in the driver. The device stays open; what the
   * action makes on it is the action's to close.
   *
   * @throws DeviceUnavailableException if it cannot be opened, or was lost in this process before
   * @throws IllegalArgumentException if the task's GPU is none that this process sees
   */
  public <T> T use(Function<Device, T> action) {
    String device = device();
    try {
      return action.apply(open(device));
    } catch (CudaFatalException e) {
      lose(device, e);
      throw e;
    }
  }

  private static void findMllibsLibraries() {
    for (String library : List.of("blas.JNIBLAS", "lapack.JNILAPACK", "arpack.JNIARPACK")) {
      try {
        Class.forName("dev.ludovic.netlib." + library);
      } catch (ClassNotFoundException | LinkageError e) {
        LOG.log(Level.DEBUG, "MLlib has no native " + library, e);
      }
    }
  }

  private String device() {
    if (name != null) {
      return name;
    }
    TaskContext task = TaskContext.get();
    ResourceInformation gpu = task == null ? null : task.resourcesJMap().get("gpu");
    if (gpu != null && gpu.addresses().length > 0) {
      return GpuAddress.device(gpu.addresses()[0], System.getenv("CUDA_VISIBLE_DEVICES"));
    }
    String set = System.getProperty("diffsvd.device", "cpu");
    return set.equals("auto") ? "cpu" : set;
  }

  private Device open(String device) {
    synchronized (OPEN) {
      CudaFatalException lost = LOST.get(device);
      if (lost != null) {
        throw new DeviceUnavailableException(
            device
                + ": lost to this executor by an earlier error, until its process is replaced: "
                + lost.getMessage(),
            lost);
      }
      if (fallsBackToCpu && FALLEN_BACK.contains(device)) {
        return open("cpu");
      }
      Device open = OPEN.get(device);
      if (open == null) {
        try {
          open = device.equals("cpu") ? openCpu() : Device.open(device);
        } catch (DeviceUnavailableException e) {
          if (!fallsBackToCpu || device.equals("cpu")) {
            throw e;
          }
          FALLEN_BACK.add(device);
          LOG.log(Level.WARNING, "diffsvd takes the CPU, because " + e.getMessage());
          return open("cpu");
        }
        OPEN.put(device, open);
      }
      return open;
    }
  }

  /**
   * A CPU device has the threads of one task, for the others have theirs: Spark starts as many
   * tasks as there are processors.
   */
  private static Device openCpu() {
    TaskContext task = TaskContext.get();
    if (task != null && System.getProperty("diffsvd.threads") == null) {
      System.setProperty("diffsvd.threads", Integer.toString(Math.max(1, task.cpus())));
    }
    return Device.open("cpu");
  }

  /** Refuses the device from now on, and ends the executor where that is wanted. */
  void lose(String device, CudaFatalException reason) {
    synchronized (OPEN) {
      LOST.putIfAbsent(device, reason);
    }
    boolean driver = SparkEnv.get() == null || SparkEnv.get().executorId().equals("driver");
    if (exitsWhenLost && !driver) {
      LOG.log(Level.ERROR, "the executor ends itself: " + device + ": " + reason.getMessage());
      System.exit(EXIT_STATUS);
    }
  }
}
