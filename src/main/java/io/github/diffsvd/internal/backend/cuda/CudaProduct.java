package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Workspace;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;

/**
 * cuBLAS's strided-batched gemm, in a workspace of its plan's, so that nothing is allocated when it
 * is called.
 *
 * <p>cuBLAS does not say in which order it adds, and one running sum of a million equal terms in
 * single precision keeps two or three digits. So long sums are given to it in pieces of PIECE
 * terms. The sums of GROUP pieces are added by another gemm, with a vector of ones, and so are
 * those of the groups: a million terms are three running sums of about a hundred, right to 4e-6.
 */
final class CudaProduct implements BatchedProduct {
  /** What cuBLAS takes by itself: 4 MiB, from Hopper on 32 MiB. */
  private static final long WORKSPACE_BYTES = 4L << 20;

  private static final long HOPPER_WORKSPACE_BYTES = 32L << 20;

  /** Sums of more terms are taken in pieces. */
  private static final int LONG = 4096;

  private static final int PIECE = 128;
  private static final int GROUP = SharedCublas.ONES;

  /** Terms of a piece where the pieces are added in order: as many as there are in a million. */
  private static final int PIECE_IN_ORDER = 1024;

  /** Pieces at a time, so that no sum of groups has more terms than one of pieces. */
  private static final int MOST_PIECES = GROUP * GROUP;

  /** Of the pieces' sums, at the most. */
  private static final long SUMS_BYTES = 16L << 20;

  /** Calls that sum the pieces of one matrix, about. */
  private static final int CALLS_PER_MATRIX = 3;

  /** Of cuDoubleComplex. */
  private static final int SCALAR_ALIGNMENT = 16;

  private final CudaContext context;
  private final SharedCublas cublas;
  private final String name;
  private final Routine routine;
  private final Pointer one;
  private final Pointer zero;
  private final Workspace workspace = new Workspace();
  private final long cublasBytes;
  private long cublasWorkspace;

  /** Elements that there is room for in {@link #sums}; 0 where no sum is long. */
  private final long room;

  /** Of pieces. */
  private long sums;

  /** Of groups of pieces. */
  private long groups;

  private final long ones;

  /** For the calls of one product. */
  private cublasHandle handle;

  private final RawPointer a = new RawPointer();
  private final RawPointer b = new RawPointer();
  private final RawPointer c = new RawPointer();

  /** cublas?gemmStridedBatched. */
  private interface Routine {
    int call(
        cublasHandle handle,
        int opA,
        int opB,
        int m,
        int n,
        int k,
        Pointer alpha,
        Pointer a,
        int lda,
        long strideA,
        Pointer b,
        int ldb,
        long strideB,
        Pointer beta,
        Pointer c,
        int ldc,
        long strideC,
        int batch);
  }

  CudaProduct(CudaContext context, SharedCublas cublas, BatchShape shape) {
    this.context = context;
    this.cublas = cublas;
    DataType type = shape.type();
    name = "cublas" + SvdRoutine.letter(type) + "gemmStridedBatched";
    routine =
        switch (type) {
          case FLOAT32 -> JCublas2::cublasSgemmStridedBatched;
          case FLOAT64 -> JCublas2::cublasDgemmStridedBatched;
          case COMPLEX64 -> JCublas2::cublasCgemmStridedBatched;
          case COMPLEX128 -> JCublas2::cublasZgemmStridedBatched;
        };
    one = scalar(type, 1);
    zero = scalar(type, 0);
    cublasBytes = context.computeCapabilityMajor() >= 9 ? HOPPER_WORKSPACE_BYTES : WORKSPACE_BYTES;
    int most = Math.max(shape.rows(), shape.columns());
    long width = Math.min(shape.rows(), shape.columns());
    room = most <= LONG ? 0 : Math.min(SUMS_BYTES / type.bytes(), most / PIECE * width * width);
    workspace.reserve(cublasBytes, address -> cublasWorkspace = address);
    workspace.reserve(room * type.bytes(), address -> sums = address);
    workspace.reserve(room / GROUP * type.bytes(), address -> groups = address);
    ones = room == 0 ? 0 : cublas.ones(type);
    cublas.open();
  }

  /**
   * A real number as cuBLAS reads it on the host. It loads both parts of a complex number at once,
   * which an array's alignment, 8 bytes, is too little for.
   */
  private static Pointer scalar(DataType type, double value) {
    ByteBuffer number =
        ByteBuffer.allocateDirect(2 * SCALAR_ALIGNMENT)
            .alignedSlice(SCALAR_ALIGNMENT)
            .order(ByteOrder.nativeOrder());
    if (type.real() == DataType.FLOAT32) {
      number.putFloat(0, (float) value);
    } else {
      number.putDouble(0, value);
    }
    return Pointer.to(number);
  }

  @Override
  public long workspaceBytes() {
    return workspace.bytes();
  }

  @Override
  public void bind(long address) {
    workspace.bind(address);
  }

  @Override
  public void multiply(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c,
      boolean accumulate,
      long stream) {
    Gemm gemm = Gemm.of(layout, a, adjointA, b, adjointB, c);
    context.push();
    try {
      synchronized (cublas) {
        handle = cublas.on(stream, cublasWorkspace, cublasBytes);
        run(gemm, accumulate);
      }
    } finally {
      context.pop();
    }
  }

  private void run(Gemm gemm, boolean accumulate) {
    if (gemm.k() <= LONG) {
      call(gemm, accumulate);
    } else if (2L * gemm.m() * gemm.n() <= room
        && CALLS_PER_MATRIX * (long) gemm.batch() < gemm.k() / PIECE_IN_ORDER) {
      for (int i = 0; i < gemm.batch(); i++) {
        addSideBySide(gemm.matrix(i), accumulate);
      }
    } else {
      addInOrder(gemm, accumulate);
    }
  }

  /** All matrices at a time: many of them, or large ones, keep a GPU busy with one piece each. */
  private void addInOrder(Gemm g, boolean accumulate) {
    for (long first = 0; first < g.k(); first += PIECE_IN_ORDER) {
      int terms = (int) Math.min(PIECE_IN_ORDER, g.k() - first);
      call(g.terms(first, terms), accumulate || first > 0);
    }
  }

  /** One matrix, with as many pieces at a time as there is room for the sums of. */
  private void addSideBySide(Gemm g, boolean accumulate) {
    int elements = g.m() * g.n();
    int first = 0;
    while (first < g.k()) {
      int left = g.k() - first;
      int pieces = (int) Math.min(Math.min(left / PIECE, MOST_PIECES), room / elements);
      boolean add = accumulate || first > 0;
      if (pieces < 2) {
        call(g.terms(first, left), add);
        return;
      }
      boolean grouped = pieces > GROUP;
      if (grouped) {
        pieces -= pieces % GROUP;
      }
      call(g.terms(first, PIECE).pieces(pieces, sums), false);
      first += pieces * PIECE;
      long from = sums;
      if (grouped) {
        pieces /= GROUP;
        long stride = (long) GROUP * elements;
        call(
            Gemm.sumOfColumns(
                g.bytes(), elements, GROUP, sums, elements, stride, ones, groups, elements, pieces),
            false);
        from = groups;
      }
      // Column by column of c, because they may stand apart.
      call(
          Gemm.sumOfColumns(
              g.bytes(), g.m(), pieces, from, elements, g.m(), ones, g.c(), g.ldc(), g.n()),
          add);
    }
  }

  private void call(Gemm g, boolean accumulate) {
    context.checkCublas(
        name,
        routine.call(
            handle,
            g.opA(),
            g.opB(),
            g.m(),
            g.n(),
            g.k(),
            one,
            a.at(g.a()),
            g.lda(),
            g.strideA(),
            b.at(g.b()),
            g.ldb(),
            g.strideB(),
            accumulate ? one : zero,
            c.at(g.c()),
            g.ldc(),
            g.strideC(),
            g.batch()));
  }

  @Override
  public void close() {}
}
