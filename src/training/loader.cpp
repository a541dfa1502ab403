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

void check_source(const Source& source) {
  if (!source.read) throw InvalidArgument("source: expected a function that reads samples, got none");
  if (source.weights.defined()) check_rows({.weights = source.weights}, source.size);
  for (const auto& [name, column] : source.columns) {
    metrics::detail::check_readable("source", "columns[" + name + "]", column);
    if (column.dim() > 0 && column.size(0) == source.size) continue;
    throw InvalidArgument("source: column `" + name + "`: expected " + std::to_string(source.size) + " rows, got " +
                          c10::str(column.sizes()));
  }
}

void check_loader_threads(const LoaderOptions& options) {
  check_loader_option("workers", options.workers, 0);
  check_loader_option("prefetch", options.prefetch, 1);
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
  /// Some samples to be read together, of which so many, from the front, are not repeats.
  struct Samples {
    std::vector<int64_t> indices;
    int64_t valid;
  };

  /// Those of each batch of a pass, by its number.
  using Plan = std::function<Samples(int64_t number)>;

  static Plan plan_of(Shard shard, int64_t batch_size) {
    return [shard = std::move(shard), batch_size](int64_t number) -> Samples {
      const int64_t begin = number * batch_size;
      const int64_t end = std::min(begin + batch_size, static_cast<int64_t>(shard.indices.size()));
      return {{shard.indices.begin() + begin, shard.indices.begin() + end}, shard.valid - begin};
    };
  }

  static Plan plan_of(BatchShard shard, int64_t size) {
    for (const auto& batch : shard.batches) {
      for (const int64_t index : batch) {
        if (index >= 0 && index < size) continue;
        throw InvalidArgument("sampler: expected indices of the source's " + std::to_string(size) +
                              " samples, it drew " + std::to_string(index));
      }
    }
    return [shard = std::move(shard)](int64_t number) -> Samples {
      const auto& batch = shard.batches[static_cast<std::size_t>(number)];
      return {batch, number < shard.valid ? static_cast<int64_t>(batch.size()) : 0};
    };
  }

  Pass(Source source, Plan plan, const LoaderOptions& options, int64_t batches)
      : source_(std::move(source)),
        plan_(std::move(plan)),
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
    const auto [indices, valid] = plan_(number);
    auto [data, target] = source_.read(indices);
    const at::Tensor ids = index_tensor(indices);
    const auto of_samples = [&](const at::Tensor& column) { return column.index_select(0, ids.to(column.device())); };
    Batch batch{std::move(data), std::move(target), ids, at::arange(ids.size(0)) < valid};
    if (source_.weights.defined()) batch.weights = of_samples(source_.weights);
    for (const auto& [name, column] : source_.columns) batch.columns[name] = of_samples(column);
    return batch;
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
  const Plan plan_;
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
  check_loader_threads(options);
  check_source(source_);
  if (source_.size != this->sampler().dataset_size()) {
    throw InvalidArgument("sampler: expected one over the source's " + std::to_string(source_.size) +
                          " samples, got one over " + std::to_string(this->sampler().dataset_size()));
  }
}

Loader::Loader(Source source, BatchShards batches, LoaderOptions options)
    : source_(std::move(source)), sampler_(std::move(batches)), options_(options) {
  check_loader_threads(options);
  check_source(source_);
  if (options.batch_size != LoaderOptions().batch_size || options.drop_last) {
    throw InvalidArgument(std::string(options.drop_last ? "drop_last" : "batch_size") +
                          ": expected it not to be stated, because batches are as the batch sampler draws them");
  }
}

void Loader::set_epoch(int64_t epoch) {
  std::visit([&](auto& sampler) { sampler.set_epoch(epoch); }, sampler_);
}

const DistributedSampler& Loader::sampler() const {
  if (const auto* sampler = std::get_if<DistributedSampler>(&sampler_)) return *sampler;
  throw InvalidArgument("sampler: batches of this loader are drawn by a batch sampler");
}

int64_t Loader::size() const {
  return batches_of(std::visit([](const auto& sampler) { return sampler.rank(); }, sampler_));
}

int64_t Loader::batches_of(int64_t rank) const {
  if (const auto* batches = std::get_if<BatchShards>(&sampler_)) return batches->size_of(rank);
  const int64_t samples = sampler().size_of(rank);
  return options_.drop_last ? samples / options_.batch_size : (samples + options_.batch_size - 1) / options_.batch_size;
}

Loader::Iterator Loader::begin() const {
  const auto* batches = std::get_if<BatchShards>(&sampler_);
  Pass::Plan plan =
      batches ? Pass::plan_of(batches->shard(), source_.size) : Pass::plan_of(sampler().shard(), options_.batch_size);
  return Iterator(std::make_shared<Pass>(source_, std::move(plan), options_, size()));
}

Loader::Iterator::Iterator(std::shared_ptr<Pass> pass) : pass_(std::move(pass)), batch_(pass_->next()) {}

Loader::Iterator& Loader::Iterator::operator++() {
  batch_ = pass_->next();
  return *this;
}

}  // namespace metrics::training
