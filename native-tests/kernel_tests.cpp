// The kernels alone, against the textbook formula in long double. Compiled by the C++ compiler as serial code, under the sanitizers and with one
// thread per CUDA thread, and by nvcc for a GPU; see CMakeLists.txt. usage: kernel_tests [PART OF A CASE'S NAME]
//
// The kernels of a family are in a file of tests of their own, kernel_tests_FAMILY.cpp, which includes them.
#include <sstream>

#include "testing.h"

void test_backward_kernels();
void test_factor_kernels();
void test_spectral_kernels();
void test_svd_kernels();

// Every kernel is tested for every type that it exists for.
void test_completeness() {
  for (const auto& kernel : testing.launches)
    testing.run("completeness " + kernel.first, [&] { testing.expect(kernel.second > 0, "no native test launches it"); });
#if defined(DIFFSVD_KERNELS) && !defined(DIFFSVD_THREADED_BLOCKS)
  std::istringstream kernels(DIFFSVD_KERNELS);
  for (std::string kernel; kernels >> kernel;)
    testing.run("completeness " + kernel, [&] {
      const auto symbol = testing.launches.lower_bound(kernel + "_");
      testing.expect(symbol != testing.launches.end() && symbol->first.rfind(kernel + "_", 0) == 0,
                     "kernels/%s.cu has no native test: no native-tests/kernel_tests_*.cpp includes it", kernel.c_str());
    });
#endif
}

int main(int count, char** words) {
  if (count > 1) testing.filter = words[1];
  std::printf("seed %" PRIu64 "\n", testing.seed);
  test_factor_kernels();
  test_svd_kernels();
  test_backward_kernels();
  test_spectral_kernels();
  if (testing.filter.empty()) test_completeness();
  std::printf("%d passed, %d failed\n", testing.passed, testing.failed);
  return testing.failed > 0;
}
