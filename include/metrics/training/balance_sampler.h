#pragma once

#include <metrics/core/required.h>
#include <metrics/export.h>
#include <metrics/training/batch_shards.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace metrics::training {

struct BalanceSamplerOptions {
  Required<int64_t> n_labels;     ///< Different labels in a batch, at least 2.
  Required<int64_t> n_instances;  ///< Samples of each of them, at least 2.
  /// What is drawn by, with the epoch; the same on all ranks.
  int64_t seed = 0;
};

/// Batches of `n_labels` labels with `n_instances` samples each, in an order of labels drawn anew for each epoch: each
/// label comes once in it, and what is left of the labels after the last full batch does not. Samples are drawn without
/// repetition; of a label that has fewer than `n_instances` all are taken, and then some again. Samples of a label are
/// neighbours. Source: OML's BalanceSampler, whose draws are numpy's.
class METRICS_API BalanceSampler {
 public:
  /// `labels`: [N] of integers, of each sample of a dataset. Throws InvalidArgument for others, for fewer than 2 labels
  /// or instances a batch, for fewer labels than `n_labels`, and for a label with one sample, naming it.
  BalanceSampler(const at::Tensor& labels, BalanceSamplerOptions options);

  /// Batches an epoch: labels / n_labels, rounded down.
  int64_t size() const;
  int64_t batch_size() const { return options_.n_labels * options_.n_instances; }
  Batches draw(int64_t epoch) const;
  /// For `BatchShards`.
  operator BatchSampler() const;  // NOLINT: implicit

 private:
  BalanceSamplerOptions options_;
  std::shared_ptr<const Batches> samples_;  // of each label
};

}  // namespace metrics::training
