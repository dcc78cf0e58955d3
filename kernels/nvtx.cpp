// Ranges on the time line of NVIDIA's profilers: NVTX, a library of headers alone, which comes with CUDA's compiler.
#include <jni.h>

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
constexpr bool kBuiltIn = true;
#else
constexpr bool kBuiltIn = false;
static void nvtxRangePushA(const char*) {}
static void nvtxRangePop() {}
#endif

extern "C" JNIEXPORT jboolean JNICALL Java_io_github_diffsvd_internal_backend_cpu_Nvtx_isBuiltIn(JNIEnv*, jclass) { return kBuiltIn; }

extern "C" JNIEXPORT void JNICALL Java_io_github_diffsvd_internal_backend_cpu_Nvtx_push(JNIEnv* env, jclass, jstring name) {
  const char* const text = env->GetStringUTFChars(name, nullptr);
  nvtxRangePushA(text ? text : "");
  if (text) env->ReleaseStringUTFChars(name, text);
}

extern "C" JNIEXPORT void JNICALL Java_io_github_diffsvd_internal_backend_cpu_Nvtx_pop(JNIEnv*, jclass) { nvtxRangePop(); }
