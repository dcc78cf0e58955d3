// Before the kernels that a file of tests includes: with this a kernel NAME is NAME_of(arguments) to tests, and counted.
#pragma once

#include "scalar.cuh"
#include "testing.h"

template <class Function>
struct KernelUnderTest {
  const char* symbol;
  Function* function;
};

#define KERNEL_UNDER_TEST(body, suffix, Arguments)                                                                  \
  static const int64_t body##_##suffix##_launches = testing.launches[#body "_" #suffix];                            \
  inline auto body##_of([[maybe_unused]] const Arguments& arguments) {                                              \
    (void)body##_##suffix##_launches;                                                                               \
    return KernelUnderTest<std::remove_pointer_t<decltype(&body##_##suffix)>>{#body "_" #suffix, &body##_##suffix}; \
  }

#undef KERNEL_OF_BLOCKS
#define KERNEL_OF_BLOCKS(body, suffix, Arguments, bounds) KERNEL_SYMBOL(body, suffix, Arguments, bounds) KERNEL_UNDER_TEST(body, suffix, Arguments)
