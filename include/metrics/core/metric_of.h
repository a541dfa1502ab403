#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/unit.h>
#include <metrics/core/values.h>
#include <metrics/core/weights.h>

#include <concepts>
#include <memory>
#include <optional>
#include <source_location>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace metrics {

namespace detail {

/// Splits a trailing `const Rows&` or `const Weights&` from the inputs of a definition's update.
template <class Done, class... Rest>
struct SplitRows;
template <class... Done>
struct SplitRows<std::tuple<Done...>> {
  using Tuple = std::tuple<Done...>;
  static constexpr bool takes_rows = false;
  static constexpr bool takes_weights = false;
};
template <class... Done>
struct SplitRows<std::tuple<Done...>, const Rows&> {
  using Tuple = std::tuple<Done...>;
  static constexpr bool takes_rows = true;
  static constexpr bool takes_weights = false;
};
template <class... Done>
struct SplitRows<std::tuple<Done...>, const Weights&> {
  using Tuple = std::tuple<Done...>;
  static constexpr bool takes_rows = false;
  static constexpr bool takes_weights = true;
};
template <class... Done, class Next, class... Rest>
struct SplitRows<std::tuple<Done...>, Next, Rest...>
    : SplitRows<std::tuple<Done..., std::remove_cvref_t<Next>>, Rest...> {};

template <class F>
struct UpdateSignature;
template <class O, class... In>
struct UpdateSignature<void (*)(States&, const O&, In...)> : SplitRows<std::tuple<>, In...> {};

/// What a metric keeps of its options: a definition's `Prepared`, else the options themselves.
template <class D>
struct KeptOptions {
  using Type = typename D::Options;
};
template <class D>
requires requires {
  typename D::Prepared;
}
struct KeptOptions<D> {
  using Type = typename D::Prepared;
};

/// The inputs, options and result of a function `R f(const In&..., const Options&)`, or of one without options; last may
/// come `const Rows&`.
template <class Done, class... Rest>
struct SplitOptions {
  using Inputs = Done;
  using Options = NoOptions;
  static constexpr bool takes_options = false;
  static constexpr bool takes_rows = false;
};
template <class... Done, class Last>
requires HasFields<std::remove_cvref_t<Last>>
struct SplitOptions<std::tuple<Done...>, Last> {
  using Inputs = std::tuple<Done...>;
  using Options = std::remove_cvref_t<Last>;
  static constexpr bool takes_options = true;
  static constexpr bool takes_rows = false;
};
template <class... Done>
struct SplitOptions<std::tuple<Done...>, const Rows&> : SplitOptions<std::tuple<Done...>> {
  static constexpr bool takes_rows = true;
};
template <class... Done, class Last>
requires HasFields<std::remove_cvref_t<Last>>
struct SplitOptions<std::tuple<Done...>, Last, const Rows&> : SplitOptions<std::tuple<Done...>, Last> {
  static constexpr bool takes_rows = true;
};
template <class... Done, class Last>
requires(!HasFields<std::remove_cvref_t<Last>>) struct SplitOptions<std::tuple<Done...>, Last>
    : SplitOptions<std::tuple<Done..., std::remove_cvref_t<Last>>> {
};
template <class... Done, class Next, class Then, class... Rest>
struct SplitOptions<std::tuple<Done...>, Next, Then, Rest...>
    : SplitOptions<std::tuple<Done..., std::remove_cvref_t<Next>>, Then, Rest...> {};

template <class F>
struct FunctionSignature;
template <class R, class... A>
struct FunctionSignature<R (*)(A...)> : SplitOptions<std::tuple<>, A...> {
  using Result = R;
};

/// The options of a metric's functional: a definition's `FunctionalOptions`, else the metric's own.
template <class D>
struct OptionsOfFunctional {
  using Type = typename D::Options;
};
template <class D>
requires requires {
  typename D::FunctionalOptions;
}
struct OptionsOfFunctional<D> {
  using Type = typename D::FunctionalOptions;
};

/// What the functional of a definition is called as. The rule: with the inputs of its update, and with its options or
/// its `FunctionalOptions`.
template <class D>
struct FunctionalOf {
  static constexpr bool is_own = false;
  using Inputs = typename UpdateSignature<decltype(&D::update)>::Tuple;
  using Options = typename OptionsOfFunctional<D>::Type;
};
/// The exception: a definition has a functional of its own, `static R functional_value(const In&..., const Options&)`,
/// last of all with `const Rows&` where it takes weights.
template <class D>
requires requires {
  &D::functional_value;
}
struct FunctionalOf<D> : FunctionSignature<decltype(&D::functional_value)> {
  static constexpr bool is_own = true;
};

template <class D, class Result>
struct ResultOfFunctional {
  using Type = Result;
};
template <class D, class Result>
requires(FunctionalOf<D>::is_own) struct ResultOfFunctional<D, Result> {
  using Type = typename FunctionalOf<D>::Result;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// Whether arguments `A...` give the inputs `Tuple`: each converts, and those left out are optional.
template <class Tuple, class... A>
consteval bool accepts() {
  if (sizeof...(A) > std::tuple_size_v<Tuple>) return false;
  return []<std::size_t... I>(std::index_sequence<I...>) {
    using Given = std::tuple<A...>;
    return ([] {
      using Input = std::tuple_element_t<I, Tuple>;
      if constexpr (I < sizeof...(A)) {
        return std::convertible_to<std::tuple_element_t<I, Given>, Input>;
      } else {
        return is_optional<Input>;
      }
    }() && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<Tuple>>{});
}

template <class Tuple, class... A>
Tuple inputs_from(A&&... given) {
  auto arguments = std::forward_as_tuple(std::forward<A>(given)...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    auto input = [&]<std::size_t K>() -> std::tuple_element_t<K, Tuple> {
      if constexpr (K < sizeof...(A)) {
        return std::get<K>(std::move(arguments));
      } else {
        return std::nullopt;
      }
    };
    return Tuple{input.template operator()<I>()...};
  }
  (std::make_index_sequence<std::tuple_size_v<Tuple>>{});
}

}  // namespace detail

/// What defines a metric: a struct of static functions on its states, all of them pure.
///
///   struct Definition {
///     static constexpr std::string_view name;              // torchmetrics' class name
///     static constexpr std::string_view functional;        // optional: torchmetrics' functional
///     struct Options { …; static constexpr auto fields(); };
///     using FunctionalOptions = …;                         // optional: the same options with the functional's own
///                                                          // defaults, where they differ
///     // Optional, for a functional that takes other inputs or options than the class, and their names:
///     static Result functional_value(const Tensor& preds, …, const FunctionalOptions&);
///     static constexpr std::array functional_inputs{"preds"sv, …};
///     static constexpr bool functional_dtype_of_inputs = true;  // optional: float64 results where an input is
///     static constexpr std::array inputs{"preds"sv, …};    // names of update's inputs
///     static constexpr MetricTraits traits{…};
///     static void check(const Options&);                   // optional: throws InvalidArgument
///     struct Prepared : Options { Prepared(Options); … };  // optional: what is worked out of the options once, after
///                                                          // `check`; then the functions below take it in their place
///     static void declare(States&, const Options&);        // adds the states
///     // Last may come `const Rows&`, or `const Weights&`: then the definition itself counts each row so often; the
///     // counts of the states are in double-double where the weights are not integers.
///     static void update(States&, const Options&, const Tensor& preds, …);
///     // Optional, where not all weights that the states allow (see `Unit::taken_weights`) have a meaning, and for one
///     // that takes Rows, which else refuses all weights.
///     static RowWeights taken_weights(const Options&);
///     // Optional, where the value is made of rows in the order of a key: not all ranks' rows are gathered on each
///     then
///     // (see ranges.h).
///     static std::shared_ptr<const RangedValue> ranged(const Options&);
///     static Result finalise(const States&, const Options&);
///     static void merge(States& into, const States& from, const Options&);   // only with Reduction::Own
///     static std::string update_key(const Options&);       // optional: equal where `declare` and `update` do the same
///     // Optional, for partial resets: which states `reset` leaves as they are (none with `Reduction::Mean`, whose
///     // weight is the number of updates). The batch value of `forward` is then that of the batch beside these states.
///     static bool keeps_on_reset(const Options&, std::string_view state);
///     static Options example();                            // optional: options for listings
///     // Optional, for states that torchmetrics has not (their names begin with `_`), and for those reduced by `merge`
///     // that hold something else under its name: how the others read as its own, and how those follow from them.
///     static void show_as_torchmetrics(States&, const Options&);
///     static void complete_from_torchmetrics(States&, const Options&);  // throws for states that cannot be its own
///     // Optional, for a `List` state whose items vary in more than their rows and are appended flat: its name, and
///     // the shape that an item has in a state dict.
///     static constexpr std::string_view flat_list;
///     static std::vector<int64_t> item_shape(const States&, std::size_t item);
///   };
///   using Name = MetricOf<Definition>;                     // or METRICS_CLASS(Name), for `definitions::Name`
///
/// Inputs can be Tensor, Values, Texts, std::vector<Tensor>, std::vector<std::string>, double, int64_t, bool,
/// std::string and optionals of them, structs with `fields()` of them (dicts in the dynamic face), and vectors of such
/// structs, one a row. When update takes no Rows, rows that are not valid, and those of weight 0, are taken out of the
/// inputs before it; when it takes no Weights either, weighted rows are folded in apart, and their states scaled.
/// Results can be Tensor, double, vectors, string maps and structs with `fields()`; their floating tensors are cast to
/// the metric's dtype, and one-element ones become scalars; in functionals they stay as they are.
template <class D>
class MetricOf : public Unit {
 public:
  using Definition = D;
  using Options = typename D::Options;
  using Kept = typename detail::KeptOptions<D>::Type;
  using Signature = detail::UpdateSignature<decltype(&D::update)>;
  using Inputs = typename Signature::Tuple;
  using Result = decltype(D::finalise(std::declval<const States&>(), std::declval<const Kept&>()));

  using FunctionalInputs = typename detail::FunctionalOf<D>::Inputs;
  using FunctionalOptions = typename detail::FunctionalOf<D>::Options;
  using FunctionalResult = typename detail::ResultOfFunctional<D, Result>::Type;

  static_assert(std::tuple_size_v<Inputs> == D::inputs.size(), "a definition names each input of its update once");

  /// `made_at` is what `identity()` tells; callers leave it out.
  explicit MetricOf(Options options, MetricOptions common = {},
                    std::source_location made_at = std::source_location::current());
  MetricOf(std::source_location made_at = std::source_location::current())  // NOLINT: as implicit as without arguments
      requires(Options::fields().required == 0)
      : MetricOf(Options{}, {}, made_at) {}
  MetricOf(const MetricOf&) = default;
  MetricOf(MetricOf&&) noexcept = default;
  MetricOf& operator=(const MetricOf& other) { return this == &other ? *this : *this = MetricOf(other); }
  MetricOf& operator=(MetricOf&&) noexcept = default;

  /// Folds a batch in: `update(preds, target)`, `update(preds, target, Rows{.valid = mask})`. Trailing optional inputs
  /// may be left out.
  template <class... A>
  requires(detail::accepts<Inputs, A...>()) void update(A&&... inputs) {
    update_inputs(detail::inputs_from<Inputs>(std::forward<A>(inputs)...), Rows{});
  }
  template <class... A>
  requires(detail::accepts<Inputs, A...>()) Result forward(A&&... inputs) {
    return forward_inputs(detail::inputs_from<Inputs>(std::forward<A>(inputs)...), Rows{});
  }
  template <class... A>
  requires(!detail::accepts<Inputs, A...>() && sizeof...(A) > 0 &&
           std::same_as<std::remove_cvref_t<std::tuple_element_t<sizeof...(A) - 1, std::tuple<A...>>>,
                        Rows>) void update(A&&... inputs_and_rows) {
    with_rows([this](Inputs inputs, const Rows& rows) { update_inputs(inputs, rows); },
              std::make_index_sequence<sizeof...(A) - 1>{}, std::forward_as_tuple(inputs_and_rows...));
  }
  template <class... A>
  requires(!detail::accepts<Inputs, A...>() && sizeof...(A) > 0 &&
           std::same_as<std::remove_cvref_t<std::tuple_element_t<sizeof...(A) - 1, std::tuple<A...>>>, Rows>) Result
      forward(A&&... inputs_and_rows) {
    return with_rows([this](Inputs inputs, const Rows& rows) { return forward_inputs(inputs, rows); },
                     std::make_index_sequence<sizeof...(A) - 1>{}, std::forward_as_tuple(inputs_and_rows...));
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }
  Result compute();

  const Options& options() const { return options_; }
  std::string_view name() const override { return D::name; }
  const MetricTraits& traits() const override { return traits_; }
  std::unique_ptr<Metric> clone() const override;
  bool takes_input(std::string_view name) const override;
  RowWeights taken_weights() const override;
  std::shared_ptr<const RangedValue> ranged_value() const override;

  void update_inputs(const Inputs& inputs, const Rows& rows);
  Result forward_inputs(const Inputs& inputs, const Rows& rows);
  /// The value of one batch without a metric to keep, on the device of its inputs.
  static Result value_of(const Options& options, const Inputs& inputs, const Rows& rows = {});
  /// What the functional gives; mostly `value_of`.
  static FunctionalResult call(const FunctionalOptions& options, const FunctionalInputs& inputs, const Rows& rows = {});

 protected:
  std::string describe_options() const override;
  std::string describe_update() const override;
  States states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows, bool gradients) const override;
  void merge_own(States& into, const States& from) const override;
  void update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue compute_dynamic() override;
  void drop_cached_value() override { computed_.reset(); }
  bool keeps_on_reset(std::string_view state) const override;
  void show_as_torchmetrics(States& states) const override;
  void complete_from_torchmetrics(States& states) const override;
  std::string_view flat_list() const override;
  std::vector<int64_t> item_shape(const States& states, std::size_t item) const override;

 private:
  template <class F, std::size_t... I, class Tuple>
  auto with_rows(F&& f, std::index_sequence<I...>, Tuple&& arguments) {
    static_assert(detail::accepts<Inputs, std::tuple_element_t<I, std::remove_cvref_t<Tuple>>...>(),
                  "the inputs before Rows must be those of the metric's update");
    return f(detail::inputs_from<Inputs>(std::get<I>(arguments)...), std::get<sizeof...(I)>(arguments));
  }
  /// Throws InvalidArgument for inputs that are not on the metric's device or do not go with `rows`. Returns how many
  /// rows the inputs have, if that is asked for and they have any.
  std::optional<int64_t> check_inputs(const Inputs& inputs, const Rows& rows) const;
  /// Checks the inputs and folds them in. Errors name the metric.
  void fold(States& states, const Inputs& inputs, const Rows& rows) const;
  void fold_checked(States& states, const Inputs& inputs, const Rows& rows) const;
  void fold_rows(States& states, const Inputs& inputs, std::optional<int64_t> row_count, const Rows& rows) const;
  void fold_weighted(States& states, const Inputs& inputs, std::optional<int64_t> row_count, const Rows& rows) const;
  void apply(States& states, const Inputs& inputs, const Rows& rows, const Weights& weights) const;
  static Inputs selected(const Inputs& inputs, const Tensor& rows);
  /// The states of one batch alone.
  States folded(const Inputs& inputs, const Rows& rows) const;
  /// Throws InvalidArgument for options that cannot be.
  static Kept kept(Options options);
  Result finalised(const States& states) const;

  static constexpr MetricTraits traits_ = D::traits;
  Kept options_;
  std::optional<Result> computed_;
};

/// The value of one batch, without a metric to keep: what a functional is.
template <class D, class... A>
typename MetricOf<D>::Result compute_once(const typename D::Options& options, A&&... inputs) {
  using Inputs = typename MetricOf<D>::Inputs;
  return MetricOf<D>::value_of(options, detail::inputs_from<Inputs>(std::forward<A>(inputs)...));
}

}  // namespace metrics

/// Declares the class `Name` of the definition `definitions::Name`, which stands before it in the same namespace:
/// a class that can be declared ahead, and is called so in errors and debuggers. One source says
/// METRICS_DEFINE_CLASS(Name), after including <metrics/core/define.h>.
#define METRICS_CLASS(Name)                                                 \
  extern template class METRICS_API ::metrics::MetricOf<definitions::Name>; \
  METRICS_CLASS_OF_DEFINITION(Name)

#define METRICS_CLASS_OF_DEFINITION(Name)                                                                    \
  class METRICS_API Name : public ::metrics::MetricOf<definitions::Name> {                                   \
   public:                                                                                                   \
    explicit Name(Options options, ::metrics::MetricOptions common = {},                                     \
                  std::source_location made_at = std::source_location::current())                            \
        : MetricOf(std::move(options), std::move(common), made_at) {}                                        \
    template <class O = Options>                                                                             \
    requires(O::fields().required == 0) Name(std::source_location made_at = std::source_location::current()) \
        : MetricOf(O{}, {}, made_at) {}                                                                      \
    std::unique_ptr<::metrics::Metric> clone() const override;                                               \
  }
