#include "eval/json_lines.h"

#include "trainer/folder.h"
#include <metrics/core/errors.h>

#include <ATen/core/Tensor.h>

#include <doctest/doctest.h>

#include <fstream>
#include <string>

using metrics::eval::ColumnType;
using metrics_test::Folder;

namespace {

/// Why column `a` is refused as what is asked for; empty where it is not.
std::string refusal_of(const std::string& lines, const ColumnType& type) {
  const Folder folder;
  const auto path = folder.path() / "rows.jsonl";
  std::ofstream(path, std::ios::binary) << lines;
  const auto file = metrics::eval::open_json_lines(path, "rows.jsonl");
  const metrics::eval::ColumnRequest request{"a", type};
  try {
    file->read({&request, 1}, 0, file->rows("a"));
  } catch (const metrics::FormatError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("eval: lists and objects deeper than any stack are refused") {
  constexpr std::size_t depth = 500000;
  const std::string lists = R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}\n";
  std::string objects = R"({"a":)";
  for (std::size_t i = 0; i < depth; ++i) objects += R"({"a":)";
  objects += "1" + std::string(depth, '}') + "}\n";
  for (const std::string& lines : {lists, objects}) {
    CHECK(refusal_of(lines, {.holds = ColumnType::Holds::Texts}).find("expected a text, got an ") != std::string::npos);
    CHECK(refusal_of(lines, {.dtype = at::kLong}).find(", got an ") != std::string::npos);
    CHECK(refusal_of(lines, {.holds = ColumnType::Holds::Values}).find("are too deep") != std::string::npos);
  }
}

TEST_CASE("eval: what is no integer is not read as one") {
  CHECK(refusal_of("{\"a\": 3}\n{\"a\": true}\n", {.dtype = at::kLong}).empty());
  for (const std::string number : {"1e300", "0.5", "null", "18446744073709551615"}) {
    CAPTURE(number);
    CHECK(refusal_of("{\"a\": " + number + "}\n", {.dtype = at::kLong}).find(number.substr(0, 1)) != std::string::npos);
  }
}
