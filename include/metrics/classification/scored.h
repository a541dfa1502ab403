#pragma once

#include <metrics/core/metric_of.h>

#include <concepts>
#include <string>
#include <string_view>

namespace metrics {

namespace detail {

/// Options that show a metric where no others are asked for: three of what is counted, and half of what is a share.
template <class O>
O example_of() {
  O options = with_defaults<O>([]<class Each>(Each) {
    using Value = typename Each::Type::Value;
    return typename Each::Type(std::floating_point<Value> ? static_cast<Value>(0.5) : static_cast<Value>(3));
  });
  if constexpr (requires { options.num_classes; }) options.num_classes = 3;
  return options;
}

}  // namespace detail

/// What something is called for each of the tasks that it exists for.
struct TaskNames {
  std::string_view binary{}, multiclass{}, multilabel{};
};

/// The definition of one task's metric of a family: `Counting` has what its members share, up to what was counted, and
/// `Score` what one of them adds to that, for all tasks:
///
///   struct Counting {
///     static constexpr auto task = &TaskNames::binary;
///     static Counted counted(const States&, const Options&);
///     …                                              // the rest of a definition but its finalise
///   };
///   struct Score {
///     static constexpr TaskNames classes, functionals;   // torchmetrics' names
///     static constexpr MetricTraits traits;
///     static Tensor value(const Counted&, const Options&);
///   };
///
/// Of other options than the family's own it takes its own by name.
template <class Counting, class Score, class O = typename Counting::Options>
struct Scored : Counting {
  using Options = O;
  static constexpr std::string_view name = Score::classes.*Counting::task;
  static constexpr std::string_view functional = Score::functionals.*Counting::task;
  static constexpr MetricTraits traits = Score::traits;

  static void check(const O& options) { Counting::check(of_family(options)); }
  static void declare(States& states, const O& options) { Counting::declare(states, of_family(options)); }
  static void update(States& states, const O& options, const Tensor& preds, const Tensor& target) {
    Counting::update(states, of_family(options), preds, target);
  }
  static std::string update_key(const O& options) { return Counting::update_key(of_family(options)); }
  static void complete_from_torchmetrics(States& states, const O& options)
      requires requires(typename Counting::Options own) { Counting::complete_from_torchmetrics(states, own); }
  { Counting::complete_from_torchmetrics(states, of_family(options)); }
  static Tensor finalise(const States& states, const O& options) {
    return Score::value(Counting::counted(states, of_family(options)), options);
  }
  static O example() { return detail::example_of<O>(); }
  static typename Counting::Options of_family(const O& options) { return subset<typename Counting::Options>(options); }
};

}  // namespace metrics
