#include "kernels/fastest.h"

#include <metrics/core/errors.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

namespace metrics::kernels {
namespace {

Machine best() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd")) {
    return Machine::Avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")) {
    return Machine::Avx2;
  }
#endif
  return Machine::Any;
}

Machine wished() {
  const char* value = std::getenv("METRICS_CPU_CAPABILITY");
  const std::string_view name = value == nullptr ? "" : value;
  if (name.empty() || name == "avx512") return Machine::Avx512;
  if (name == "avx2") return Machine::Avx2;
  if (name == "default") return Machine::Any;
  throw InvalidArgument("METRICS_CPU_CAPABILITY is `default`, `avx2` or `avx512`, got `" + std::string(name) + "`");
}

}  // namespace

Machine this_machine() {
  static const Machine machine = std::min(best(), wished());
  return machine;
}

}  // namespace metrics::kernels
