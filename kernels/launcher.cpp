// Starts a kernel of the CPU library by name: the only JNI function there is.
//
// The kernels are compiled once per instruction set, into libraries beside this one; the best that this processor runs is opened on first use.
#include <dlfcn.h>
#include <jni.h>

#include <string>

#include "portable.cuh"

namespace {

struct Kernels {
  void* library = nullptr;
  std::string variant, error;

  Kernels() {
    Dl_info self;
    dladdr(reinterpret_cast<const void*>(&kScratchAlignment), &self);
    const std::string path = self.dli_fname, folder = path.substr(0, path.rfind('/') + 1);
    variant = "baseline";
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) variant = "avx2";
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
      variant = "avx512";
#endif
    library = dlopen((folder + "libdiffsvd_" + variant + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) error = dlerror();
  }
};

void raise(JNIEnv* env, const char* type, const std::string& message) { env->ThrowNew(env->FindClass(type), message.c_str()); }

}  // namespace

extern "C" JNIEXPORT jstring JNICALL Java_io_github_diffsvd_backend_cpu_CpuKernels_launch(JNIEnv* env, jclass, jstring name, jobject arguments,
                                                                                          jlong block, jlong blocks, jlong scratch_bytes) {
  static const Kernels kernels;
  if (!kernels.library) {
    raise(env, "java/lang/UnsatisfiedLinkError", kernels.error);
    return nullptr;
  }
  if (!name) return env->NewStringUTF(kernels.variant.c_str());

  char symbol[128];
  const jsize length = env->GetStringUTFLength(name);
  if (length > 100) return nullptr;
  env->GetStringUTFRegion(name, 0, env->GetStringLength(name), symbol);
  symbol[length] = 0;
  using Function = int64_t (*)(const void*, const Launch*);
  const auto function = reinterpret_cast<Function>(dlsym(kernels.library, symbol));
  const auto expected = static_cast<const int64_t*>(dlsym(kernels.library, (std::string(symbol) + "_argument_bytes").c_str()));
  if (!function || !expected) {
    raise(env, "java/lang/UnsatisfiedLinkError", std::string("no kernel ") + symbol + " in variant " + kernels.variant);
    return nullptr;
  }
  if (env->GetDirectBufferCapacity(arguments) != *expected) {
    raise(env, "java/lang/IllegalArgumentException",
          std::string(symbol) + ": expected " + std::to_string(*expected) + " bytes of arguments, got " +
              std::to_string(env->GetDirectBufferCapacity(arguments)));
    return nullptr;
  }
  if (blocks == 0) return nullptr;
  const Launch launch{block, blocks, 1, scratch_bytes};
  if (function(env->GetDirectBufferAddress(arguments), &launch) != 0) {
    raise(env, "java/lang/OutOfMemoryError", std::string(symbol) + ": no memory for " + std::to_string(scratch_bytes) + " bytes of scratch");
  }
  return nullptr;
}
