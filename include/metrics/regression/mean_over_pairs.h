#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string_view>

namespace metrics {

/// Under which names torchmetrics keeps a sum over pairs and the number of pairs.
struct PairSums {
  const char* sum;
  const char* total = "total";             ///< Null where it keeps no number.
  at::ScalarType total_dtype = at::kLong;  ///< In its state dicts.
};

/// What the metrics share that sum a term of each pair of a prediction and a target: all of a definition but its name.
/// `METRICS_METRIC(Name, functional_name, MeanOverPairs<Term>)` is one of them, and its term says the rest:
///
///   struct AbsoluteError {
///     using Options = …;                       // with `num_outputs`, each column has a sum and a value
///     static constexpr PairSums states{.sum = "sum_abs_error"};
///     struct Formula;                          // in the source: f(x, y) of numbers and of tensors, and where the
///                                              // value is not sum / total, a static value(sum, total, options), too,
///                                              // without a total value(sum, options). Where the total is a sum of
///                                              // its own, scale(x, y) is what it sums; where there are no terms of
///                                              // some numbers, check_least(x, y) refuses the least of a batch
///     // Optional: the numbers of the formula; names of the inputs other than preds and target; what is refused; that
///     // one output is one column, [N] or [N, 1]; traits other than those of an error.
///     static Formula formula(const Options&);
///     static constexpr std::array<std::string_view, 2> inputs;
///     static void check(const Options&);
///     static constexpr bool takes_columns_alone = true;
///     static constexpr MetricTraits traits;
///   };
///
/// Its source includes families/mean_over_pairs.h.
template <class Term>
struct MeanOverPairs {
  using Options = typename Term::Options;
  static constexpr std::array<std::string_view, 2> inputs = [] {
    if constexpr (requires { Term::inputs; }) {
      return Term::inputs;
    } else {
      return std::array<std::string_view, 2>{"preds", "target"};
    }
  }();
  static constexpr MetricTraits traits = [] {
    if constexpr (requires { Term::traits; }) {
      return Term::traits;
    } else {
      return MetricTraits{.higher_is_better = false, .is_differentiable = true, .commits_last = true};
    }
  }();
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
  static Options example() {
    if constexpr (requires { Term::example(); }) {
      return Term::example();
    } else {
      return {};
    }
  }
};

}  // namespace metrics
