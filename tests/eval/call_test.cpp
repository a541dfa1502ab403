#include "eval/metric_specs.h"
#include "eval/nearest.h"
#include "eval/usage_error.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using metrics::eval::parse_call;

TEST_CASE("eval: calls that cannot be read show where") {
  for (const std::string text : {"", "(", "A(", "A(b", "A(b=", "A(b=1", "A(b=1))", "A(1)", "A(b='x)", "A(b=[1)",
                                 "A(b=1 c=2)", "A(b=1, b=2)", "A B", "=A()", "A(b=1x)", "A(b=-)", "A(b={1})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_call(text), metrics::eval::UsageError);
  }
  CHECK_THROWS_AS(parse_call("A(b=" + std::string(100000, '[')), metrics::eval::UsageError);
}

TEST_CASE("eval: calls as Python has them") {
  const auto json = [](const std::string& text) { return nlohmann::json::parse(parse_call(text).json); };
  CHECK(json("AUROC") == R"({"name": "AUROC"})"_json);
  CHECK(json(" A ( ) ") == R"({"name": "A", "options": {}})"_json);
  CHECK(
      json("A(a=1, b=-2.5e-1, c=True, d=None, e='it\\'s', f=\"x y\", g=macro,)") ==
      R"({"name": "A", "options": {"a": 1, "b": -0.25, "c": true, "d": null, "e": "it's", "f": "x y", "g": "macro"}})"_json);
  CHECK(json("A(a=[1, 2.0], b=(), c={'k': 1, l: [x]}, d=B(e=C))") ==
        R"({"name": "A", "options": {"a": [1, 2.0], "b": [], "c": {"k": 1, "l": ["x"]},
            "d": {"name": "B", "options": {"e": "C"}}}})"_json);
  CHECK(parse_call("top5 = A(k=5)").title == "top5");
  CHECK(parse_call("A(k=5)").title == "");
}

TEST_CASE("eval: the names nearest to a misspelt one") {
  const std::vector<std::string> known = {"preds", "target", "indexes", "value"};
  CHECK(metrics::eval::nearest("taregt", known) == std::vector<std::string>{"target"});
  CHECK(metrics::eval::nearest("PREDS", known) == std::vector<std::string>{"preds"});
  CHECK(metrics::eval::nearest("nothing_like_it", known).empty());
  CHECK(metrics::eval::did_you_mean("nothing_like_it", known) == "; there are: preds, target, indexes, value");
  CHECK(metrics::eval::did_you_mean("x", {}) == "");
}
