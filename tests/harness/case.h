#pragma once

#include "batches.h"
#include "value.h"

#include <optional>
#include <string>
#include <vector>

namespace metrics::testing {

/// Options by name, as `metrics::create` takes them.
using Options = Kwargs;

/// One metric with its options, on some batches, and what is expected of it; or one call of a functional that belongs
/// to no class: then `metric` is empty. What is not given is not compared with anything outside: then all ways of
/// playing the case have to agree with one another.
struct Case {
  std::string name;
  /// A name that `metrics::create` knows. A MetricTracker is played in its first step.
  std::string metric;
  Options options = {};
  /// Inputs by name; sample ids, where the case is about them, under `ids_name`.
  std::vector<Batch> batches = {};
  /// All batches as one, where joining them along the rows does not give it (inputs that are broadcast).
  std::optional<Batch> whole = {};
  /// For each batch a bool vector of the rows that are valid; none: all do.
  std::vector<at::Tensor> valid = {};

  /// The value of each batch alone, of all together, and of the functional on all together.
  std::vector<c10::IValue> forward = {};
  std::optional<c10::IValue> final = {};
  std::string functional = {};
  Options functional_options = {};
  /// The inputs that the functional takes; none: all.
  std::vector<std::string> functional_inputs = {};
  /// All that it is given, where it takes other inputs and options than the class.
  std::optional<Kwargs> functional_call = {};
  std::optional<c10::IValue> functional_value = {};
  Tolerance tolerance = {};

  /// Permuting rows permutes the value likewise, instead of leaving it as it is.
  bool rows_permute = false;
  /// Whether updating warns of NaN; unset: either.
  std::optional<bool> warns = {};
  /// Names of ways that this case's contract excludes, each with the reason.
  std::map<std::string, std::string, std::less<>> excludes = {};
};

/// Options or inputs that must be refused.
struct Misuse {
  std::string name;
  std::string metric;
  Options options = {};
  /// The last one is refused; where there is none, the options are.
  std::vector<Batch> batches = {};
  /// Whether the last one is taken, and `compute` refuses what it makes of the states.
  bool at_compute = false;
  /// A functional that belongs to no class, and all that it is given: then there is no metric.
  std::string functional = {};
  Kwargs functional_call = {};
  /// What the error's message has to contain, whatever the case of its letters.
  std::string contains = {};
};

}  // namespace metrics::testing
