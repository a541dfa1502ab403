#pragma once

#include <metrics/core/metric_of.h>

#include <string_view>

namespace metrics {

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
/// Options other than the family's own convert to those.
template <class Counting, class Score, class O = typename Counting::Options>
struct Scored : Counting {
  using Options = O;
  static constexpr std::string_view name = Score::classes.*Counting::task;
  static constexpr std::string_view functional = Score::functionals.*Counting::task;
  static constexpr MetricTraits traits = Score::traits;

  static Tensor finalise(const States& states, const Options& options) {
    return Score::value(Counting::counted(states, options), options);
  }
  static Options example() {
    Options options{};
    if constexpr (requires { options.num_classes; }) options.num_classes = 3;
    if constexpr (requires { options.num_labels; }) options.num_labels = 3;
    return options;
  }
};

}  // namespace metrics
