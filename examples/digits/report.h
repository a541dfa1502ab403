#pragma once

#include "idx.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace digits {

/// What one evaluation of the test set says, and what it cost.
struct Report {
  int64_t rank = 0;                    ///< that made it
  std::vector<int64_t> images;         ///< evaluated by each rank
  float accuracy = 0;                  ///< fraction of the images whose highest score is at their label
  std::vector<float> class_accuracy;   ///< the same for the images of each class
  float macro_f1 = 0;                  ///< mean over classes of the harmonic mean of precision and recall
  float auroc = 0;                     ///< mean over classes of the area under the receiver operating characteristic
  float average_precision = 0;         ///< mean over classes of the area under the precision-recall curve
  float mean_loss = 0;                 ///< mean cross entropy
  int64_t confusion_total = 0;         ///< sum of the confusion matrix
  std::optional<int64_t> collectives;  ///< issued by each rank; empty where nothing ran
  std::optional<int64_t> bytes;        ///< handed to them by each rank

  void save(const std::filesystem::path& file) const;
  static Report load(const std::filesystem::path& file);
};

/// Whether each number has the same bits in both; what it cost aside.
bool same_bits(const Report& a, const Report& b);

/// The cross entropy of a row of logits, computed in one way whatever rows lie beside it: vectorised over a batch, its
/// last bit would depend on the batch.
double cross_entropy(std::span<const float> logits, uint8_t label);

/// What `world_size` ranks would report if they filled up the test set with repeated indices until it divides, as
/// Python's DistributedSampler does, and took the mean of their values: index arithmetic, with no other rank around.
Report padded_and_averaged(const Array<float>& scores, std::span<const uint8_t> labels, int64_t world_size);

/// Prints the evaluations side by side; a star marks what differs from the first.
void print_table(std::ostream& out, std::span<const Report> exact, std::span<const Report> padded);

}  // namespace digits
