#include "eval/delimited_records.h"

#include <metrics/core/errors.h>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using Records = std::vector<std::vector<std::string>>;

Records read(const std::string& text, char delimiter = ',') {
  const metrics::io::Source source{text, "text"};
  metrics::eval::DelimitedRecords records(source, delimiter);
  Records all;
  while (records.next()) all.emplace_back(records.fields().begin(), records.fields().end());
  return all;
}

}  // namespace

TEST_CASE("eval: quotes that do not end, or that something follows, are refused") {
  for (const std::string text : {"\"", "a,\"b", "\"a\"b", "\"a\" ,b", "\"\"\""}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read(text), metrics::FormatError);
  }
}

TEST_CASE("eval: records of delimited text") {
  CHECK(read("").empty());
  CHECK(read("\n\r\n\n").empty());
  CHECK(read("a,b\n1,2\n") == Records{{"a", "b"}, {"1", "2"}});
  CHECK(read("a,b\r\n1,2") == Records{{"a", "b"}, {"1", "2"}});
  CHECK(read("a,,\n,\n") == Records{{"a", "", ""}, {"", ""}});
  CHECK(read("\"a,b\",\"c\nd\",\"e\"\"f\"\"\",\"\"\nx") == Records{{"a,b", "c\nd", "e\"f\"", ""}, {"x"}});
  CHECK(read("a\tb,c\n", '\t') == Records{{"a", "b,c"}});
}
