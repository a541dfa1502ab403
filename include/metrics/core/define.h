#pragma once

#include <metrics/core/autograd_scope.h>
#include <metrics/core/batch_inputs.h>
#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/core/readable.h>
#include <metrics/core/registry.h>

#include <algorithm>
#include <array>
#include <variant>

// The bodies of MetricOf, for the one source file that defines a metric. A user's own metric may include this beside
// its definition instead.

/// Instantiates the metric of a definition in its source.
#define METRICS_DEFINE(Definition) template class ::metrics::MetricOf<Definition>

/// Defines the class that METRICS_CLASS or METRICS_METRIC has declared.
#define METRICS_DEFINE_CLASS(Name)                         \
  METRICS_DEFINE(definitions::Name);                       \
  std::unique_ptr<::metrics::Metric> Name::clone() const { \
    return std::make_unique<Name>(*this);                  \
  }                                                        \
  static_assert(true)

namespace metrics {

namespace detail {

/// Where a tensor stands among the inputs, such as `preds[2].boxes`; a text in errors alone.
struct Place {
  std::string_view name;  ///< Of an input or a member; empty for an element.
  int64_t index = -1;
  const Place* in = nullptr;

  METRICS_API std::string text() const;
};

/// Calls f(tensor, place) for each tensor of an input.
template <class F>
void each_tensor(const Tensor& input, const Place& place, F&& f) {
  f(input, place);
}
template <class F>
void each_tensor(const Values& input, const Place& place, F&& f) {
  if (!input.is_number()) f(input.tensor(), place);
}
template <class T, class F>
void each_tensor(const T& input, const Place& place, F&& f);
template <class T, class F>
void each_tensor(const std::vector<T>& input, const Place& place, F&& f);
template <class T, class F>
void each_tensor(const std::optional<T>& input, const Place& place, F&& f) {
  if (input) each_tensor(*input, place, f);
}
template <class T, class F>
void each_tensor(const std::vector<T>& input, const Place& place, F&& f) {
  for (std::size_t i = 0; i < input.size(); ++i) {
    each_tensor(input[i], Place{.name = {}, .index = static_cast<int64_t>(i), .in = &place}, f);
  }
}
template <class T, class F>
void each_tensor([[maybe_unused]] const T& input, [[maybe_unused]] const Place& place, [[maybe_unused]] F&& f) {
  if constexpr (HasFields<T>) {
    T::fields().for_each([&](auto field) { each_tensor(field.of(input), Place{.name = field.name, .in = &place}, f); });
  }
}

/// Gives numbers that are kept negated, as the imaginary part of a conjugate, memory of their own: kernels read that.
METRICS_API void resolve(Tensor& input);
METRICS_API void resolve(Values& input);
template <class T>
void resolve(T& input);
template <class T>
void resolve(std::vector<T>& input);
template <class T>
void resolve(std::optional<T>& input) {
  if (input) resolve(*input);
}
template <class T>
void resolve(std::vector<T>& input) {
  for (T& each : input) resolve(each);
}
template <class T>
void resolve([[maybe_unused]] T& input) {
  if constexpr (HasFields<T>) {
    T::fields().for_each([&](auto field) { resolve(field.of(input)); });
  }
}

/// Rows of an input along its first dimension; nothing for scalars.
METRICS_API std::optional<int64_t> row_count(const Tensor& input);
inline std::optional<int64_t> row_count(const Values& input) {
  return row_count(input.tensor());
}
inline std::optional<int64_t> row_count(const Texts& input) {
  return static_cast<int64_t>(input.size());
}
template <class T>
std::optional<int64_t> row_count(const T& input);
template <class T>
std::optional<int64_t> row_count(const std::vector<T>& input) {
  return static_cast<int64_t>(input.size());
}
template <class T>
std::optional<int64_t> row_count(const std::optional<T>& input) {
  return input ? row_count(*input) : std::nullopt;
}
template <class T>
std::optional<int64_t> row_count(const T&) {
  return std::nullopt;
}

/// The rows of an input at `kept` (int64); scalars stay.
METRICS_API Tensor select_rows(const Tensor& input, const Tensor& kept);
inline Values select_rows(const Values& input, const Tensor& kept) {
  return input.is_number() ? input : Values(select_rows(input.tensor(), kept));
}
METRICS_API std::vector<std::size_t> kept_indices(const Tensor& kept);
template <class T>
T select_rows(const T& input, const Tensor& kept);
template <class T>
std::vector<T> select_rows(const std::vector<T>& input, const Tensor& kept) {
  std::vector<T> selected;
  for (std::size_t index : kept_indices(kept)) selected.push_back(input.at(index));
  return selected;
}
inline Texts select_rows(const Texts& input, const Tensor& kept) {
  return Texts(select_rows(input.all(), kept));
}
template <class T>
std::optional<T> select_rows(const std::optional<T>& input, const Tensor& kept) {
  return input ? std::optional<T>(select_rows(*input, kept)) : std::nullopt;
}
template <class T>
T select_rows(const T& input, const Tensor&) {
  return input;
}

/// The indices (int64) of the rows that are valid.
METRICS_API Tensor valid_indices(const Rows& rows);
[[noreturn]] METRICS_API void throw_row_mismatch(std::string_view what, std::string_view input, int64_t rows,
                                                 int64_t expected);

/// The form in which users get results. Whether one-element tensors are scalars, because torchmetrics' classes make
/// them such, and its functionals do not.
struct ResultForm {
  at::ScalarType dtype;  ///< Of floating tensors.
  bool one_element_is_scalar;
};

METRICS_API Tensor finished_tensor(const Tensor& value, const ResultForm& form);

/// The result in that form, sharing no tensor with a state.
inline Tensor finished(const Tensor& value, const ResultForm& form) {
  return finished_tensor(value, form);
}
template <class T>
T finished(const T& value, const ResultForm& form);
template <class T>
std::vector<T> finished(const std::vector<T>& values, const ResultForm& form) {
  std::vector<T> result;
  for (const T& value : values) result.push_back(finished(value, form));
  return result;
}
template <class T>
std::map<std::string, T> finished(const std::map<std::string, T>& values, const ResultForm& form) {
  std::map<std::string, T> result;
  for (const auto& [name, value] : values) result.emplace(name, finished(value, form));
  return result;
}
template <class... T>
std::variant<T...> finished(const std::variant<T...>& value, const ResultForm& form) {
  return std::visit([&](const auto& held) { return std::variant<T...>(finished(held, form)); }, value);
}
template <class T>
T finished(const T& value, const ResultForm& form) {
  T result = value;
  if constexpr (HasFields<T>) {
    T::fields().for_each([&](auto field) { field.of(result) = finished(field.of(value), form); });
  }
  return result;
}

/// A copy that shares no tensor with `value`.
METRICS_API Tensor separate(const Tensor& value);
template <class T>
std::vector<T> separate(const std::vector<T>& values);
template <class... T>
std::variant<T...> separate(const std::variant<T...>& value) {
  return std::visit([](const auto& held) { return std::variant<T...>(separate(held)); }, value);
}
template <class T>
T separate(const T& value) {
  T result = value;
  if constexpr (HasFields<T>) {
    T::fields().for_each([&](auto field) { field.of(result) = separate(field.of(value)); });
  }
  return result;
}
template <class T>
std::vector<T> separate(const std::vector<T>& values) {
  std::vector<T> result;
  for (const T& value : values) result.push_back(separate(value));
  return result;
}
template <class T>
std::map<std::string, T> separate(const std::map<std::string, T>& values) {
  std::map<std::string, T> result;
  for (const auto& [name, value] : values) result.emplace(name, separate(value));
  return result;
}

METRICS_API c10::IValue tuple_of(std::vector<c10::IValue> elements);

/// Results in the dynamic face: structs become tuples, as torchmetrics returns them.
template <class T>
c10::IValue to_ivalue(const T& value) {
  if constexpr (HasFields<T>) {
    std::vector<c10::IValue> elements;
    T::fields().for_each([&](auto field) { elements.push_back(to_ivalue(field.of(value))); });
    return tuple_of(std::move(elements));
  } else {
    return Codec<T>::write(value);
  }
}
template <class... T>
c10::IValue to_ivalue(const std::variant<T...>& value);
template <class T>
c10::IValue to_ivalue(const std::vector<T>& values) {
  std::vector<c10::IValue> elements;
  for (const T& value : values) elements.push_back(to_ivalue(value));
  return list_of(std::move(elements));
}
template <class T>
c10::IValue to_ivalue(const std::map<std::string, T>& values) {
  std::map<std::string, c10::IValue> entries;
  for (const auto& [name, value] : values) entries.emplace(name, to_ivalue(value));
  return dict_of(entries);
}

template <class... T>
c10::IValue to_ivalue(const std::variant<T...>& value) {
  return std::visit([](const auto& held) { return to_ivalue(held); }, value);
}

/// The parts of a result: of a struct its fields, else one that is called "value".
template <class R>
std::vector<OutputInfo> output_infos() {
  std::vector<OutputInfo> infos;
  if constexpr (HasFields<R>) {
    R::fields().for_each([&](auto field) { infos.push_back({field.name, description(type_name<R>(), field.name)}); });
  } else {
    infos.push_back({"value", {}});
  }
  return infos;
}

/// `misfit` says what is wrong within a value that is too long to be shown.
[[noreturn]] METRICS_API void throw_input_type(std::string_view what, std::string_view input,
                                               const std::string& expected, const c10::IValue& given,
                                               const std::string& misfit);
/// Checks the names and the number of inputs and returns each input's value (null where left out).
METRICS_API std::vector<const c10::IValue*> bind_inputs(std::string_view what, const std::string_view* names,
                                                        const bool* optional, std::size_t count, const Args& args,
                                                        const Kwargs& kwargs);

/// The inputs `Inputs`, which are called `names`, out of those that are given.
template <class Inputs, class Names>
Inputs inputs_from_dynamic(std::string_view what, const Names& names, const Args& args, const Kwargs& kwargs) {
  constexpr std::size_t count = std::tuple_size_v<Inputs>;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    constexpr bool optional[count + 1] = {is_optional<std::tuple_element_t<I, Inputs>>..., false};
    const auto bound = bind_inputs(what, names.data(), optional, count, args, kwargs);
    auto input = [&]<std::size_t K>() -> std::tuple_element_t<K, Inputs> {
      using Type = std::tuple_element_t<K, Inputs>;
      if constexpr (is_optional<Type>) {
        if (!bound[K]) return std::nullopt;
      }
      auto value = Codec<Type>::read(*bound[K]);
      if (!value) throw_input_type(what, names[K], Codec<Type>::type(), *bound[K], misfit<Type>(*bound[K]));
      return std::move(*value);
    };
    return Inputs{input.template operator()<I>()...};
  }
  (std::make_index_sequence<count>{});
}

template <class D>
typename MetricOf<D>::Inputs inputs_from_dynamic(const Args& args, const Kwargs& kwargs) {
  return inputs_from_dynamic<typename MetricOf<D>::Inputs>(D::name, D::inputs, args, kwargs);
}

template <class D>
concept HasOwnMerge = requires(States& into, const States& from, const typename KeptOptions<D>::Type& options) {
  D::merge(into, from, options);
};
template <class D>
concept HasPartialReset = requires(const typename KeptOptions<D>::Type& options, std::string_view state) {
  D::keeps_on_reset(options, state);
};
template <class D>
concept HasExample = requires {
  D::example();
};
template <class D>
concept HasFunctional = requires {
  D::functional;
};

/// Calls f(input, name) for each input.
template <class Names, class Inputs, class F>
void each_input(const Names& names, const Inputs& inputs, F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(std::get<I>(inputs), std::string_view(names[I])), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<Inputs>>{});
}
template <class D, class Inputs, class F>
void each_input(const Inputs& inputs, F&& f) {
  each_input(D::inputs, inputs, f);
}

/// A definition that says `static constexpr bool takes_complex = true` is given complex numbers, too.
template <class D>
concept TakesComplex = requires {
  requires D::takes_complex;
};

/// Throws InvalidArgument naming `what` for an input that is not readable. Returns whether one is kept negated.
template <class Names, class Inputs>
bool check_readable_inputs(std::string_view what, const Names& names, const Inputs& inputs, bool takes_complex) {
  bool negated = false;
  each_input(names, inputs, [&](const auto& input, std::string_view name) {
    each_tensor(input, Place{.name = name}, [&](const Tensor& tensor, const Place& place) {
      const bool readable = is_readable(tensor) || (takes_complex && has_elements(tensor) && tensor.is_complex());
      if (!readable) throw_unreadable(what, place.text(), tensor);
      negated = negated || tensor.is_neg();
    });
  });
  return negated;
}
template <class D, class Inputs>
bool check_readable_inputs(const Inputs& inputs) {
  return check_readable_inputs(D::name, D::inputs, inputs, TakesComplex<D>);
}

/// The inputs of a functional, with memory of their own where they are kept negated.
template <class Names, class Inputs>
Inputs readable_inputs(std::string_view what, const Names& names, Inputs inputs) {
  if (check_readable_inputs(what, names, inputs, false)) {
    std::apply([](auto&... each) { (resolve(each), ...); }, inputs);
  }
  return inputs;
}

/// Calls a function with inputs, with options where it takes any, and with what else comes after these.
template <class F, class Options, class Inputs, class... More>
decltype(auto) call_function(F f, const Options& options, const Inputs& inputs, const More&... more) {
  return std::apply(
      [&](const auto&... in) {
        if constexpr (FunctionSignature<F>::takes_options) {
          return f(in..., options, more...);
        } else {
          return f(in..., more...);
        }
      },
      inputs);
}

/// The names of a functional's inputs.
template <class D>
constexpr auto functional_inputs() {
  if constexpr (requires { D::functional_inputs; }) {
    return D::functional_inputs;
  } else {
    return D::inputs;
  }
}

/// The device of the first tensor among the inputs; the CPU where there is none.
template <class D, class Inputs>
at::Device device_of(const Inputs& inputs) {
  std::optional<at::Device> device;
  each_input<D>(inputs, [&](const auto& input, std::string_view) {
    each_tensor(input, Place{}, [&](const Tensor& tensor, const Place&) {
      if (!device) device = tensor.device();
    });
  });
  return device.value_or(at::kCPU);
}

/// Whether one of the inputs is float64.
template <class D, class Inputs>
bool any_double(const Inputs& inputs) {
  bool any = false;
  each_input<D>(inputs, [&](const auto& input, std::string_view) {
    each_tensor(input, Place{},
                [&](const Tensor& tensor, const Place&) { any = any || tensor.scalar_type() == at::kDouble; });
  });
  return any;
}

}  // namespace detail

template <class D>
MetricOf<D>::MetricOf(Options options, MetricOptions common, std::source_location made_at)
    : Unit(std::move(common), made_at), options_(kept(std::move(options))) {
  const AutogradScope scope;
  D::declare(own_states(), options_);
  if constexpr (!detail::HasOwnMerge<D>) require_own_merge();
}

template <class D>
auto MetricOf<D>::kept(Options options) -> Kept {
  return detail::named(D::name, [&] {
    if constexpr (requires { D::check(options); }) D::check(options);
    return Kept(std::move(options));
  });
}

template <class D>
std::unique_ptr<Metric> MetricOf<D>::clone() const {
  return std::make_unique<MetricOf>(*this);
}

template <class D>
bool MetricOf<D>::takes_input(std::string_view name) const {
  return std::find(D::inputs.begin(), D::inputs.end(), name) != D::inputs.end();
}

template <class D>
std::optional<int64_t> MetricOf<D>::check_inputs(const Inputs& inputs, const Rows& rows) const {
  detail::each_input<D>(inputs, [&](const auto& input, std::string_view name) {
    detail::each_tensor(input, detail::Place{.name = name}, [&](const Tensor& tensor, const detail::Place& place) {
      if (!is_here(tensor)) throw_wrong_device(tensor, place.text());
    });
  });
  if (!rows.valid && !rows.ids && !rows.weights) return std::nullopt;
  std::optional<int64_t> expected;
  detail::each_input<D>(inputs, [&](const auto& input, std::string_view name) {
    const auto count = detail::row_count(input);
    if (!count) return;
    if (expected && *count != *expected && !Signature::takes_rows) {
      detail::throw_row_mismatch(D::name, name, *count, *expected);
    }
    if (!expected) expected = count;
  });
  check_rows(rows, expected.value_or(1));
  if (rows.weights && !is_here(*rows.weights)) throw_wrong_device(*rows.weights, "Rows.weights");
  return expected;
}

template <class D>
void MetricOf<D>::fold(States& states, const Inputs& inputs, const Rows& rows) const {
  detail::named(D::name, [&] { fold_checked(states, inputs, rows); });
}

template <class D>
void MetricOf<D>::fold_checked(States& states, const Inputs& inputs, const Rows& rows) const {
  if (detail::check_readable_inputs<D>(inputs)) {
    Inputs resolved = inputs;
    std::apply([](auto&... each) { (detail::resolve(each), ...); }, resolved);
    return fold_checked(states, resolved, rows);
  }
  const std::optional<int64_t> row_count = check_inputs(inputs, rows);
  if (rows.weights) return fold_weighted(states, inputs, row_count, rows);
  if (!states.is_weighted()) return fold_rows(states, inputs, row_count, rows);
  fold_apart(states, [&](States& part) { fold_rows(part, inputs, row_count, rows); });
}

template <class D>
void MetricOf<D>::fold_rows(States& states, const Inputs& inputs, std::optional<int64_t> row_count,
                            const Rows& rows) const {
  if (Signature::takes_rows || !rows.valid) return apply(states, inputs, rows, Weights{});
  const Tensor kept = detail::valid_indices(rows);
  if (!row_count) {  // scalars alone are one row
    if (kept.numel() > 0) apply(states, inputs, rows, Weights{});
    return;
  }
  apply(states, selected(inputs, kept), rows, Weights{});
}

template <class D>
void MetricOf<D>::fold_weighted(States& states, const Inputs& inputs, std::optional<int64_t> row_count,
                                const Rows& rows) const {
  const auto [kept, weights] = detail::weighed_rows(rows, taken_weights());
  if constexpr (Signature::takes_rows) {
    const Rows counted = kept ? detail::with_valid(rows, *kept) : rows;
    if (detail::can_fold(states, weights)) return apply(states, inputs, counted, weights);
    fold_apart(states, [&](States& part) {
      if (!weights.are_integers()) part.weigh();
      apply(part, inputs, counted, weights);
    });
  } else {
    if (!row_count && kept && kept->numel() == 0) return;
    // Copied only where rows are taken out, because to hold a tensor once more costs a tenth of a small update.
    const std::optional<Inputs> of_rows = kept ? std::optional(selected(inputs, *kept)) : std::nullopt;
    const Inputs& taken = of_rows ? *of_rows : inputs;
    if (!weights.given()) {
      if (!states.is_weighted()) return apply(states, taken, rows, weights);
      return fold_apart(states, [&](States& part) { apply(part, taken, rows, weights); });
    }
    if (Signature::takes_weights) {
      if (detail::can_fold(states, weights)) return apply(states, taken, rows, weights);
      fold_apart(states, [&](States& part) {
        if (!weights.are_integers()) part.weigh();
        apply(part, taken, rows, weights);
      });
    } else if (states.can_be_scaled()) {
      fold_apart(states, [&](States& sum) {
        detail::fold_by_weight(sum, weights, [&](States& part, const std::optional<Tensor>& of_weight) {
          apply(part, of_weight ? selected(taken, *of_weight) : taken, rows, Weights{});
        });
      });
    } else if (taken_weights() == RowWeights::Integers) {
      apply(states, selected(taken, detail::repeated_rows(weights)), rows, Weights{});
    } else {  // its states say what kept rows weigh
      fold_apart(states, [&](States& part) {
        apply(part, taken, rows, Weights{});
        part.weigh_rows(weights);
      });
    }
  }
}

template <class D>
void MetricOf<D>::apply(States& states, const Inputs& inputs, [[maybe_unused]] const Rows& rows,
                        [[maybe_unused]] const Weights& weights) const {
  std::apply(
      [&](const auto&... each) {
        if constexpr (Signature::takes_rows) {
          D::update(states, options_, each..., rows);
        } else if constexpr (Signature::takes_weights) {
          D::update(states, options_, each..., weights);
        } else {
          D::update(states, options_, each...);
        }
      },
      inputs);
}

template <class D>
auto MetricOf<D>::selected(const Inputs& inputs, const Tensor& rows) -> Inputs {
  return std::apply([&](const auto&... each) { return Inputs{detail::select_rows(each, rows)...}; }, inputs);
}

template <class D>
RowWeights MetricOf<D>::taken_weights() const {
  if constexpr (requires { D::taken_weights(options_); }) {
    return D::taken_weights(options_);
  } else if constexpr (Signature::takes_weights) {
    return RowWeights::Any;
  } else if constexpr (Signature::takes_rows) {
    return RowWeights::None;
  } else {
    return Unit::taken_weights();
  }
}

template <class D>
std::shared_ptr<const RangedValue> MetricOf<D>::ranged_value() const {
  if constexpr (requires { D::ranged(options_); }) return D::ranged(options_);
  return Unit::ranged_value();
}

template <class D>
States MetricOf<D>::folded(const Inputs& inputs, const Rows& rows) const {
  States batch = states().fresh();
  fold(batch, inputs, rows);
  batch.set_update_count(1);
  return batch;
}

template <class D>
void MetricOf<D>::update_inputs(const Inputs& inputs, const Rows& rows) {
  require_not_synced("update");
  const AutogradScope scope;
  States& states = own_states();
  if constexpr (D::traits.commits_last) {
    fold(states, inputs, rows);
  } else {
    States::Attempt attempt(states);
    fold(states, inputs, rows);
    attempt.succeed();
  }
  states.set_update_count(states.update_count() + 1);
  states_changed();
}

template <class D>
auto MetricOf<D>::forward_inputs(const Inputs& inputs, const Rows& rows) -> Result {
  require_not_synced("forward");
  const AutogradScope scope(D::traits.is_differentiable && at::GradMode::is_enabled());
  States batch = folded(inputs, rows);
  Result value = [&] {
    if constexpr (!detail::HasPartialReset<D>) return finalised(prepare_batch_value(batch).states());
    States beside_kept = reset_states();
    merge_states(beside_kept, batch);
    return finalised(prepare_batch_value(beside_kept).states());
  }();
  accumulate(std::move(batch));
  return value;
}

template <class D>
auto MetricOf<D>::value_of(const Options& options, const Inputs& inputs, const Rows& rows) -> Result {
  const AutogradScope scope(D::traits.is_differentiable && at::GradMode::is_enabled());
  MetricOf metric(options);
  detail::check_readable_inputs<D>(inputs);
  if constexpr (requires { requires D::functional_dtype_of_inputs; }) {
    if (detail::any_double<D>(inputs)) metric.set_dtype(at::kDouble);
  }
  States& states = metric.own_states();
  states.to(detail::device_of<D>(inputs));
  metric.fold(states, inputs, rows);
  states.set_update_count(1);
  const detail::ResultForm as_it_is{.dtype = metric.dtype(), .one_element_is_scalar = false};
  return detail::named(D::name, [&] { return detail::finished(D::finalise(states, metric.options_), as_it_is); });
}

template <class D>
auto MetricOf<D>::call(const FunctionalOptions& options, const FunctionalInputs& inputs, const Rows& rows)
    -> FunctionalResult {
  if constexpr (detail::FunctionalOf<D>::is_own) {
    const auto with_options = [&](const auto&... more) {
      return detail::named(D::functional, [&] {
        const auto readable = detail::readable_inputs(D::functional, detail::functional_inputs<D>(), inputs);
        return detail::call_function(&D::functional_value, options, readable, more...);
      });
    };
    if constexpr (detail::FunctionalOf<D>::takes_rows) {
      return with_options(rows);
    } else {
      detail::require_no_weights(D::functional, rows);
      return with_options();
    }
  } else if constexpr (std::is_same_v<FunctionalOptions, Options>) {
    return value_of(options, inputs, rows);
  } else {
    return value_of(subset<Options>(options), inputs, rows);
  }
}

template <class D>
auto MetricOf<D>::finalised(const States& states) const -> Result {
  const detail::ResultForm form{.dtype = dtype(), .one_element_is_scalar = true};
  return detail::named(D::name, [&] { return detail::finished(D::finalise(states, options_), form); });
}

template <class D>
auto MetricOf<D>::compute() -> Result {
  const AutogradScope scope(D::traits.is_differentiable && records_gradients());
  const ToFinalise ready = prepare_compute();
  if (ready.cached) return detail::separate(*computed_);
  Result value = finalised(ready.states());
  if (keeps_values()) {
    computed_ = detail::separate(value);
    value_cached(ready.ranks);
  }
  return value;
}

template <class D>
std::string MetricOf<D>::describe_options() const {
  return metrics::describe_options<Options>(options_);
}

template <class D>
std::string MetricOf<D>::describe_update() const {
  if constexpr (requires { D::update_key(options_); }) {
    return D::update_key(options_);
  } else {
    return to_string();
  }
}

template <class D>
States MetricOf<D>::states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows, bool gradients) const {
  const AutogradScope scope(D::traits.is_differentiable && gradients);
  return folded(detail::inputs_from_dynamic<D>(args, kwargs), rows);
}

template <class D>
void MetricOf<D>::merge_own(States& into, const States& from) const {
  if constexpr (detail::HasOwnMerge<D>) D::merge(into, from, options_);
}

template <class D>
bool MetricOf<D>::keeps_on_reset(std::string_view state) const {
  if constexpr (detail::HasPartialReset<D>) {
    return D::keeps_on_reset(options_, state);
  } else {
    return false;
  }
}

template <class D>
void MetricOf<D>::show_as_torchmetrics(States& states) const {
  if constexpr (requires { D::show_as_torchmetrics(states, options_); }) D::show_as_torchmetrics(states, options_);
}

template <class D>
void MetricOf<D>::complete_from_torchmetrics(States& states) const {
  if constexpr (requires { D::complete_from_torchmetrics(states, options_); }) {
    D::complete_from_torchmetrics(states, options_);
  }
}

template <class D>
std::string_view MetricOf<D>::flat_list() const {
  if constexpr (requires { D::flat_list; }) {
    return D::flat_list;
  } else {
    return {};
  }
}

template <class D>
std::vector<int64_t> MetricOf<D>::item_shape([[maybe_unused]] const States& states,
                                             [[maybe_unused]] std::size_t item) const {
  if constexpr (requires { D::flat_list; }) {
    return D::item_shape(states, item);
  } else {
    return {};
  }
}

template <class D>
void MetricOf<D>::update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  update_inputs(detail::inputs_from_dynamic<D>(args, kwargs), rows);
}

template <class D>
c10::IValue MetricOf<D>::forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  return detail::to_ivalue(forward_inputs(detail::inputs_from_dynamic<D>(args, kwargs), rows));
}

template <class D>
c10::IValue MetricOf<D>::compute_dynamic() {
  return detail::to_ivalue(compute());
}

namespace detail {

/// Options of which those without a default hold nothing, to be asked for the others.
template <class Options>
Options defaults_of() {
  return with_defaults<Options>([]<class Each>(Each) { return typename Each::Type(typename Each::Type::Value{}); });
}

/// The fields of an options struct, as they are listed.
template <class Options>
std::vector<OptionInfo> option_infos() {
  static constexpr auto fields = Options::fields();
  std::vector<OptionInfo> infos;
  fields.for_each([&](auto field) {
    using Type = typename decltype(field)::Type;
    const FieldText& text = fields.texts[infos.size()];
    OptionInfo option{field.name, Codec<Type>::type(), std::nullopt, text.sentence};
    if (option.description.empty()) option.description = description(type_name<Options>(), field.name);
    if (infos.size() >= fields.required) {
      option.default_text = text.default_text.empty() ? describe(Codec<Type>::write(field.of(defaults_of<Options>())))
                                                      : std::string(text.default_text);
    }
    infos.push_back(std::move(option));
  });
  return infos;
}

/// The inputs of what is called `of`.
template <class Inputs, class Names>
std::vector<InputInfo> input_infos(std::string_view of, const Names& names) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::vector<InputInfo>{
        {names[I], Codec<std::tuple_element_t<I, Inputs>>::type(), description(of, names[I])}...};
  }
  (std::make_index_sequence<std::tuple_size_v<Inputs>>{});
}

/// The entry of a functional, which is called as `value(options, inputs)`. `what` is what its errors speak of.
template <class Inputs, class Options, class Result, class Names, class Value>
FunctionalEntry functional_entry(std::string_view name, std::string_view what, const Names& names, const Value& value) {
  static_assert(std::tuple_size_v<Inputs> == std::tuple_size_v<Names>, "a functional names each of its inputs once");
  FunctionalEntry entry;
  entry.name = name;
  entry.options = option_infos<Options>();
  entry.inputs = input_infos<Inputs>(what, names);
  entry.outputs = output_infos<Result>();
  entry.call = [what, names, value](const Args& args, const Kwargs& kwargs) -> c10::IValue {
    Kwargs options, inputs;
    for (const auto& [key, given] : kwargs) {
      const bool is_input = std::find(names.begin(), names.end(), key) != names.end();
      (is_input ? inputs : options).emplace(key, given);
    }
    Rows rows;
    take_sample_weight(what, options, rows);
    const auto chosen = options_from<Options>(options, what);
    const auto given = inputs_from_dynamic<Inputs>(what, names, args, inputs);
    return to_ivalue(value(chosen, given, rows));
  };
  return entry;
}

/// The functional of a definition.
template <class D>
FunctionalEntry functional_entry() {
  using M = MetricOf<D>;
  return functional_entry<typename M::FunctionalInputs, typename M::FunctionalOptions, typename M::FunctionalResult>(
      D::functional, FunctionalOf<D>::is_own ? D::functional : D::name, functional_inputs<D>(), &M::call);
}

}  // namespace detail

/// What the registry keeps of a functional that belongs to no class: `R f(const In&..., const Options&)`, or without
/// options, by its name and those of its inputs.
template <auto f, std::size_t count>
FunctionalEntry function(std::string_view name, const std::string_view (&inputs)[count],
                         std::string_view domain = "user") {
  using Signature = detail::FunctionSignature<std::decay_t<decltype(f)>>;
  using Inputs = typename Signature::Inputs;
  using Options = typename Signature::Options;
  const auto names = std::to_array(inputs);
  auto entry = detail::functional_entry<Inputs, Options, typename Signature::Result>(
      name, name, names, [name, names](const Options& options, const Inputs& given, const Rows& rows) {
        detail::require_no_weights(name, rows);
        return detail::named(
            name, [&] { return detail::call_function(f, options, detail::readable_inputs(name, names, given)); });
      });
  entry.domain = domain;
  return entry;
}

/// What the registry keeps of a metric; `domain` says where it belongs.
template <class M>
MetricEntry entry(std::string_view domain = "user") {
  using D = typename M::Definition;
  using Options = typename M::Options;
  MetricEntry entry;
  entry.name = D::name;
  entry.domain = domain;
  if constexpr (requires { D::summary; }) entry.summary = D::summary;
  if constexpr (detail::HasFunctional<D>) entry.functional = detail::functional_entry<D>();
  entry.functional.domain = domain;
  entry.options = detail::option_infos<Options>();
  entry.inputs = detail::input_infos<typename M::Inputs>(D::name, D::inputs);
  entry.outputs = detail::output_infos<typename M::Result>();
  entry.traits = D::traits;
  entry.create = [](const Kwargs& options, const MetricOptions& common) -> std::unique_ptr<Metric> {
    return std::make_unique<M>(options_from<Options>(options, D::name), common);
  };
  entry.example = []() -> std::unique_ptr<Metric> {
    if constexpr (detail::HasExample<D>) {
      return std::make_unique<M>(D::example());
    } else {
      static_assert(std::is_default_constructible_v<Options>,
                    "a definition whose options are Required gives some for listings: `static Options example()`");
      return std::make_unique<M>(Options{});
    }
  };
  return entry;
}

/// Makes the user's metric `M` known by name.
template <class M>
void register_metric() {
  register_metric(entry<M>());
}

/// Makes the user's function `f` known by name: `register_functional<&distance>("distance", {"x", "y"})`.
template <auto f, std::size_t count>
void register_functional(std::string_view name, const std::string_view (&inputs)[count]) {
  register_functional(function<f>(name, inputs));
}

}  // namespace metrics
