#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace metrics::training {

/// Hands a number to a Reducer, which takes what it divides gradients by from a work: it waits for the number when the
/// first gradient is ready.
class DivisorWork : public c10d::Work {
 public:
  explicit DivisorWork(std::function<int64_t()> divisor) : divisor_(std::move(divisor)) {}

  bool wait(std::chrono::milliseconds timeout) override;
  std::vector<at::Tensor> result() override;
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override;

 private:
  std::function<int64_t()> divisor_;
};

/// Averages a Reducer's buckets weighted by samples: the number of samples travels behind each bucket.
class SampleWeights : public c10d::CommHookInterface {
 public:
  /// `divisor` is for steps that are not weighted.
  SampleWeights(c10::intrusive_ptr<c10d::ProcessGroup> group, std::function<int64_t()> divisor)
      : group_(std::move(group)), divisor_(std::move(divisor)) {}

  /// The samples of this rank's batch; nothing where the step is not weighted.
  void set(std::optional<int64_t> samples) { samples_ = samples; }

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override;
  at::Tensor parseHookResult(const c10::IValue& result) override;

 private:
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
  std::function<int64_t()> divisor_;
  std::optional<int64_t> samples_;
};

}  // namespace metrics::training
