#pragma once

#include "kernels/multiversioned.h"
#include <metrics/export.h>

#include <cstdint>
#include <type_traits>

// Templates in versions for AVX-512, AVX2 and any x86-64, where METRICS_MULTIVERSIONED wants a plain function for each
// term and type. All versions give the same bits, because products and sums are rounded one by one in each. Sanitizers
// see one version, the one of the most lanes, whichever machine it is asked for.

namespace metrics::kernels {

/// What a machine can run.
enum class Machine { Any, Avx2, Avx512 };

/// The best that this one can, or what the environment variable METRICS_CPU_CAPABILITY says, `default`, `avx2` or
/// `avx512`, if that is less. Looked at once.
METRICS_API Machine this_machine();

namespace detail {

#ifdef METRICS_VERSIONS
template <class F>
[[gnu::target("arch=x86-64-v4")]] void on_avx512(const F& f) {
  f();
}
template <class F>
[[gnu::target("arch=x86-64-v3")]] void on_avx2(const F& f) {
  f();
}
#endif

}  // namespace detail

/// Runs f, compiled for `machine`. It and all that it calls are METRICS_INLINE, because a function's version is that of
/// the one that it is compiled into: `compiled_for(machine, [&]() METRICS_INLINED { … })`.
template <class F>
void compiled_for([[maybe_unused]] Machine machine, const F& f) {
#ifdef METRICS_VERSIONS
  if (machine == Machine::Avx512) return detail::on_avx512(f);
  if (machine == Machine::Avx2) return detail::on_avx2(f);
#endif
  f();
}

/// The same for the machine that this is.
template <class F>
void fastest(const F& f) {
  compiled_for(this_machine(), f);
}

/// Runs f(lanes), compiled for `machine`; `lanes` is a constant, how many float64 numbers one of its registers holds.
template <class F>
void compiled_in_lanes_for([[maybe_unused]] Machine machine, const F& f) {
  const auto of = [&]<int64_t lanes>(std::integral_constant<int64_t, lanes> constant) {
    return [&f, constant]() METRICS_INLINED { f(constant); };
  };
#ifdef METRICS_VERSIONS
  if (machine == Machine::Avx512) return detail::on_avx512(of(std::integral_constant<int64_t, 8>{}));
  if (machine == Machine::Avx2) return detail::on_avx2(of(std::integral_constant<int64_t, 4>{}));
#endif
#ifdef METRICS_SANITIZED
  of(std::integral_constant<int64_t, 8>{})();
#else
  of(std::integral_constant<int64_t, 2>{})();
#endif
}

/// The same for the machine that this is.
template <class F>
void fastest_in_lanes(const F& f) {
  compiled_in_lanes_for(this_machine(), f);
}

}  // namespace metrics::kernels
