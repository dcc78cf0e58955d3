// Finds the kernels of the CPU library by name, says what they need, and starts them.
//
// They are compiled once per instruction set, into libraries beside this one; the best that this processor runs is opened on first use.
#include <dlfcn.h>
#include <jni.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

#include "portable.cuh"

namespace {

const char anchor = 0;  // in this library

struct Kernel {
  std::string symbol;
  void (*function)(const void*, const Launch*);
  const int64_t* argument_bytes;
};

struct Kernels {
  void* library = nullptr;
  std::string variant, error;
  std::mutex mutex;
  std::map<std::string, Kernel> found;

  Kernels() {
    Dl_info self;
    dladdr(reinterpret_cast<const void*>(&anchor), &self);
    const std::string path = self.dli_fname, folder = path.substr(0, path.rfind('/') + 1);
    variant = "baseline";
#if defined(__x86_64__)
    // DIFFSVD_KERNELS names a lesser one than the processor's best, so that all of them can be tested on one machine.
    const char* const given = std::getenv("DIFFSVD_KERNELS");
    const std::string most = given ? given : "";
    if (most != "baseline" && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) variant = "avx2";
    if (most != "baseline" && most != "avx2" && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
      variant = "avx512";
#endif
    library = dlopen((folder + "libdiffsvd_" + variant + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) error = dlerror();
  }
};

Kernels& kernels() {
  static Kernels all;
  return all;
}

void raise(JNIEnv* env, const char* type, const std::string& message) { env->ThrowNew(env->FindClass(type), message.c_str()); }

// Of ASCII. Empty where Java has no memory for it, and raises that itself.
std::string text(JNIEnv* env, jstring from) {
  const char* const characters = env->GetStringUTFChars(from, nullptr);
  if (!characters) return "";
  const std::string result = characters;
  env->ReleaseStringUTFChars(from, characters);
  return result;
}

}  // namespace

extern "C" JNIEXPORT jstring JNICALL Java_io_github_diffsvd_internal_backend_cpu_CpuKernels_variant(JNIEnv* env, jclass) {
  if (!kernels().library) raise(env, "java/lang/UnsatisfiedLinkError", kernels().error);
  return kernels().library ? env->NewStringUTF(kernels().variant.c_str()) : nullptr;
}

extern "C" JNIEXPORT jlong JNICALL Java_io_github_diffsvd_internal_backend_cpu_CpuKernels_find(JNIEnv* env, jclass, jstring name) {
  const std::string symbol = text(env, name);
  const std::lock_guard<std::mutex> lock(kernels().mutex);
  Kernel& kernel = kernels().found[symbol];
  if (!kernel.function) {
    kernel.symbol = symbol;
    kernel.argument_bytes = static_cast<const int64_t*>(dlsym(kernels().library, (symbol + "_argument_bytes").c_str()));
    kernel.function = reinterpret_cast<decltype(kernel.function)>(dlsym(kernels().library, symbol.c_str()));
  }
  if (!kernel.function || !kernel.argument_bytes) {
    raise(env, "java/lang/UnsatisfiedLinkError", "no kernel " + symbol + " in variant " + kernels().variant);
    return 0;
  }
  return reinterpret_cast<jlong>(&kernel);
}

extern "C" JNIEXPORT jlong JNICALL Java_io_github_diffsvd_internal_backend_cpu_CpuKernels_scratchBytes(JNIEnv* env, jclass, jstring symbol, jlong m,
                                                                                                       jlong n, jlong threads) {
  const std::string name = text(env, symbol) + "_scratch_bytes";
  const auto bytes = reinterpret_cast<int64_t (*)(int64_t, int64_t, int64_t)>(dlsym(kernels().library, name.c_str()));
  if (bytes) return bytes(m, n, threads);
  raise(env, "java/lang/UnsatisfiedLinkError", "no " + name + " in variant " + kernels().variant);
  return 0;
}

extern "C" JNIEXPORT void JNICALL Java_io_github_diffsvd_internal_backend_cpu_CpuKernels_launch(JNIEnv* env, jclass, jlong found, jobject arguments,
                                                                                                jlong block, jlong blocks, jlong scratch) {
  const Kernel& kernel = *reinterpret_cast<const Kernel*>(found);
  const jlong bytes = env->GetDirectBufferCapacity(arguments);
  if (bytes != *kernel.argument_bytes) {
    raise(env, "java/lang/IllegalArgumentException",
          kernel.symbol + ": expected " + std::to_string(*kernel.argument_bytes) + " bytes of arguments, got " + std::to_string(bytes));
    return;
  }
  const Launch launch{block, blocks, 1, reinterpret_cast<unsigned char*>(scratch)};
  kernel.function(env->GetDirectBufferAddress(arguments), &launch);
}
