#include "plain.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/bucketize.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <cmath>

namespace metrics::classification::curves::plain {
namespace {

/// float64 or float32, as the kernels read scores.
Tensor wide_scores(const Tensor& scores) {
  return scores.scalar_type() == at::kDouble ? scores : scores.to(at::kFloat);
}

template <class T>
Tensor reached(const Tensor& scores, const Lookup<T>& lookup) {
  std::vector<T> cuts;
  for (const T cut : lookup.cuts) {
    if (!std::isnan(cut)) cuts.push_back(cut);
  }
  const Tensor boundaries = at::tensor(cuts, at::TensorOptions().dtype(scores.scalar_type())).to(scores.device());
  return at::where(scores == scores, at::bucketize(scores, boundaries, /*out_int32=*/false, /*right=*/true), 0);
}

/// Adds the taken elements of buckets, labels and targets, all of one shape, to a table.
void add_to(const Tensor& table, const Tensor& buckets, const Tensor& label, const Tensor& target,
            const Tensor& taken) {
  const int64_t labels = table.numel() / (4 * table.size(0));
  const Tensor above = (buckets > 0).to(at::kLong);
  const Tensor place = (((buckets - above) * labels + label) * 2 + target) * 2 + above;
  Tensor flat = table.view({-1});
  flat.add_(at::bincount(place.masked_select(taken), {}, flat.numel()));
}

template <class T>
void questions_of(const Tables& tables, const Tensor& scores, const Tensor& codes, const CurvePlan::Bins& bins) {
  const auto& lookup = bins.scores<T>();
  const Tensor buckets = reached(scores, lookup.lookup);
  const Tensor label = at::arange(scores.size(1), codes.options().dtype(at::kLong)).view({-1, 1}).expand_as(scores);
  const Tensor taken = (codes == 0) | (codes == 1);
  const auto add = [&](const Tensor& table, const std::vector<int32_t>& reading) {
    if (!table.defined()) return;
    const Tensor thresholds = at::tensor(reading, at::TensorOptions().dtype(at::kLong)).to(scores.device());
    add_to(table, thresholds.index_select(0, buckets.reshape({-1})).view_as(buckets), label, codes.to(at::kLong),
           taken);
  };
  add(tables.as_probability, lookup.as_probability);
  add(tables.as_logit, lookup.as_logit);
}

template <class T>
void classes_of(const Tables& tables, const Tensor& scores, const Tensor& target, const CurvePlan::Bins& bins) {
  const auto& lookup = bins.probabilities<T>();
  const Tensor label = at::arange(scores.size(1), target.options().dtype(at::kLong)).expand_as(scores);
  const Tensor own = (target.unsqueeze(1) == label).to(at::kLong);
  const Tensor taken = ((target >= 0) & (target < scores.size(1))).unsqueeze(1).expand_as(scores);
  if (tables.as_probability.defined()) add_to(tables.as_probability, reached(scores, lookup), label, own, taken);
  if (!tables.as_logit.defined()) return;
  add_to(tables.as_logit, reached(softmax(scores), lookup), label, own, taken);
}

}  // namespace

void count_questions(const Tables& tables, const Tensor& scores, const Tensor& codes, const CurvePlan::Bins& bins) {
  const Tensor wide = wide_scores(scores);
  wide.scalar_type() == at::kDouble ? questions_of<double>(tables, wide, codes, bins)
                                    : questions_of<float>(tables, wide, codes, bins);
}

void count_classes(const Tables& tables, const Tensor& scores, const Tensor& target, const CurvePlan::Bins& bins) {
  const Tensor wide = wide_scores(scores);
  wide.scalar_type() == at::kDouble ? classes_of<double>(tables, wide, target, bins)
                                    : classes_of<float>(tables, wide, target, bins);
}

Tensor softmax(const Tensor& scores) {
  const Tensor wide = scores.to(at::kDouble);
  const Tensor greatest = wide.amax(1, /*keepdim=*/true);
  return at::softmax(at::where(wide == greatest, 0.0, wide - greatest), 1).to(scores.scalar_type());
}

kernels::Seen look(const Tensor& scores, const Tensor& taken) {
  return {.outside = (((scores < 0) | (scores > 1)) & taken).any().item<bool>(),
          .nan = ((scores != scores) & taken).any().item<bool>()};
}

}  // namespace metrics::classification::curves::plain
