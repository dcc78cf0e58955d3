// Reads a tensor that another library hands over by DLPack (dlpack.h, the struct without a version), and makes one that another library takes.
#include <jni.h>

#include <cstdint>

namespace {

struct Tensor {
  void* data;
  int32_t device_type, device_id;
  int32_t dimensions;
  uint8_t code, bits;
  uint16_t lanes;
  const int64_t *shape, *strides;  // strides in elements, null where the tensor is packed row-major
  uint64_t byte_offset;
};

struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);  // may be null
};
static_assert(sizeof(ManagedTensor) == 64, "as in dlpack.h");

// A batch of matrices that Java gave away, and what it does when nobody needs them any more.
struct Exported {
  ManagedTensor managed;
  int64_t shape[3], strides[3];
  JavaVM* java;
  jobject release;
  jmethodID run;
};

// On any thread, for the consumer decides when it is done.
void delete_exported(ManagedTensor* managed) {
  Exported* const exported = static_cast<Exported*>(managed->context);
  JavaVM* const java = exported->java;
  void* env = nullptr;
  const bool attach = java->GetEnv(&env, JNI_VERSION_1_8) != JNI_OK;
  if (!attach || java->AttachCurrentThreadAsDaemon(&env, nullptr) == JNI_OK) {
    JNIEnv* const jni = static_cast<JNIEnv*>(env);
    jni->CallVoidMethod(exported->release, exported->run);
    jni->DeleteGlobalRef(exported->release);
    if (attach) java->DetachCurrentThread();
  }
  delete exported;
}

}  // namespace

// Data, byte offset, device type and id, code, bits, lanes and the number of dimensions; then the extents, then the strides.
extern "C" JNIEXPORT jlongArray JNICALL Java_io_github_diffsvd_internal_backend_cpu_DlPack_fields(JNIEnv* env, jclass, jlong managed, jint most) {
  const Tensor& tensor = reinterpret_cast<const ManagedTensor*>(managed)->tensor;
  const jlong head[] = {reinterpret_cast<jlong>(tensor.data),
                        static_cast<jlong>(tensor.byte_offset),
                        tensor.device_type,
                        tensor.device_id,
                        tensor.code,
                        tensor.bits,
                        tensor.lanes,
                        tensor.dimensions};
  const jint known = sizeof head / sizeof *head, dimensions = tensor.dimensions < 0 || tensor.dimensions > most ? 0 : tensor.dimensions;
  const jlongArray fields = env->NewLongArray(known + 2 * dimensions);
  if (!fields) return nullptr;
  env->SetLongArrayRegion(fields, 0, known, head);
  jlong packed = 1;
  for (jint i = dimensions - 1; i >= 0; i--) {
    const jlong extent = tensor.shape[i], stride = tensor.strides ? tensor.strides[i] : packed;
    env->SetLongArrayRegion(fields, known + i, 1, &extent);
    env->SetLongArrayRegion(fields, known + dimensions + i, 1, &stride);
    packed *= extent;
  }
  return fields;
}

extern "C" JNIEXPORT void JNICALL Java_io_github_diffsvd_internal_backend_cpu_DlPack_callDeleter(JNIEnv*, jclass, jlong managed) {
  ManagedTensor* const tensor = reinterpret_cast<ManagedTensor*>(managed);
  if (tensor->deleter) tensor->deleter(tensor);
}

// Three extents, then three strides.
extern "C" JNIEXPORT jlong JNICALL Java_io_github_diffsvd_internal_backend_cpu_DlPack_make(JNIEnv* env, jclass, jlong data, jint device_type,
                                                                                           jint device_id, jint code, jint bits, jlongArray layout,
                                                                                           jobject release) {
  Exported* const exported = new Exported{};
  env->GetLongArrayRegion(layout, 0, 3, reinterpret_cast<jlong*>(exported->shape));
  env->GetLongArrayRegion(layout, 3, 3, reinterpret_cast<jlong*>(exported->strides));
  env->GetJavaVM(&exported->java);
  exported->run = env->GetMethodID(env->GetObjectClass(release), "run", "()V");
  exported->release = env->NewGlobalRef(release);
  exported->managed = {{reinterpret_cast<void*>(data), device_type, device_id, 3, static_cast<uint8_t>(code), static_cast<uint8_t>(bits), 1,
                        exported->shape, exported->strides, 0},
                       exported,
                       delete_exported};
  return reinterpret_cast<jlong>(&exported->managed);
}
