#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace metrics::training {

/// Triplets of an anchor, a positive of its label and a negative of another: numbers of rows.
struct MinedTriplets {
  at::Tensor vectors;    ///< [M, D]: what the numbers count, with the gradients of the embeddings that were given.
  at::Tensor anchors;    ///< int64 [T]
  at::Tensor positives;  ///< int64 [T]
  at::Tensor negatives;  ///< int64 [T]
  /// What a miner tells of this batch, by name.
  std::map<std::string, double> logs = {};

  int64_t size() const { return anchors.size(0); }
};

/// Picks triplets of a batch: `embeddings` [N, D] of floating numbers, `labels` [N] of integers. Whatever is called so
/// is a miner; those below are open-metric-learning's, under its names. One that keeps something (a bank, draws) is
/// looked at from outside where it is handed on by `std::ref`.
using Miner = std::function<MinedTriplets(const at::Tensor& embeddings, const at::Tensor& labels)>;

// Common to the miners: a batch has two labels at least, and two samples at least of each. Euclidean distances are
// compared as squares, computed in float64 by products of blocks of rows; a tie is anybody's, but HardTripletsMiner
// takes the first row of those. Throws InvalidArgument for other shapes and dtypes, for labels that are too few, naming
// the label, and for embeddings that are not finite, naming the row; whatever a miner keeps is then as it was.

struct AllTripletsMinerOptions {
  /// How many triplets are drawn, without repetition, where there are more.
  std::optional<int64_t> max_output_triplets{};
  /// What they are drawn by; each call draws anew.
  int64_t seed = 0;
};

/// All triplets: each pair of an anchor and another sample of its label, with each sample of another label. A batch of
/// L labels with K samples each has L K (K - 1) (L - 1) K. Distances are not computed, and of the triplets only those
/// that are given exist. Source: OML's AllTripletsMiner.
class METRICS_API AllTripletsMiner {
 public:
  /// Throws InvalidArgument for fewer than one triplet.
  explicit AllTripletsMiner(AllTripletsMinerOptions options = {});
  MinedTriplets operator()(const at::Tensor& embeddings, const at::Tensor& labels);

 private:
  AllTripletsMinerOptions options_;
  int64_t calls_ = 0;
};

/// For each sample as the anchor the farthest other sample of its label and the nearest one of another: N triplets.
/// Source: OML's HardTripletsMiner, which may take an anchor as its own positive where all are equal to it.
class METRICS_API HardTripletsMiner {
 public:
  MinedTriplets operator()(const at::Tensor& embeddings, const at::Tensor& labels) const;
};

/// Which of the hardest samples are taken, counted from 1: `3` means the three hardest, `{2, 5}` the second to the
/// fifth.
struct HardRange {
  int64_t first = 1;
  int64_t last = 1;

  HardRange(int64_t count) : last(count) {}  // NOLINT: implicit
  HardRange(int64_t from, int64_t to) : first(from), last(to) {}
};

struct NHardTripletsMinerOptions {
  HardRange n_positive = 1;  ///< Of the samples of the anchor's label, from the farthest.
  HardRange n_negative = 1;  ///< Of those of other labels, from the nearest.
};

/// For each sample as the anchor each of some hard positives with each of some hard negatives. Fewer are taken where a
/// batch has fewer; a range that begins behind the last of them is an InvalidArgument that names the anchor. Source:
/// OML's NHardTripletsMiner.
class METRICS_API NHardTripletsMiner {
 public:
  /// Throws InvalidArgument for ranges that begin before 1 or end before they begin.
  explicit NHardTripletsMiner(NHardTripletsMinerOptions options = {});
  MinedTriplets operator()(const at::Tensor& embeddings, const at::Tensor& labels) const;

 private:
  friend class MinerWithBank;
  NHardTripletsMinerOptions options_;
};

/// For each label the mean of its samples as the anchor, the sample that is farthest from it as the positive, and the
/// nearest mean of another label as the negative. Each label has as many samples; gradients go through the means. The
/// vectors of the result are the means, by ascending label, and then the samples, by label and place in the batch.
/// Source: OML's HardClusterMiner.
class METRICS_API HardClusterMiner {
 public:
  MinedTriplets operator()(const at::Tensor& embeddings, const at::Tensor& labels) const;
};

/// Looks for positives and negatives of the batch's samples among earlier batches, too: the newest rows, up to
/// `bank_size_in_batches` times those of the first batch, without gradients. As long as the bank is not full the batch
/// stands alone. The vectors of the result are the batch and then the bank. Labels with one sample are as good as
/// others where the bank has one more. Logs `positives_from_bank`, `positives_from_batch`, `negatives_from_bank` and
/// `negatives_from_batch`: different samples an anchor, on average. Source: OML's MinerWithBank.
class METRICS_API MinerWithBank {
 public:
  /// Throws InvalidArgument for fewer than one batch.
  MinerWithBank(int64_t bank_size_in_batches, NHardTripletsMiner miner);
  /// Throws InvalidArgument for embeddings of another width, dtype or device than those in the bank.
  MinedTriplets operator()(const at::Tensor& embeddings, const at::Tensor& labels);

  /// Whether the bank is full, and so in use.
  bool full() const { return full_; }
  /// Forgets the batches seen.
  void reset();

 private:
  void store(const at::Tensor& embeddings, const at::Tensor& labels);

  int64_t batches_;
  NHardTripletsMiner miner_;
  at::Tensor embeddings_;  // [rows, D], undefined before the first batch
  at::Tensor labels_;      // int64 [rows]
  int64_t next_ = 0;       // where the next row goes
  bool full_ = false;
};

}  // namespace metrics::training
