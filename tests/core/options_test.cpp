#include "user_metrics.h"
#include <metrics/classification/options.h>
#include <metrics/core/codec.h>
#include <metrics/core/define.h>
#include <metrics/core/fields.h>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <variant>

namespace options_test {

enum class Norm { L1, L2, None };

namespace inner::deeper {

struct Options {
  int64_t num_classes = 0;
  double threshold = 0.5;
  Norm norm = Norm::L2;
  bool adaptive = false;
  std::string mode = "fast";
  std::optional<int64_t> ignore_index{};
  std::variant<int64_t, std::vector<double>, std::string> bins = int64_t{10};
  std::vector<int64_t> dims{};
  std::optional<at::Tensor> weights{};

  static constexpr auto fields() {
    using O = Options;
    return metrics::fields<&O::num_classes, &O::threshold, &O::norm, &O::adaptive, &O::mode, &O::ignore_index, &O::bins,
                           &O::dims, &O::weights>(1);
  }
};

}  // namespace inner::deeper

/// A struct of a user's own whose required options are `Required`, and of which nothing is said.
struct Window {
  metrics::Required<int64_t> width;
  metrics::Required<std::string> name;
  double stride = 0.5;
  std::optional<int64_t> limit{};

  static constexpr auto fields() {
    return metrics::fields<&Window::width, &Window::name, &Window::stride, &Window::limit>();
  }
};

/// Some of its options, in another order, with what is said of them.
struct Part {
  metrics::Required<std::string> name;
  std::optional<int64_t> limit = 7;
  double stride = 0.25;

  static constexpr auto fields() {
    return metrics::fields<&Part::name, &Part::limit, &Part::stride>().about(
        {"What it is called.", {"How many there are at most.", "7"}, "How far it moves."});
  }
};

template <class O>
concept MadeOfNothing = requires {
  O{};
};
template <class O>
concept MadeOfThreshold = requires {
  O{.threshold = 0.1};
};
template <class O>
concept MadeOfClassesAndMinimum = requires {
  O{.num_classes = 3, .min_recall = 0.5};
};
template <class O>
concept MadeOfClasses = requires {
  O{.num_classes = 3};
};
template <class O>
concept MadeOfHalfAClass = requires {
  O{.num_classes = 2.5};
};

// A required option that is left out does not compile.
static_assert(!std::is_default_constructible_v<metrics::MulticlassCohenKappaOptions>);
static_assert(MadeOfNothing<metrics::MulticlassStatScoresOptions>);
static_assert(!MadeOfNothing<metrics::MulticlassCohenKappaOptions> &&
              !MadeOfNothing<metrics::BinaryFBetaScoreOptions> &&
              !MadeOfNothing<metrics::BinaryPrecisionAtFixedRecallOptions>);
static_assert(MadeOfThreshold<metrics::BinaryCohenKappaOptions> &&
              !MadeOfThreshold<metrics::MultilabelConfusionMatrixOptions>);
static_assert(!MadeOfClasses<metrics::MulticlassPrecisionAtFixedRecallOptions> &&
              MadeOfClassesAndMinimum<metrics::MulticlassPrecisionAtFixedRecallOptions>);
static_assert(MadeOfClasses<metrics::MulticlassCohenKappaOptions> &&
              !MadeOfHalfAClass<metrics::MulticlassCohenKappaOptions>);

}  // namespace options_test

template <>
inline constexpr std::array<std::string_view, 3> metrics::enum_names<options_test::Norm>{"l1", "l2", "none"};

namespace options_test {
namespace {

using inner::deeper::Options;
using metrics::describe;
using metrics::describe_options;
using metrics::InvalidArgument;
using metrics::Kwargs;
using metrics::options_from;

Options read(Kwargs given) {
  given.emplace("num_classes", 3);
  return options_from<Options>(given, "Thing");
}

void refused(const Kwargs& given, const char* why) {
  CAPTURE(std::string(why));
  CHECK_THROWS_WITH_AS(options_from<Options>(given, "Thing"), doctest::Contains(why), InvalidArgument);
}

}  // namespace

TEST_CASE("options that are unknown, missing or of another type are refused, naming what is allowed") {
  refused({}, "Thing: option `num_classes` is required");
  refused(
      {{"num_clases", 3}},
      "Thing: unknown option `num_clases`; allowed: num_classes threshold norm adaptive mode ignore_index bins dims "
      "weights");
  refused({{"num_classes", 3.0}}, "Thing: option `num_classes` expects int, got 3.0");
  refused({{"num_classes", true}}, "expects int, got True");
  refused({{"num_classes", 3}, {"threshold", "high"}}, "option `threshold` expects float, got 'high'");
  refused({{"num_classes", 3}, {"norm", "l3"}}, "option `norm` expects one of 'l1', 'l2', 'none', got 'l3'");
  refused({{"num_classes", 3}, {"norm", 1}}, "option `norm` expects one of");
  refused({{"num_classes", 3}, {"adaptive", 1}}, "option `adaptive` expects bool, got 1");
  refused({{"num_classes", 3}, {"mode", c10::IValue()}}, "option `mode` expects str, got None");
  refused({{"num_classes", 3}, {"ignore_index", "x"}}, "option `ignore_index` expects int or None, got 'x'");
  refused({{"num_classes", 3}, {"bins", true}}, "option `bins` expects int or list of float or str, got True");
  refused({{"num_classes", 3}, {"dims", c10::List<double>({0.5})}}, "option `dims` expects list of int, got [0.5]");
  refused({{"num_classes", 3}, {"weights", 2}}, "option `weights` expects Tensor or None, got 2");
}

TEST_CASE("a Required option that is left out is named, after what is unknown or of another type") {
  const auto refused_window = [](const Kwargs& given, const char* why) {
    CHECK_THROWS_WITH_AS(options_from<Window>(given, "Thing"), why, InvalidArgument);
  };
  refused_window({}, "Thing: option `width` is required");
  refused_window({{"width", 3}}, "Thing: option `name` is required");
  refused_window({{"name", "x"}, {"stride", 1}}, "Thing: option `width` is required");
  refused_window({{"widht", 3}}, "Thing: unknown option `widht`; allowed: width name stride limit");
  refused_window({{"width", 2.5}}, "Thing: option `width` expects int, got 2.5");
  refused_window({{"stride", "far"}}, "Thing: option `stride` expects float, got 'far'");
  using metrics::MultilabelFBetaScoreOptions;
  CHECK_THROWS_WITH_AS(options_from<MultilabelFBetaScoreOptions>({{"num_labels", 3}}, "MultilabelFBetaScore"),
                       "MultilabelFBetaScore: option `beta` is required", InvalidArgument);
  CHECK_FALSE(metrics::Codec<Window>::read(metrics::detail::dict_of({{"name", "x"}, {"stride", 0.5}})));
  CHECK(metrics::Codec<Window>::misfit(metrics::detail::dict_of({{"name", "x"}})) == "key `width` is missing");
}

TEST_CASE("Required options are read, written and compared as what they hold") {
  Window window = options_from<Window>({{"name", "x"}, {"width", 4}, {"limit", 2}}, "Thing");
  CHECK(window.width == 4);
  CHECK(window.width * 2 == 8);
  CHECK(window.name == std::string("x"));
  CHECK(window.name.value().size() == 1);
  CHECK(window.stride == 0.5);
  CHECK(window.limit == 2);
  CHECK(window.width == Window{.width = 4, .name = "y"}.width);
  CHECK(window.width != Window{.width = 5, .name = "x"}.width);
  window.width = 6;
  CHECK(describe_options(window) == "width=6, name='x', stride=0.5, limit=2");
  CHECK(Window::fields().required == 2);
  CHECK(Options::fields().required == 1);
  const auto read_back = metrics::Codec<Window>::read(metrics::Codec<Window>::write(window));
  REQUIRE(read_back);
  CHECK(describe_options(*read_back) == describe_options(window));
}

TEST_CASE("a subset of options is taken by name, whatever the order") {
  const Part part = metrics::subset<Part>(Window{.width = 4, .name = "x", .stride = 2, .limit = 9});
  CHECK(part.name == std::string("x"));
  CHECK(part.stride == 2);
  CHECK(part.limit == 9);
  const metrics::MultilabelConfusionOptions pairs =
      metrics::subset<metrics::MultilabelConfusionOptions>(metrics::MultilabelJaccardIndexOptions{
          .num_labels = 5, .threshold = 0.25, .ignore_index = 1, .zero_division = 1});
  CHECK(describe_options(pairs) == "num_labels=5, threshold=0.25, ignore_index=1, validate_args=True, input='auto'");
}

TEST_CASE("options are listed with a sentence and their default, which only a struct without one is asked for") {
  const auto windows = metrics::detail::option_infos<Window>();
  REQUIRE(windows.size() == 4);
  CHECK_FALSE(windows[0].default_text);
  CHECK_FALSE(windows[1].default_text);
  CHECK(windows[2].default_text == "0.5");
  CHECK(windows[3].default_text == "None");
  CHECK(windows[0].type == "int");
  CHECK(windows[0].description.empty());
  const auto parts = metrics::detail::option_infos<Part>();
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].description == "What it is called.");
  CHECK_FALSE(parts[0].default_text);
  CHECK(parts[1].description == "How many there are at most.");
  CHECK(parts[1].default_text == "7");
  CHECK(parts[2].description == "How far it moves.");
  CHECK(parts[2].default_text == "0.25");
}

TEST_CASE("options are read by name") {
  const Options options = options_from<Options>({{"num_classes", 7},
                                                 {"threshold", 1},
                                                 {"norm", "l1"},
                                                 {"adaptive", true},
                                                 {"mode", "slow"},
                                                 {"ignore_index", -1},
                                                 {"dims", c10::List<int64_t>({0, 2})}},
                                                "Thing");
  CHECK(options.num_classes == 7);
  CHECK(options.threshold == 1);
  CHECK(options.norm == Norm::L1);
  CHECK(options.adaptive);
  CHECK(options.mode == "slow");
  CHECK(options.ignore_index == -1);
  CHECK(options.dims == std::vector<int64_t>{0, 2});
}

TEST_CASE("what is not given keeps its default, and None is nothing") {
  const Options options = read({});
  CHECK(options.threshold == 0.5);
  CHECK(options.norm == Norm::L2);
  CHECK_FALSE(options.ignore_index);
  CHECK(read({{"norm", c10::IValue()}}).norm == Norm::None);
  CHECK_FALSE(read({{"ignore_index", c10::IValue()}}).ignore_index);
}

TEST_CASE("a variant takes the first alternative that fits") {
  CHECK(std::get<int64_t>(read({{"bins", 5}}).bins) == 5);
  CHECK(std::get<std::vector<double>>(read({{"bins", c10::List<double>({0.5, 1.0})}}).bins) ==
        std::vector<double>{0.5, 1});
  CHECK(std::get<std::string>(read({{"bins", "auto"}}).bins) == "auto");
  const auto mixed = c10::ivalue::Tuple::create({c10::IValue(1), c10::IValue(0.25)});
  CHECK(std::get<std::vector<double>>(read({{"bins", mixed}}).bins) == std::vector<double>{1, 0.25});
  CHECK(std::get<std::vector<double>>(read({{"bins", c10::impl::GenericList(c10::AnyType::get())}}).bins).empty());
}

TEST_CASE("strings and lists of strings, numbers and tensors are read where either will do") {
  using metrics::Codec;
  using metrics::Values;
  CHECK(Codec<std::vector<std::string>>::read("one") == std::vector<std::string>{"one"});
  CHECK_FALSE(Codec<std::vector<std::string>>::read(c10::List<int64_t>({1})));
  CHECK(Codec<Values>::read(2)->tensor().equal(at::scalar_tensor(2, at::kLong)));
  CHECK(Codec<Values>::read(2.5)->is_number());
  CHECK_FALSE(Codec<Values>::read(at::ones({2}))->is_number());
  CHECK_FALSE(Codec<Values>::read("x"));
  CHECK_FALSE(Codec<at::Tensor>::read(at::Tensor()));
}

TEST_CASE("options are printed in order, as Python would") {
  CHECK(describe_options(read({{"ignore_index", 0}, {"threshold", 0.1}})) ==
        "num_classes=3, threshold=0.1, norm='l2', adaptive=False, mode='fast', ignore_index=0, bins=10, dims=[], "
        "weights=None");
  CHECK(describe(2.0) == "2.0");
  CHECK(describe(1e-7) == "1e-07");
  CHECK(describe(0.1 + 0.2) == "0.30000000000000004");
  CHECK(describe(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(describe(c10::List<std::string>({"a", "b"})) == "['a', 'b']");
  CHECK(describe(at::ones({2, 3})) == "Tensor Float[2, 3]");
}

TEST_CASE("options print alike only if they are equal, tensors too") {
  auto text = [](std::initializer_list<double> weights) {
    return describe_options(read({{"weights", at::tensor(at::ArrayRef<double>(weights.begin(), weights.size()))}}));
  };
  CHECK(text({1, 2}) == text({1, 2}));
  CHECK(text({1, 2}) != text({1, 2.0000000000000004}));
}

TEST_CASE("a field knows its member's name, however deep its struct lies") {
  CHECK(metrics::detail::member_name<&Options::num_classes>() == "num_classes");
  CHECK(metrics::detail::member_name<&metrics::testing::SeenDefinition::Options::factor>() == "factor");
  struct Local {
    int width;
  };
  CHECK(metrics::detail::member_name<&Local::width>() == "width");
  CHECK(Options::fields().size == 9);
  CHECK(metrics::NoOptions::fields().size == 0);
  CHECK(describe_options(metrics::NoOptions{}).empty());
}

namespace {

/// Compares what is written of an option's default with the default that a struct has.
template <class O>
void check_defaults(const char* of) {
  CAPTURE(std::string(of));
  static constexpr auto fields = O::fields();
  const O made = metrics::detail::defaults_of<O>();
  std::size_t place = 0;
  fields.for_each([&](auto field) {
    using Type = typename decltype(field)::Type;
    CAPTURE(std::string(field.name));
    const metrics::FieldText& text = fields.texts[place];
    CHECK_FALSE(text.sentence.empty());
    if (metrics::detail::is_required<Type>) {
      CHECK(text.default_text.empty());
    } else {
      CHECK(text.default_text == describe(metrics::Codec<Type>::write(field.of(made))));
    }
    ++place;
  });
}

}  // namespace

TEST_CASE("the defaults that are written of options are those that they have") {
#define CHECK_DEFAULTS(Name) check_defaults<metrics::Name>(#Name)
  CHECK_DEFAULTS(BinaryStatScoresOptions);
  CHECK_DEFAULTS(MulticlassStatScoresOptions);
  CHECK_DEFAULTS(MultilabelStatScoresOptions);
  CHECK_DEFAULTS(BinaryFBetaScoreOptions);
  CHECK_DEFAULTS(MulticlassFBetaScoreOptions);
  CHECK_DEFAULTS(MultilabelFBetaScoreOptions);
  CHECK_DEFAULTS(BinaryConfusionOptions);
  CHECK_DEFAULTS(MulticlassConfusionOptions);
  CHECK_DEFAULTS(MultilabelConfusionOptions);
  CHECK_DEFAULTS(BinaryConfusionMatrixOptions);
  CHECK_DEFAULTS(MulticlassConfusionMatrixOptions);
  CHECK_DEFAULTS(MultilabelConfusionMatrixOptions);
  CHECK_DEFAULTS(BinaryCohenKappaOptions);
  CHECK_DEFAULTS(MulticlassCohenKappaOptions);
  CHECK_DEFAULTS(BinaryJaccardIndexOptions);
  CHECK_DEFAULTS(MulticlassJaccardIndexOptions);
  CHECK_DEFAULTS(MultilabelJaccardIndexOptions);
  CHECK_DEFAULTS(MulticlassExactMatchOptions);
  CHECK_DEFAULTS(MultilabelExactMatchOptions);
  CHECK_DEFAULTS(BinaryCurveOptions);
  CHECK_DEFAULTS(MulticlassCurveOptions);
  CHECK_DEFAULTS(MultilabelCurveOptions);
  CHECK_DEFAULTS(MulticlassAreaOptions);
  CHECK_DEFAULTS(MultilabelAreaOptions);
  CHECK_DEFAULTS(BinaryAUROCOptions);
  CHECK_DEFAULTS(BinaryLogAUCOptions);
  CHECK_DEFAULTS(BinaryLogAUCFunctionalOptions);
  CHECK_DEFAULTS(MulticlassLogAUCOptions);
  CHECK_DEFAULTS(MulticlassLogAUCFunctionalOptions);
  CHECK_DEFAULTS(MultilabelLogAUCOptions);
  CHECK_DEFAULTS(MultilabelLogAUCFunctionalOptions);
  CHECK_DEFAULTS(BinaryPrecisionAtFixedRecallOptions);
  CHECK_DEFAULTS(MulticlassPrecisionAtFixedRecallOptions);
  CHECK_DEFAULTS(MultilabelPrecisionAtFixedRecallOptions);
  CHECK_DEFAULTS(BinaryRecallAtFixedPrecisionOptions);
  CHECK_DEFAULTS(MulticlassRecallAtFixedPrecisionOptions);
  CHECK_DEFAULTS(MultilabelRecallAtFixedPrecisionOptions);
  CHECK_DEFAULTS(BinarySensitivityAtSpecificityOptions);
  CHECK_DEFAULTS(MulticlassSensitivityAtSpecificityOptions);
  CHECK_DEFAULTS(MultilabelSensitivityAtSpecificityOptions);
  CHECK_DEFAULTS(BinarySpecificityAtSensitivityOptions);
  CHECK_DEFAULTS(MulticlassSpecificityAtSensitivityOptions);
  CHECK_DEFAULTS(MultilabelSpecificityAtSensitivityOptions);
#undef CHECK_DEFAULTS
}

}  // namespace options_test
