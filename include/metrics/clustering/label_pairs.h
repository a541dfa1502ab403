#pragma once

#include <metrics/core/member.h>

#include <array>
#include <string>
#include <string_view>

// What scores of a clustering beside another share: how often each pair of labels occurs. A score adds its name, its
// traits, options of its own and a formula over the table (see mutual_info_score.h).

namespace metrics {

namespace families {

struct Contingency;

}  // namespace families

namespace clustering {

/// How the entropies of two clusterings become one number.
enum class AverageMethod { Min, Geometric, Arithmetic, Max };

}  // namespace clustering

template <>
inline constexpr std::array<std::string_view, 4> enum_names<clustering::AverageMethod> = {"min", "geometric",
                                                                                          "arithmetic", "max"};

/// What all scores of a clustering beside another share. `preds` and `target`: the clusters of each sample, integers
/// [N] of any dtype, whatever their values.
///
/// **Memory**: 24 bytes for each pair of labels that occurs, not for each sample, and as much again while batches are
/// folded in; 32 where rows have floating weights. Below 16,384 rows are kept as they come.
///
/// State dicts show a row for each sample, which torchmetrics takes, up to 2^22 samples of integer weights. Of more,
/// and of floating weights, they show none: what is kept stands in the metadata, and torchmetrics has nothing then.
struct METRICS_API LabelPairs {
  using Options = NoOptions;
  using Gathered = families::Contingency;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options&) {}
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static void merge(States& into, const States& from, const Options& options);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options&) { return "pairs of labels"; }
  static Gathered gathered(const States& states, const Options& options);
};

/// The same of scores that count pairs of samples, of which there are not so many for a weight that is no integer.
/// `preds` and `target`: the clusters of each sample, integers [N] of any dtype, whatever their values.
struct METRICS_API CountedLabelPairs : LabelPairs {
  static RowWeights taken_weights(const Options&) { return RowWeights::Integers; }
  static std::string update_key(const Options&) { return "pairs of labels, counted"; }
};

}  // namespace metrics
