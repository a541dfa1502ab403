#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace metrics {

namespace regression {

/// By what the concordant pairs less the discordant ones are divided.
enum class KendallVariant {
  A,  ///< Concordant and discordant pairs.
  B,  ///< The root of the pairs that do not tie in predictions times those that do not in targets.
  C,  ///< The most that they can be for so many different numbers.
};

/// What a test of significance holds against no association.
enum class Alternative { TwoSided, Less, Greater, None };

/// The coefficient, or with a test the coefficient and the probability.
using KendallValue = std::variant<Tensor, std::vector<Tensor>>;

}  // namespace regression

template <>
inline constexpr std::array<std::string_view, 3> enum_names<regression::KendallVariant>{"a", "b", "c"};
template <>
inline constexpr std::array<std::string_view, 4> enum_names<regression::Alternative>{"two-sided", "less", "greater",
                                                                                     "none"};

/// Those of the functional, which takes the outputs that come.
struct KendallRankCorrCoefFunctionalOptions {
  /// By what the difference of concordant and discordant pairs is divided.
  regression::KendallVariant variant = regression::KendallVariant::B;
  /// Whether to give the probability of such a coefficient without an association, too.
  bool t_test = false;
  /// What the test holds against no association; needed for a test.
  regression::Alternative alternative = regression::Alternative::TwoSided;

  static constexpr auto fields() {
    return metrics::fields<&KendallRankCorrCoefFunctionalOptions::variant,
                           &KendallRankCorrCoefFunctionalOptions::t_test,
                           &KendallRankCorrCoefFunctionalOptions::alternative>();
  }
};

struct KendallRankCorrCoefOptions {
  /// By what the difference of concordant and discordant pairs is divided.
  regression::KendallVariant variant = regression::KendallVariant::B;
  /// Whether to give the probability of such a coefficient without an association, too.
  bool t_test = false;
  /// What the test holds against no association; needed for a test.
  regression::Alternative alternative = regression::Alternative::TwoSided;
  /// Columns of the inputs, each with a coefficient of its own.
  int64_t num_outputs = 1;

  static constexpr auto fields() {
    return metrics::fields<&KendallRankCorrCoefOptions::variant, &KendallRankCorrCoefOptions::t_test,
                           &KendallRankCorrCoefOptions::alternative, &KendallRankCorrCoefOptions::num_outputs>();
  }
};

namespace definitions {

struct KendallRankCorrCoef {
  static constexpr std::string_view name = "KendallRankCorrCoef";
  static constexpr std::string_view functional = "kendall_rank_corrcoef";
  using Options = KendallRankCorrCoefOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static regression::KendallValue finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static regression::KendallValue functional_value(const Tensor& preds, const Tensor& target,
                                                   const KendallRankCorrCoefFunctionalOptions& options,
                                                   const Rows& rows);
};

}  // namespace definitions

/// Computes the rank correlation of predictions and targets from the pairs of samples in whose order both agree
/// (concordant) or disagree (discordant), in O(n log n): (c - d) / (c + d) with `variant` a, (c - d) / √((p - p_x)(p -
/// p_y)) with b, where p are all pairs and p_x, p_y those that tie, and 2 (c - d) / (n² (m - 1) / m) with c, where m is
/// the smaller number of different numbers. With `t_test` also the probability of such a coefficient where there is no
/// association, by the normal approximation, corrected for ties with b and c. It keeps all numbers: 8 bytes a pair, 16
/// of float64 and integer inputs. NaN where the ratio is 0 / 0 and where one side has NaN. `preds` and `target`: [N] or
/// [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also two different ones.
/// Throws InvalidArgument for `num_outputs` below 1, for a test without `alternative`, for shapes that differ or do not
/// fit `num_outputs`, and for complex inputs. Source: torchmetrics' KendallRankCorrCoef; the values of b and c, and the
/// test, as in scipy's kendalltau; Knight (1966), A computer method for calculating Kendall's tau.
METRICS_CLASS(KendallRankCorrCoef);

namespace functional {

/// The same of one batch, [N] or [N, M], in float32. Source: torchmetrics'
/// kendall_rank_corrcoef.
inline constexpr Functional<definitions::KendallRankCorrCoef> kendall_rank_corrcoef{};

}  // namespace functional
}  // namespace metrics
