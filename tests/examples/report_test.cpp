#include "../../examples/digits/report.h"

#include <metrics/core/errors.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using digits::Report;

/// Five rows of two classes: hits at rows 0, 2 and 4.
const digits::Array<float> kScores{{5, 2}, {2, 0, 2, 0, 0, 2, 0, 2, 2, 0}};
const std::vector<uint8_t> kLabels{0, 1, 1, 0, 0};

}  // namespace

TEST_CASE("demo: one rank needs no padding") {
  const Report report = digits::padded_and_averaged(kScores, kLabels, 1);
  CHECK(report.images == std::vector<int64_t>{5});
  CHECK(report.accuracy == 0.6f);
  CHECK(report.class_accuracy == std::vector<float>{2.0f / 3, 0.5f});
  CHECK(report.confusion_total == 5);
  // Of class 0: 2 of 3 found, 1 of 3 guesses wrong; of class 1: 1 of 2 and 1 of 2.
  CHECK(report.macro_f1 == static_cast<float>((2.0 / 3 + 0.5) / 2));
  // Two scores, so that ranks tie: 6 pairs, of which 2 are right, 1 is wrong and 3 are ties.
  CHECK(report.auroc == static_cast<float>(3.5 / 6));
  // Of class 0 both good rows have 2 of 3 above them and the third 3 of 5; of class 1 one has 1 of 2, one 2 of 5.
  CHECK(report.average_precision == doctest::Approx(((2.0 / 3 + 2.0 / 3 + 3.0 / 5) / 3 + (0.5 + 0.4) / 2) / 2));
  const double hit = std::log1p(std::exp(-2.0));
  CHECK(report.mean_loss == static_cast<float>((3 * hit + 2 * (hit + 2)) / 5));
  CHECK_FALSE(report.collectives.has_value());
}

TEST_CASE("demo: padding repeats the first indices, and ranks weigh the same whatever they saw") {
  // Rank 0 gets rows 0, 2, 4, all hits; rank 1 rows 1, 3 and again 0: one hit.
  const Report report = digits::padded_and_averaged(kScores, kLabels, 2);
  CHECK(report.images == std::vector<int64_t>{3, 3});
  CHECK(report.accuracy == static_cast<float>((1.0 + 1.0 / 3) / 2));
  CHECK(report.class_accuracy == std::vector<float>{(1.0f + 0.5f) / 2, (1.0f + 0.0f) / 2});
  CHECK(report.confusion_total == 6);
}

TEST_CASE("demo: one differing bit is seen and marked") {
  Report one = digits::padded_and_averaged(kScores, kLabels, 1);
  one.collectives = 0;
  one.bytes = 0;
  CHECK(digits::same_bits(one, one));
  Report nan = one;
  nan.mean_loss = std::nanf("");
  CHECK(digits::same_bits(nan, nan));
  for (float* value :
       {&nan.accuracy, &nan.macro_f1, &nan.auroc, &nan.average_precision, &nan.mean_loss, &nan.class_accuracy[1]}) {
    nan = one;
    *value = std::nextafter(*value, 2.0f);
    CHECK_FALSE(digits::same_bits(one, nan));
    std::ostringstream table;
    digits::print_table(table, std::vector{one, nan}, std::vector{one});
    CHECK(std::ranges::count(table.str(), '*') == 1);
  }
  nan = one;
  nan.confusion_total += 1;
  CHECK_FALSE(digits::same_bits(one, nan));
  nan = one;
  nan.class_accuracy.pop_back();
  CHECK_FALSE(digits::same_bits(one, nan));
}

TEST_CASE("demo: a report survives the way through a file bit by bit") {
  Report report = digits::padded_and_averaged(kScores, kLabels, 3);
  report.collectives = 2;
  report.bytes = 4096;
  const auto file = std::filesystem::temp_directory_path() / ("report-" + std::to_string(std::rand()) + ".json");
  report.save(file);
  const Report back = Report::load(file);
  CHECK(digits::same_bits(report, back));
  CHECK(back.images == report.images);
  CHECK(back.collectives == 2);
  CHECK(back.bytes == 4096);

  std::ofstream(file) << R"({"images": 3})";
  CHECK_THROWS_WITH_AS(Report::load(file), doctest::Contains("is not a report"), metrics::FormatError);
  std::filesystem::remove(file);
  CHECK_THROWS_AS(Report::load(file), metrics::FormatError);
}

TEST_CASE("demo: the table fits 100 columns") {
  Report report = digits::padded_and_averaged(kScores, kLabels, 1);
  report.images = {151, 150, 150};
  std::ostringstream table;
  digits::print_table(table, std::vector(3, report), std::vector(2, report));
  std::istringstream lines(table.str());
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
}

TEST_CASE("demo: the images that are shipped are what their script writes") {
  const std::string script = METRICS_SOURCE_DIR "/examples/digits/make_data.py";
  CHECK(std::system((METRICS_PYTHON " " + script + " --check").c_str()) == 0);
}
