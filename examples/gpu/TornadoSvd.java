import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.interop.Streams;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryContext;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;
import uk.ac.manchester.tornado.runtime.library.spi.TornadoLibraryProvider;
import uk.ac.manchester.tornado.runtime.library.spi.TornadoNativeStreamSupport;

/**
 * The library task diffsvd.forward(a, u, s, v, batch, rows, columns) of a TornadoVM task graph, in
 * float32: A = U diag(S) Vᵀ for every matrix, in the graph's own buffers and on its stream.
 */
public final class TornadoSvd implements TornadoLibraryProvider {
  /** TornadoVM makes a context of its own; memory of the primary one would be of no use in it. */
  private static final class Session implements LibraryContext {
    final Device device;
    final long stream;
    SvdPlan plan;
    SvdInfo info;

    Session(long context, long stream) {
      device = Device.inContext(context);
      this.stream = Streams.handle(stream);
    }

    SvdPlan plan(BatchShape shape) {
      if (plan == null || !plan.shape().equals(shape)) {
        if (plan != null) {
          plan.close();
        }
        plan = SvdPlan.create(device, shape);
        info = plan.allocateInfo();
      }
      return plan;
    }
  }

  private static BatchShape shape(Object batch, Object rows, Object columns) {
    return new BatchShape(DataType.FLOAT32, (int) batch, (int) rows, (int) columns);
  }

  @Override
  public String libraryName() {
    return "diffsvd";
  }

  @Override
  public boolean canHandle(TornadoXPUDevice device) {
    return device instanceof TornadoNativeStreamSupport;
  }

  // PAGE TornadoVM
  @Override
  public LibraryContext createContext(TornadoXPUDevice device, long executionPlan) {
    TornadoNativeStreamSupport natives = (TornadoNativeStreamSupport) device;
    return new Session(
        natives.getNativeContext(executionPlan), natives.getNativeStream(executionPlan));
  }

  /** Before a graph is captured: everything that allocates. */
  @Override
  public void prepare(LibraryTaskDescriptor task, LibraryContext context) {
    Object[] p = task.getParameters();
    ((Session) context).plan(shape(p[4], p[5], p[6]));
  }

  @Override
  public void dispatch(String function, LibraryInvocation call) {
    Session session = (Session) call.getContext();
    BatchShape shape = shape(call.getArg(4), call.getArg(5), call.getArg(6));
    int k = Math.min(shape.rows(), shape.columns());
    MatrixBatch a = MatrixBatch.wrap(call.getDevicePointer(0), shape);
    SvdFactors factors =
        new SvdFactors(
            MatrixBatch.wrap(
                call.getDevicePointer(1),
                new BatchShape(DataType.FLOAT32, shape.batch(), shape.rows(), k)),
            MatrixBatch.wrap(
                call.getDevicePointer(2), new BatchShape(DataType.FLOAT32, shape.batch(), k, 1)),
            MatrixBatch.wrap(
                call.getDevicePointer(3),
                new BatchShape(DataType.FLOAT32, shape.batch(), shape.columns(), k)));
    session.plan(shape).forward(a, factors, session.info, session.stream);
  }

  // PAGE

  @Override
  public void destroyContext(LibraryContext context) {
    ((Session) context).device.close();
  }
}
