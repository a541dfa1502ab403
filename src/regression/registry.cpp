#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>

namespace metrics {

namespace {

constexpr std::string_view domain = "regression";

/// The entry of `M` whose functional is called as `call(preds, target, options)`.
template <class M, auto call>
MetricEntry entry_with() {
  MetricEntry made = entry<M>(domain);
  made.call = [](const Args& args, const Kwargs& kwargs) -> c10::IValue {
    using D = typename M::Definition;
    Kwargs options, inputs;
    for (const auto& [name, value] : kwargs) {
      const bool is_input = std::find(D::inputs.begin(), D::inputs.end(), name) != D::inputs.end();
      (is_input ? inputs : options).emplace(name, value);
    }
    const auto [preds, target] = detail::inputs_from_dynamic<D>(args, inputs);
    return call(preds, target, options_from<typename M::Options>(options, D::name));
  };
  return made;
}

/// torchmetrics' functional takes the number of outputs from its inputs.
Tensor pearson(const Tensor& preds, const Tensor& target, const PearsonCorrCoefOptions&) {
  return functional::pearson_corrcoef(preds, target);
}

}  // namespace

Domain regression_domain() {
  return {.name = domain,
          .metrics = {entry_with<MeanAbsoluteError, functional::mean_absolute_error>(),
                      entry_with<MeanSquaredError, functional::mean_squared_error>(),
                      entry_with<PearsonCorrCoef, pearson>(), entry_with<R2Score, functional::r2_score>()},
          .routers = {}};
}

}  // namespace metrics
