#include "backends.h"
#include <metrics/core/errors.h>

#ifdef USE_C10D_NCCL
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAFunctions.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#endif

namespace metrics::distributed {

#ifdef USE_C10D_NCCL

namespace {

/// Sets a variable for as long as it lives; c10d reads its NCCL settings from the environment alone.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value, 1);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ~ScopedVariable() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace

bool nccl_is_available() {
  return c10::cuda::device_count() > 0;
}

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const Membership& membership, int64_t local_rank) {
  const int64_t devices = c10::cuda::device_count();
  if (local_rank >= devices)
    throw InvalidArgument("backend nccl: local rank " + std::to_string(local_rank) + " has no CUDA device; there are " +
                          std::to_string(devices));
  // Blocking waits throw at the time-out; without them the watchdog ends the process on any error.
  const ScopedVariable blocking("TORCH_NCCL_BLOCKING_WAIT", "1");
  const ScopedVariable handling("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0");
  const ScopedVariable monitoring("TORCH_NCCL_ENABLE_MONITORING", "0");
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = membership.timeout;
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(membership.store, static_cast<int>(membership.rank),
                                                             static_cast<int>(membership.world_size), options);
  return backend;
}

#else

bool nccl_is_available() {
  return false;
}

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const Membership&, int64_t) {
  throw InvalidArgument("backend 'nccl': this library was built without NCCL; expected 'gloo' or 'auto'");
}

#endif

}  // namespace metrics::distributed
