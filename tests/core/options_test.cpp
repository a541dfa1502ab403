#include "user_metrics.h"
#include <metrics/core/codec.h>
#include <metrics/core/fields.h>

#include <doctest/doctest.h>

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

}  // namespace options_test
