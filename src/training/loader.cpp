#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/training/loader.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace metrics::training {

namespace {

at::Tensor index_tensor(const std::vector<int64_t>& indices) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(indices.size())}, at::kLong);
  std::copy(indices.begin(), indices.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor;
}

void check_loader_option(const char* name, int64_t value, int64_t least) {
  if (value >= least) return;
  throw InvalidArgument(std::string(name) + ": expected at least " + std::to_string(least) + ", got " +
                        std::to_string(value));
}

void check_weights(const Source& source) {
  if (!source.weights.defined()) return;
  check_rows({.weights = source.weights}, source.size);
}

}  // namespace

Source in_memory(at::Tensor data, at::Tensor target, at::Tensor weights) {
  using metrics::detail::has_elements, metrics::detail::unreadable_kind;
  if (!has_elements(data) || data.dim() == 0) {
    throw InvalidArgument("data: expected a tensor with rows, got " +
                          (has_elements(data) ? "a scalar" : unreadable_kind(data)));
  }
  if (target.defined() && !has_elements(target)) {
    throw InvalidArgument("target: expected a tensor with rows, got " + unreadable_kind(target));
  }
  if (target.defined() && (target.dim() == 0 || target.size(0) != data.size(0))) {
    throw InvalidArgument("target: expected " + std::to_string(data.size(0)) + " rows as data has, got " +
                          (target.dim() == 0 ? "a scalar" : std::to_string(target.size(0))));
  }
  const int64_t size = data.size(0);
  return {size,
          [data = std::move(data), target = std::move(target)](const std::vector<int64_t>& indices) {
            const at::Tensor rows = index_tensor(indices);
            return std::pair(data.index_select(0, rows.to(data.device())),
                             target.defined() ? target.index_select(0, rows.to(target.device())) : at::Tensor());
          },
          std::move(weights)};
}

/// One pass over a shard: its batches, and the threads that read ahead.
class Loader::Pass {
 public:
  Pass(Source source, Shard shard, const LoaderOptions& options, int64_t batches)
      : source_(std::move(source)),
        shard_(std::move(shard)),
        batch_size_(options.batch_size),
        batches_(batches),
        ahead_(options.workers * options.prefetch) {
    for (int64_t i = 0; i < std::min(options.workers, batches_); ++i)
      workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  /// The next batch, none after the last. Throws what reading it threw.
  std::optional<Batch> next() {
    if (taken_ == batches_) return std::nullopt;
    if (workers_.empty()) return read(taken_++);
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return ready_.contains(taken_); });
    Read read = std::move(ready_.extract(taken_++).mapped());
    lock.unlock();
    room_.notify_all();
    if (read.error) std::rethrow_exception(read.error);
    return std::move(read.batch);
  }

 private:
  struct Read {
    std::optional<Batch> batch;
    std::exception_ptr error;
  };

  Batch read(int64_t number) const {
    const auto begin = number * batch_size_;
    const auto end = std::min(begin + batch_size_, static_cast<int64_t>(shard_.indices.size()));
    const std::vector<int64_t> indices(shard_.indices.begin() + begin, shard_.indices.begin() + end);
    auto [data, target] = source_.read(indices);
    at::Tensor ids = index_tensor(indices);
    at::Tensor weights;
    if (source_.weights.defined()) weights = source_.weights.index_select(0, ids.to(source_.weights.device()));
    return {std::move(data), std::move(target), std::move(ids), at::arange(begin, end) < shard_.valid,
            std::move(weights)};
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, stop, [&] { return begun_ == batches_ || begun_ < taken_ + ahead_; });
      if (stop.stop_requested() || begun_ == batches_) return;
      const int64_t number = begun_++;
      lock.unlock();
      Read result;
      try {
        result.batch = read(number);
      } catch (...) {
        result.error = std::current_exception();
      }
      lock.lock();
      ready_.emplace(number, std::move(result));
      filled_.notify_all();
    }
  }

  const Source source_;
  const Shard shard_;
  const int64_t batch_size_;
  const int64_t batches_;
  const int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable_any room_;
  std::map<int64_t, Read> ready_;
  int64_t begun_ = 0;
  int64_t taken_ = 0;
  std::vector<std::jthread> workers_;  // last: they use what stands above, and end first
};

Loader::Loader(Source source, DistributedSampler sampler, LoaderOptions options)
    : source_(std::move(source)), sampler_(std::move(sampler)), options_(options) {
  check_loader_option("batch_size", options.batch_size, 1);
  check_loader_option("workers", options.workers, 0);
  check_loader_option("prefetch", options.prefetch, 1);
  if (!source_.read) throw InvalidArgument("source: expected a function that reads samples, got none");
  check_weights(source_);
  if (source_.size != sampler_.dataset_size()) {
    throw InvalidArgument("sampler: expected one over the source's " + std::to_string(source_.size) +
                          " samples, got one over " + std::to_string(sampler_.dataset_size()));
  }
}

int64_t Loader::batches_of(int64_t rank) const {
  const int64_t samples = sampler_.size_of(rank);
  return options_.drop_last ? samples / options_.batch_size : (samples + options_.batch_size - 1) / options_.batch_size;
}

Loader::Iterator Loader::begin() const {
  return Iterator(std::make_shared<Pass>(source_, sampler_.shard(), options_, size()));
}

Loader::Iterator::Iterator(std::shared_ptr<Pass> pass) : pass_(std::move(pass)), batch_(pass_->next()) {}

Loader::Iterator& Loader::Iterator::operator++() {
  batch_ = pass_->next();
  return *this;
}

}  // namespace metrics::training
