#include "families/numbers.h"
#include "families/pairs.h"
#include "ranged_ranks.h"
#include "ranks.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/spearman.h>

#include <ATen/ops/full.h>

#include <cmath>
#include <limits>

namespace metrics {

namespace definitions {

void SpearmanCorrCoef::check(const Options& options) {
  families::pairs::check_num_outputs(options.num_outputs);
}

void SpearmanCorrCoef::declare(States& states, const Options&) {
  for (const char* state : {"preds", "target"}) states.add(state, Reduction::Cat);
  states.add_row_weights();
}

void SpearmanCorrCoef::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  if (!preds.is_floating_point() || !target.is_floating_point()) {
    throw InvalidArgument(
        c10::str("inputs of floating dtypes expected, got ", preds.scalar_type(), " and ", target.scalar_type()));
  }
  families::pairs::check_pairs(preds, target);
  if (options.num_outputs > 1 || preds.dim() != 1) families::pairs::check_outputs(preds, options.num_outputs);
  const bool flat = options.num_outputs == 1;
  regression::append_pairs(states, flat ? preds.reshape({-1}) : preds, flat ? target.reshape({-1}) : target);
}

std::shared_ptr<const RangedValue> SpearmanCorrCoef::ranged(const Options& options) {
  return regression::ranged_rank_sums(options.num_outputs);
}

Tensor SpearmanCorrCoef::finalise(const States& states, const Options& options) {
  const State &preds = states["preds"], &target = states["target"];
  const RangedParts* const parts = states.parts();
  const State* const row_weights = states.row_weights();
  const bool weigh = row_weights != nullptr && row_weights->rows() > 0;
  const Tensor weights = weigh ? row_weights->tensor().to(at::kCPU, at::kDouble).contiguous() : Tensor();
  Tensor values = at::full({options.num_outputs}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  for (int64_t column = 0; (preds.rows() > 0 || parts != nullptr) && column < options.num_outputs; ++column) {
    const regression::RankSums sums = parts != nullptr
                                          ? regression::rank_sums(parts->columns[static_cast<std::size_t>(column)])
                                          : regression::rank_sums(regression::column_in(preds, column),
                                                                  regression::column_in(target, column), weights);
    const double value = sums.correlation();
    values.mutable_data_ptr<double>()[column] = value;
    if (std::isnan(value)) {
      warn("SpearmanCorrCoef: predictions or targets do not vary, or have NaN: the correlation of their ranks is NaN");
    }
  }
  return families::pairs::of_outputs(values);
}

void SpearmanCorrCoef::complete_from_torchmetrics(States& states, const Options& options) {
  for (const char* kept : {"preds", "target"}) {
    State& state = states[kept];
    const bool is_column = state.rows() > 0 && options.num_outputs == 1 && state.tensor().dim() == 2;
    if (is_column && state.tensor().size(1) == 1) state.assign(state.tensor().reshape({-1}), {}, {});
  }
  regression::check_kept_pairs(states,
                               options.num_outputs == 1 ? at::IntArrayRef{} : at::IntArrayRef{options.num_outputs});
}

Tensor SpearmanCorrCoef::functional_value(const Tensor& preds, const Tensor& target, const Rows& rows) {
  const int64_t columns = preds.dim() == 2 ? preds.size(1) : 1;
  const Tensor value = MetricOf<SpearmanCorrCoef>::value_of({.num_outputs = columns}, {preds, target}, rows);
  return preds.dim() == 2 ? value.reshape({columns}) : value;
}

}  // namespace definitions

METRICS_DEFINE_CLASS(SpearmanCorrCoef);

}  // namespace metrics
