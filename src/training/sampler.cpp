#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/sampler.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/randperm.h>

#include <algorithm>
#include <string>

namespace metrics::training {

DistributedSampler::DistributedSampler(int64_t dataset_size, DistributedSamplerOptions options)
    : dataset_size_(dataset_size), shuffle_(options.shuffle), seed_(options.seed), remainder_(options.remainder) {
  if (dataset_size < 0) {
    throw InvalidArgument("dataset_size: expected a number of samples, got " + std::to_string(dataset_size));
  }
  const auto group = default_process_group();
  replicas_ = options.num_replicas.value_or(group ? group->world_size() : 1);
  rank_ = options.rank.value_or(group ? group->rank() : 0);
  if (replicas_ < 1) throw InvalidArgument("num_replicas: expected at least 1, got " + std::to_string(replicas_));
  if (rank_ < 0 || rank_ >= replicas_) {
    throw InvalidArgument("rank: expected one of " + std::to_string(replicas_) + " replicas, got " +
                          std::to_string(rank_));
  }
}

int64_t DistributedSampler::size_of(int64_t rank) const {
  switch (remainder_) {
    case Remainder::Drop:
      return dataset_size_ / replicas_;
    case Remainder::Pad:
      return (dataset_size_ + replicas_ - 1) / replicas_;
    case Remainder::Uneven:
      break;
  }
  return dataset_size_ / replicas_ + (rank < dataset_size_ % replicas_ ? 1 : 0);
}

at::Tensor DistributedSampler::order() const {
  if (!shuffle_) return at::arange(dataset_size_, at::kLong);
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed_ + epoch_));
  return at::randperm(dataset_size_, generator, at::kLong);
}

Shard DistributedSampler::shard() const {
  const at::Tensor order = this->order();
  const int64_t* of_epoch = order.const_data_ptr<int64_t>();
  Shard shard;
  for (int64_t i = 0, place = rank_; i < size(); ++i, place += replicas_) {
    shard.indices.push_back(of_epoch[place % dataset_size_]);
    if (place < dataset_size_) ++shard.valid;
  }
  return shard;
}

}  // namespace metrics::training
