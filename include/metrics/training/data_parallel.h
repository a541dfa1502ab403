#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>
#include <metrics/training/join.h>

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::training {

struct DistributedDataParallelOptions {
  /// The ranks that train together; those of the default group where not stated.
  std::shared_ptr<ProcessGroup> process_group{};
  /// Whether rank 0's buffers (running means and their like) replace the others' before each forward. Those that the
  /// module has then are meant: a module may have replaced some, on all ranks alike. To autograd nothing has changed.
  bool broadcast_buffers = true;
  /// Gradients travel in buckets of this size, while backward goes on with the rest.
  int64_t bucket_cap_mb = 25;
  /// Whether some parameters may not take part in a loss. Costs a walk over the graph and one collective more a step.
  bool find_unused_parameters = false;
  /// Whether gradients are views of the buckets, which saves a copy of them.
  bool gradient_as_bucket_view = false;
  /// Whether each step uses the same parameters in the same way: unused ones are then found once.
  bool static_graph = false;
};

/// Averages the gradients of a module over ranks during backward: c10d's Reducer, as Python's DistributedDataParallel
/// uses it. In a join a rank that has run out sends zeros in its place.
class METRICS_API GradientAverager : public Joinable {
 public:
  using Named = std::vector<std::pair<std::string, at::Tensor>>;
  /// What a module has now, asked for again at each step.
  using Current = std::function<Named()>;

  /// Collective. Copies rank 0's parameters and buffers to all. Throws InvalidArgument where there is nothing to train,
  /// SyncError on all ranks when their modules differ, naming the parameter and the ranks.
  GradientAverager(Current parameters, Current buffers, DistributedDataParallelOptions options);
  ~GradientAverager() override;

  /// Throws InvalidArgument where a parameter is to be trained that was not when this was made: nobody would average
  /// its gradients. SyncError when ranks have replaced buffers by others that differ in number, shape or dtype.
  void before_forward();
  void after_forward(const std::vector<at::Tensor>& outputs);
  void set_enabled(bool enabled);
  bool enabled() const;

  std::string join_name() const override { return "DistributedDataParallel"; }
  std::shared_ptr<ProcessGroup> join_group() const override;
  void enter_join(const JoinOptions& options) override;
  bool averages_now() const override { return enabled(); }
  void shadow(const JoinStep& step) override;
  void finish_shadow(const JoinStep& step) override;
  void all_joined(const JoinEnd& end) override;
  void leave_join(bool failed) noexcept override;

 private:
  int64_t divisor();
  void prepare_joined_step();
  void require_all_for_first_static(std::size_t active) const;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

namespace detail {

inline void collect_tensors(const at::Tensor& output, std::vector<at::Tensor>& tensors) {
  tensors.push_back(output);
}
template <class T>
void collect_tensors(const std::vector<T>& outputs, std::vector<at::Tensor>& tensors) {
  for (const T& output : outputs) collect_tensors(output, tensors);
}
template <class K, class T>
void collect_tensors(const std::map<K, T>& outputs, std::vector<at::Tensor>& tensors) {
  for (const auto& [key, output] : outputs) collect_tensors(output, tensors);
}
template <class... T>
void collect_tensors(const std::tuple<T...>& outputs, std::vector<at::Tensor>& tensors) {
  std::apply([&](const auto&... output) { (collect_tensors(output, tensors), ...); }, outputs);
}
template <class A, class B>
void collect_tensors(const std::pair<A, B>& outputs, std::vector<at::Tensor>& tensors) {
  collect_tensors(outputs.first, tensors);
  collect_tensors(outputs.second, tensors);
}

template <class Items>
GradientAverager::Named named(const Items& items) {
  GradientAverager::Named all;
  for (const auto& item : items) all.emplace_back(item.key(), item.value());
  return all;
}

}  // namespace detail

/// A module whose gradients are those of all ranks' batches: forward as ever, backward averages. Equal to Python's
/// DistributedDataParallel for equal data and weights.
///
///   DistributedDataParallel model(net);          // a torch::nn holder or a shared_ptr
///   torch::optim::SGD optimizer(net->parameters(), 0.1);
///   loss(model.forward(batch.data), batch.target).backward();
///   optimizer.step();
///
/// Several forwards may come before the backward (siamese pairs, a discriminator's real and fake); a step within a
/// `Join` has one. Every rank makes as many steps, or all are in a `Join`. The outputs of `forward` may be tensors, and
/// vectors, maps, pairs and tuples of them.
template <class Module>
class DistributedDataParallel {
 public:
  explicit DistributedDataParallel(Module module, DistributedDataParallelOptions options = {})
      : module_(std::move(module)),
        averager_(std::make_shared<GradientAverager>(
            [module = module_] { return detail::named(module->named_parameters()); },
            [module = module_] { return detail::named(module->named_buffers()); }, std::move(options))) {}

  template <class... Inputs>
  auto forward(Inputs&&... inputs) {
    averager_->before_forward();
    auto output = module_->forward(std::forward<Inputs>(inputs)...);
    std::vector<at::Tensor> tensors;
    detail::collect_tensors(output, tensors);
    averager_->after_forward(tensors);
    return output;
  }
  template <class... Inputs>
  auto operator()(Inputs&&... inputs) {
    return forward(std::forward<Inputs>(inputs)...);
  }

  /// What a Join takes.
  std::shared_ptr<Joinable> joinable() const { return averager_; }

  Module& module() { return module_; }
  const Module& module() const { return module_; }

  /// While it lives gradients are accumulated on each rank alone; the first backward after it averages what has come
  /// together.
  class NoSync {
   public:
    explicit NoSync(std::shared_ptr<GradientAverager> averager)
        : averager_(std::move(averager)), before_(averager_->enabled()) {
      averager_->set_enabled(false);
    }
    ~NoSync() { averager_->set_enabled(before_); }
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    std::shared_ptr<GradientAverager> averager_;
    bool before_;
  };
  [[nodiscard]] NoSync no_sync() { return NoSync(averager_); }

 private:
  Module module_;
  std::shared_ptr<GradientAverager> averager_;
};

}  // namespace metrics::training
