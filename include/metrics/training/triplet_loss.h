#pragma once

#include <metrics/core/required.h>
#include <metrics/export.h>
#include <metrics/training/miners.h>

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>

namespace metrics::training {

enum class LossReduction { Mean, Sum, None };

struct TripletLossOptions {
  /// By how much a negative is to be farther away than the positive; none: the soft loss.
  Required<std::optional<double>> margin;
  LossReduction reduction = LossReduction::Mean;
  /// Whether `last_logs` is kept.
  bool need_logs = false;
};

/// relu(margin + d(a, p) - d(a, n)) or, without a margin, log(1 + exp(d(a, p) - d(a, n))), where d is the Euclidean
/// distance: over T triplets the mean, the sum or each [T]. The soft loss stays finite for any finite distances. A
/// distance of 0 has the gradient 0, NaN gives NaN. float16 and bfloat16 are computed in float32.
///
/// Logs `active_tri`, the share of triplets whose loss is above 0, and the mean distances `pos_dist` and `neg_dist`, of
/// the last call on this rank. Source: OML's TripletLoss.
class METRICS_API TripletLoss {
 public:
  /// Throws InvalidArgument for a margin that is not above 0.
  explicit TripletLoss(TripletLossOptions options);

  /// `anchor`, `positive` and `negative`: [T, D] of floating numbers, T at least 1. Throws InvalidArgument for others.
  at::Tensor operator()(const at::Tensor& anchor, const at::Tensor& positive, const at::Tensor& negative);
  /// The same of rows that a miner has picked. Where triplets are many, distances of all pairs of rows are computed
  /// once, in place of two for each triplet.
  at::Tensor operator()(const MinedTriplets& triplets);
  /// The same of [3 T, D], an anchor, its positive, its negative, the next anchor, … Source: OML's TripletLossPlain.
  at::Tensor plain(const at::Tensor& embeddings);

  const std::map<std::string, double>& last_logs() const { return logs_; }

 private:
  at::Tensor of_distances(const at::Tensor& positive, const at::Tensor& negative);

  TripletLossOptions options_;
  std::map<std::string, double> logs_;
};

/// The loss of the triplets that a miner picks of a batch. Logs what the loss and the miner tell. Source: OML's
/// TripletLossWithMiner.
class METRICS_API TripletLossWithMiner {
 public:
  explicit TripletLossWithMiner(TripletLossOptions options, Miner miner = AllTripletsMiner());

  /// `embeddings`: [N, D] of floating numbers; `labels`: [N] of integers. Throws as the miner does.
  at::Tensor operator()(const at::Tensor& embeddings, const at::Tensor& labels);

  const std::map<std::string, double>& last_logs() const { return logs_; }

 private:
  bool need_logs_;
  TripletLoss loss_;
  Miner miner_;
  std::map<std::string, double> logs_;
};

}  // namespace metrics::training
