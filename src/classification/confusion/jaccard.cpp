#include "classification/define_tasks.h"
#include "table.h"
#include <metrics/classification/jaccard.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace metrics {

using namespace classification;

namespace {

// Of a class or label: what is both target and predicted, and what is each.
template <class N>
struct Overlap {
  N both, target, predicted;
  bool is_averaged = true;  // whether it has a part in the micro and macro averages

  N either() const { return target + predicted - both; }
};

// Classes that do not occur have no part in averages, nor has one that is ignored.
template <class N>
std::vector<Overlap<N>> overlaps_of_classes(const confusion::Table<N>& table, std::optional<int64_t> ignored) {
  const auto [targets, predictions, all] = table.margins();
  std::vector<Overlap<N>> overlaps;
  for (int64_t i = 0; i < table.classes(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    auto& overlap = overlaps.emplace_back(Overlap<N>{table(i, i), targets[index], predictions[index]});
    overlap.is_averaged = overlap.either() != 0 && i != ignored;
  }
  return overlaps;
}

// `counts`: [L, 2, 2].
template <class N>
std::vector<Overlap<N>> overlaps_of_labels(const Tensor& counts) {
  const Tensor held = counts.to(at::kCPU).contiguous();
  std::vector<Overlap<N>> overlaps;
  const N* table = held.const_data_ptr<N>();
  for (int64_t i = 0; i < held.size(0); ++i, table += 4) {
    overlaps.push_back({table[3], table[2] + table[3], table[1] + table[3]});
  }
  return overlaps;
}

template <class N>
Tensor averaged(const std::vector<Overlap<N>>& overlaps, Average average, double zero_division) {
  const auto score = [&](const Overlap<N>& o) { return families::ratio(o.both, o.either(), zero_division); };
  if (average == Average::None) {
    Tensor scores = families::empty_doubles(static_cast<int64_t>(overlaps.size()));
    std::transform(overlaps.begin(), overlaps.end(), scores.mutable_data_ptr<double>(), score);
    return scores;
  }
  if (average == Average::Micro) {
    double both = 0, either = 0;
    for (const Overlap<N>& o : overlaps) {
      both += families::as_double(o.both);
      if (o.is_averaged) either += families::as_double(o.either());
    }
    return families::tensor_of(families::ratio(both, either, zero_division));
  }
  double sum = 0, weights = 0;
  for (const Overlap<N>& o : overlaps) {
    const double weight =
        average == Average::Weighted ? families::as_double(o.target) : families::as_double(o.is_averaged ? 1 : 0);
    sum += weight * score(o);
    weights += weight;
  }
  return families::tensor_of(sum / weights);
}

Tensor averaged_labels(const Tensor& counts, Average average, double zero_division) {
  return counts.is_floating_point() ? averaged(overlaps_of_labels<double>(counts), average, zero_division)
                                    : averaged(overlaps_of_labels<int64_t>(counts), average, zero_division);
}

}  // namespace

Tensor scores::JaccardIndex::value(const Tensor& confusion, const BinaryJaccardIndexOptions& o) {
  return averaged_labels(confusion.unsqueeze(0), Average::Micro, o.zero_division).to(confusion.device());
}

Tensor scores::JaccardIndex::value(const Tensor& confusion, const MulticlassJaccardIndexOptions& o) {
  const auto of_classes = [&](const auto& table) {
    return averaged(overlaps_of_classes(table, o.ignore_index), o.average, o.zero_division);
  };
  return classification::confusion::with_table(confusion, of_classes).to(confusion.device());
}

Tensor scores::JaccardIndex::value(const Tensor& confusion, const MultilabelJaccardIndexOptions& o) {
  return averaged_labels(confusion, o.average, o.zero_division).to(confusion.device());
}

METRICS_DEFINE_TASKS(JaccardIndex);

}  // namespace metrics
