#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <array>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace c10 {
struct IValue;
}

namespace metrics {

namespace retrieval {

/// How the values of the queries become one.
enum class Aggregation {
  Mean,
  Median,  ///< Of an even number of values the lower of the two in the middle; of weighted ones the least up to which
           ///< they have half of all weight.
  Min,
  Max,
};

/// The values of queries, and what these weigh: above 0, and empty where all weigh 1.
struct QueryValues {
  std::vector<double> values{};
  std::vector<double> weights{};
};

/// The same by name, or by a function of the user's.
class METRICS_API QueryAggregation {
 public:
  /// Takes the values of the queries, float64 [queries] on the states' device and never empty, by ascending index, each
  /// as often as its query weighs.
  using Function = std::function<Tensor(const Tensor& values)>;

  QueryAggregation(Aggregation named) : way_(named) {}
  template <class F>
  requires(std::is_invocable_r_v<Tensor, F&, const Tensor&>) QueryAggregation(F function)
      : way_(std::make_shared<const Function>(std::move(function))) {}

  /// Nothing where it is a function.
  std::optional<Aggregation> named() const;
  /// Returns the values as one, 0 of none. Throws InvalidArgument where a function gives no tensor, and where there is
  /// one for weights that are not integers.
  Tensor of(const QueryValues& values, at::Device device) const;

 private:
  std::variant<Aggregation, std::shared_ptr<const Function>> way_;
};

}  // namespace retrieval

template <>
inline constexpr std::array<std::string_view, 4> enum_names<retrieval::Aggregation> = {"mean", "median", "min", "max"};

template <class T>
struct Codec;
/// In the dynamic face by name alone.
template <>
struct METRICS_API Codec<retrieval::QueryAggregation> {
  static std::string type();
  static std::optional<retrieval::QueryAggregation> read(const c10::IValue& v);
  static c10::IValue write(const retrieval::QueryAggregation& aggregation);
};

}  // namespace metrics
