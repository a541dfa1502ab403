#include "allocations.h"
#include "classification/counts/counting.h"
#include "classification/counts/side_by_side.h"
#include <metrics/core/errors.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

// Rows of few classes, whose argmax, labels and counts are worked a block at a time, beside the plain-tensor version:
// each number of classes up to and past the largest, sizes around the edges of vectors and blocks, and all that a score
// or a label can be.

namespace {

using at::Tensor;
using metrics::InvalidArgument;
using namespace metrics::classification::counts;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t block = kernels::side_by_side::most_rows;

template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

/// One thread for as long as it lives.
struct OneThread {
  int before = at::get_num_threads();
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before); }
};

/// Counts by class, of all classes together, and of pairs, as one tensor each.
std::vector<Tensor> counted(bool plainly, const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const int64_t classes = *rule.num_classes;
  Tensor by_class = at::zeros({4, classes}, at::kLong), together = at::zeros({4, 1}, at::kLong);
  Tensor confusion = at::zeros({classes, classes}, at::kLong);
  for (Tensor* counts : {&by_class, &together}) {
    (plainly ? plain::add_class_counts : add_class_counts)(*counts, preds, target, rule);
  }
  (plainly ? plain::add_class_confusion : add_class_confusion)(confusion, preds, target, rule);
  return {by_class, together, confusion};
}

void check_alike(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  CAPTURE(*rule.num_classes);
  CAPTURE(target.sizes());
  CAPTURE(preds.scalar_type());
  CAPTURE(target.scalar_type());
  const auto here = counted(false, preds, target, rule), expected = counted(true, preds, target, rule);
  for (std::size_t i = 0; i < here.size(); ++i) {
    CAPTURE(i);
    CHECK(at::equal(here[i], expected[i]));
  }
}

/// Scores with ties, of `kind`: as they are, with infinities, or with NaN.
Tensor scores(at::IntArrayRef shape, int64_t kind, at::ScalarType dtype) {
  Tensor x = (at::randn(shape) * 4).round() / 4;
  if (kind == 1) {
    x = at::where(at::rand(shape) < 0.3, -kInfinity, x);
    x = at::where(at::rand(shape) < 0.1, kInfinity, x);
  }
  if (kind == 2) x = at::where(at::rand(shape) < 0.02, kNaN, x);
  if (kind == 3) x = at::where(x == 0, -0.0, x);
  return x.to(dtype);
}

const std::vector<at::ScalarType> kScoreTypes{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf};
const std::vector<at::ScalarType> kLabelTypes{at::kLong, at::kInt, at::kShort, at::kChar, at::kByte, at::kFloat};

}  // namespace

TEST_CASE("short rows: any number of classes, in any dtype and layout, with ties, infinities and NaN") {
  const OneThread one_thread;
  at::manual_seed(1);
  for (int64_t classes = 2; classes <= 130; ++classes) {
    for (std::size_t i = 0; i < kScoreTypes.size(); ++i) {
      const auto n = static_cast<std::size_t>(classes) + i;
      const int64_t rows = std::vector<int64_t>{1, 5, 8, 31, 255, 256, 257, 300}[(n + n / 8) % 8];
      const int64_t kind = static_cast<int64_t>(n % 4);
      const auto labels = kLabelTypes[n % kLabelTypes.size()];
      ClassRule rule{.num_classes = classes, .validate = kind != 2};
      if (n % 3 == 0) rule.ignore_index = n % 2 == 0 ? -1 : classes / 2;
      if (labels == at::kByte && rule.ignore_index == -1) rule.ignore_index = 255;
      const auto target_of = [&](at::IntArrayRef shape) {
        Tensor target = at::randint(std::min<int64_t>(classes, 120), shape, at::kLong);
        if (rule.ignore_index) target = at::where(at::rand(shape) < 0.2, *rule.ignore_index, target);
        return target.to(labels);
      };
      const auto dtype = kScoreTypes[i];
      check_alike(scores({rows, classes}, kind, dtype), target_of({rows}), rule);
      check_alike(scores({rows, classes + 3}, kind, dtype).slice(1, 1, classes + 1), target_of({rows}), rule);
      check_alike(scores({classes, rows}, kind, dtype).t(), target_of({rows}), rule);
      check_alike(scores({2, classes, rows}, kind, dtype), target_of({2, rows}), rule);
      check_alike(scores({rows, classes, 2}, kind, dtype).slice(2, 0, 1), target_of({rows, 1}), rule);
      check_alike(scores({3, classes, 2, 5}, kind, dtype), target_of({3, 2, 5}), rule);
      check_alike(scores({2, rows, classes}, kind, dtype).transpose(1, 2), target_of({2, rows}), rule);
    }
  }
}

TEST_CASE("short rows: sizes around the edges of vectors, blocks and tables") {
  const OneThread one_thread;
  at::manual_seed(2);
  for (const int64_t classes : {2, 3, 4, 10, 19, 43, 44}) {
    std::vector<int64_t> sizes{4 * (classes + 2) * (classes + 1) - 1, 4 * (classes + 2) * (classes + 1)};
    for (int64_t rows = 1; rows <= 33; ++rows) sizes.push_back(rows);
    for (const int64_t blocks : {1, 2, 3}) {
      for (const int64_t more : {-9, -8, -1, 0, 1, 7, 8, 9}) sizes.push_back(blocks * block + more);
    }
    for (const int64_t rows : sizes) {
      const Tensor target = at::randint(classes, {rows}, at::kLong), other = at::randint(classes, {rows}, at::kInt);
      check_alike(scores({rows, classes}, 0, at::kFloat), target, {.num_classes = classes});
      check_alike(scores({1, classes, rows}, 0, at::kDouble), target.unsqueeze(0), {.num_classes = classes});
      check_alike(other, target, {.num_classes = classes, .ignore_index = 1});
    }
  }
}

TEST_CASE("short rows: without validation a label of no class is never right, and NaN comes before all") {
  const OneThread one_thread;
  at::manual_seed(3);
  for (const int64_t classes : {2, 5, 60}) {
    for (const int64_t rows : {9, 256, 1000, 20000}) {
      const Tensor target = at::randint(-2, classes + 2, {rows}, at::kLong);
      const ClassRule rule{.num_classes = classes, .ignore_index = classes + 1, .validate = false};
      check_alike(scores({rows, classes}, 2, at::kFloat), target, rule);
      check_alike(at::randint(-2, classes + 3, {rows}, at::kLong), target, rule);
      check_alike(at::randint(-2, classes + 3, {rows}, at::kLong), target, {.num_classes = classes, .validate = false});
    }
  }
}

TEST_CASE("short rows: the first wrong label is named wherever it stands, and nothing is counted") {
  const OneThread one_thread;
  at::manual_seed(4);
  constexpr int64_t classes = 10;
  for (const auto dtype : {at::kLong, at::kInt, at::kByte, at::kFloat}) {
    for (const int64_t rows : {int64_t{40}, block, 3 * block + 5, int64_t{9000}}) {
      for (const int64_t place : {int64_t{0}, int64_t{7}, rows / 2, block - 1, block, rows - 1}) {
        if (place >= rows) continue;
        CAPTURE(dtype);
        CAPTURE(rows);
        CAPTURE(place);
        Tensor target = at::randint(classes, {rows}, at::kLong);
        target.slice(0, place) = classes + 2;
        target = target.to(dtype);
        const Tensor right = at::randint(classes, {rows}, at::kLong);
        const std::string at_place = ", got 12 at [" + std::to_string(place) + "]";
        const ClassRule rule{.num_classes = classes};
        Tensor counts = at::zeros({4, classes}, at::kLong), together = at::zeros({4, 1}, at::kLong);
        Tensor confusion = at::zeros({classes, classes}, at::kLong);
        for (const Tensor& preds : {at::rand({rows, classes}), right}) {
          const std::string wrong = "target: expected labels in [0, 10)" + at_place;
          CHECK(error_of([&] { add_class_counts(counts, preds, target, rule); }) == wrong);
          CHECK(error_of([&] { add_class_counts(together, preds, target, rule); }) == wrong);
          CHECK(error_of([&] { add_class_confusion(confusion, preds, target, rule); }) == wrong);
        }
        const std::string wrong = "preds: expected labels in [0, 10)" + at_place;
        CHECK(error_of([&] { add_class_counts(counts, target, right, rule); }) == wrong);
        CHECK(error_of([&] { add_class_confusion(confusion, target, right, rule); }) == wrong);
        for (const Tensor& table : {counts, together, confusion}) CHECK_FALSE(table.any().item<bool>());
      }
    }
  }
}

TEST_CASE("short rows: one that is NaN is refused wherever it stands, unless its row is ignored") {
  for (const int64_t classes : {2, 10, 100}) {
    for (const int64_t place : {int64_t{0}, block - 1, block, int64_t{599}}) {
      const Tensor preds = at::rand({600, classes});
      preds[place][classes - 1] = kNaN;
      Tensor target = at::zeros({600}, at::kLong), counts = at::zeros({4, classes}, at::kLong);
      const ClassRule rule{.num_classes = classes, .ignore_index = -1};
      CHECK(error_of([&] { add_class_counts(counts, preds, target, rule); }) ==
            "preds: expected scores that are numbers, got nan at [" + std::to_string(place) + ", " +
                std::to_string(classes - 1) + "]");
      CHECK_FALSE(counts.any().item<bool>());
      target[place] = -1;
      check_alike(preds, target, rule);
    }
  }
}

TEST_CASE("short rows: the same from any number of threads") {
  const Tensor preds = at::randn({100000, 7}), target = at::randint(7, {100000}, at::kLong);
  const OneThread one_thread;
  const auto one = counted(false, preds, target, {.num_classes = 7});
  at::set_num_threads(3);
  const auto three = counted(false, preds, target, {.num_classes = 7});
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(at::equal(one[i], three[i]));
}

TEST_CASE("short rows: the argmax of every machine's version") {
  namespace side = kernels::side_by_side;
  using metrics::kernels::Machine;
  std::mt19937 engine(5);
  for (const Machine machine : {Machine::Any, Machine::Avx2, Machine::Avx512}) {
    if (machine > metrics::kernels::this_machine()) continue;
    const auto check = [&]<class T>(T) {
      for (int64_t classes = 2; classes <= side::most_classes; classes += classes < 12 ? 1 : 29) {
        for (const int64_t rows : {1, 4, 7, 8, 9, 31, 64, 255, 256}) {
          // The memory ends where the scores do.
          std::vector<T> x(static_cast<std::size_t>(rows * classes));
          for (T& each : x) each = static_cast<T>(static_cast<int64_t>(engine() % 9)) / 4 - 1;
          side::Classes by_row{}, by_column{};
          CHECK_FALSE(side::argmax(machine, true, x.data(), classes, rows, classes, by_row.data()));
          CHECK_FALSE(side::argmax(machine, false, x.data(), rows, rows, classes, by_column.data()));
          bool alike = true;
          for (int64_t r = 0; r < rows; ++r) {
            int64_t row = 0, column = 0;
            for (int64_t c = 1; c < classes; ++c) {
              if (x[r * classes + c] > x[r * classes + row]) row = c;
              if (x[c * rows + r] > x[column * rows + r]) column = c;
            }
            alike &= by_row[r] == row && by_column[r] == column;
          }
          CAPTURE(classes);
          CAPTURE(rows);
          CHECK(alike);
          x[engine() % x.size()] = std::numeric_limits<T>::quiet_NaN();
          CHECK(side::argmax(machine, true, x.data(), classes, rows, classes, by_row.data()));
          CHECK(side::argmax(machine, false, x.data(), rows, rows, classes, by_column.data()));
        }
      }
    };
    check(float{});
    check(double{});
  }
}

TEST_CASE("short rows: counting takes no memory") {
  const OneThread one_thread;
  const Tensor preds = at::rand({5000, 10}), pixels = at::rand({2, 10, 30, 40});
  const Tensor target = at::randint(10, {5000}, at::kLong), labels = at::randint(10, {5000}, at::kInt);
  const Tensor pixel_target = at::randint(10, {2, 30, 40}, at::kByte);
  Tensor counts = at::zeros({4, 10}, at::kLong), together = at::zeros({4, 1}, at::kLong);
  Tensor confusion = at::zeros({10, 10}, at::kLong);
  const ClassRule rule{.num_classes = 10};
  const auto all = [&] {
    add_class_counts(counts, preds, target, rule);
    add_class_counts(together, preds, labels, rule);
    add_class_counts(counts, pixels, pixel_target, rule);
    add_class_counts(counts, labels, target, rule);
    add_class_confusion(confusion, preds, target, rule);
    add_class_confusion(confusion, target, labels, rule);
  };
  all();
  const std::optional<int64_t> first = allocations();
  all();
  CHECK(allocations() == first);  // both are nothing where a sanitizer counts them
}
