#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <concepts>
#include <utility>

namespace metrics {

namespace detail {

/// Options with what a family works out of them once, which its functions are given in their place.
template <class Family, class O>
struct WithRule : O {
  explicit WithRule(O options) : O(std::move(options)), rule(Family::rule(static_cast<const O&>(*this))) {}
  operator const typename Family::Rule &() const { return rule; }

  typename Family::Rule rule;
};

/// Options of a member with those that its family knows, taken by name.
template <class Family, class O>
struct WithFamilyOptions : O {
  explicit WithFamilyOptions(O options)
      : O(std::move(options)), of_family(subset<typename Family::Options>(static_cast<const O&>(*this))) {}
  operator const typename Family::Options &() const { return of_family; }

  typename Family::Options of_family;
};

template <class Family>
concept HasRule = requires {
  typename Family::Rule;
};

/// What a member of `Family` with options `O` keeps of them.
template <class Family, class O>
struct OptionsOfMember {
  using Type = WithFamilyOptions<Family, O>;
};
template <HasRule Family, class O>
struct OptionsOfMember<Family, O> {
  using Type = WithRule<Family, O>;
};
template <class Family, class O>
requires(!HasRule<Family> && std::same_as<O, typename Family::Options>) struct OptionsOfMember<Family, O> {
  using Type = O;
};

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

template <class Score, class Gathered, class O>
decltype(auto) value_of_score(const Gathered& gathered, const O& options) {
  if constexpr (requires { Score::value(gathered); }) {
    return Score::value(gathered);
  } else {
    return Score::value(gathered, options);
  }
}

}  // namespace detail

/// The definition of a family's member. `Family` has what its members share, up to what was gathered; `Score` has what
/// one of them adds to that:
///
///   struct Family {                                       // one for each task, where there are tasks
///     using Options = …;                                  // what it knows of options; a member may have more
///     static constexpr std::array inputs{"preds"sv, …};
///     static void check(const Options&);                  // or a template over options
///     static void declare(States&, const Options&);
///     static void update(States&, const Options&, const In&...);
///     using Gathered = …;                                 // may be known by its name alone outside of the sources
///     static Gathered gathered(const States&, const Options&);
///     …                                                   // whatever else a definition may have but its finalise
///     using Rule = …;                                     // optional: what is worked out of any member's options
///     once, static … rule(const O& options);                    // and given to all of the above in their place
///   };
///   struct Score {
///     static constexpr MetricTraits traits;
///     static Tensor value(const Gathered&, const O& options);   // or without options
///     static void check(const O& options);                // optional: of what it adds to the options
///     static std::shared_ptr<const RangedValue> ranged(const Rule&, const O& options);   // optional: see ranges.h
///     …                                                   // what its functional has of its own
///   };
///
/// `O` are the member's options. Those of the family are found in them by name, and checked when this is compiled.
template <class Family, class Score, class O = typename Family::Options>
struct Member : Family, Score {
  using Options = O;
  using Prepared = typename detail::OptionsOfMember<Family, O>::Type;

  static void check(const Options& options) {
    if constexpr (requires { Family::check(options); }) {
      Family::check(options);
    } else {
      Family::check(subset<typename Family::Options>(options));
    }
    if constexpr (requires { Score::check(options); }) Score::check(options);
  }
  static auto finalise(const States& states, const Prepared& options)
      -> decltype(detail::value_of_score<Score>(std::declval<const typename Family::Gathered&>(), options)) {
    return detail::value_of_score<Score>(Family::gathered(states, options), options);
  }
  static std::shared_ptr<const RangedValue> ranged([[maybe_unused]] const Prepared& options) {
    if constexpr (requires { Score::ranged(options.rule, options); }) return Score::ranged(options.rule, options);
    return nullptr;
  }
  static Options example() {
    if constexpr (requires { Score::example(); }) {
      return Score::example();
    } else {
      return detail::example_of<Options>();
    }
  }
};

}  // namespace metrics
