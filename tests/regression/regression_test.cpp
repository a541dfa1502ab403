#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/core/warning.h>
#include <metrics/regression/concordance.h>
#include <metrics/regression/cosine_similarity.h>
#include <metrics/regression/crps.h>
#include <metrics/regression/csi.h>
#include <metrics/regression/explained_variance.h>
#include <metrics/regression/js_divergence.h>
#include <metrics/regression/kendall.h>
#include <metrics/regression/kl_divergence.h>
#include <metrics/regression/log_cosh.h>
#include <metrics/regression/log_mse.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/nrmse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>
#include <metrics/regression/rse.h>
#include <metrics/regression/spearman.h>
#include <metrics/regression/symmetric_mape.h>
#include <metrics/regression/tweedie_deviance.h>
#include <metrics/regression/wmape.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

// What fixtures cannot show: exactness over ten million samples, half inputs beyond their sums, derivatives.

using metrics::Tensor;

namespace {

__extension__ using Wide = __int128;

/// splitmix64 over a counter.
uint64_t word(uint64_t counter) {
  uint64_t z = 42 + (counter + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// Float64 in [-half_width, half_width), multiples of 2^-20.
Tensor draws(uint64_t stream, at::IntArrayRef shape, double half_width = 4) {
  Tensor values = at::empty(shape, at::kDouble);
  auto* data = values.mutable_data_ptr<double>();
  const auto range = static_cast<int64_t>(half_width * 0x1p21);
  for (int64_t i = 0; i < values.numel(); ++i) {
    const auto drawn =
        static_cast<int64_t>(word((stream << 32) + static_cast<uint64_t>(i)) % static_cast<uint64_t>(range));
    data[i] = static_cast<double>(drawn - range / 2) * 0x1p-20;
  }
  return values;
}

/// Ten million pairs about `offset`, of deviation 1, in float64, and what their metrics are: the deviations are
/// integers in units of 2^-25, so that all sums of them are exact.
struct Pairs {
  static constexpr int64_t count = 10'000'000;
  static constexpr double unit = 0x1p-25;
  Tensor preds = at::empty({count}, at::kDouble);
  Tensor target = at::empty({count}, at::kDouble);
  double squared_error, absolute_error, r2, correlation, relative_error, explained, concordance, beside_deviation,
      beside_mean;

  explicit Pairs(double offset) {
    constexpr int64_t width = 116'235'961;  // 2 √3 / unit
    Wide x1 = 0, y1 = 0, x2 = 0, y2 = 0, xy = 0, e1 = 0, e2 = 0;
    auto* x_values = preds.mutable_data_ptr<double>();
    auto* y_values = target.mutable_data_ptr<double>();
    for (int64_t i = 0; i < count; ++i) {
      const auto y = static_cast<int64_t>(word(static_cast<uint64_t>(2 * i)) % width) - width / 2;
      const auto noise = static_cast<int64_t>(word(static_cast<uint64_t>(2 * i + 1)) % width) - width / 2;
      const int64_t x = y + noise / 2;
      x_values[i] = offset + static_cast<double>(x) * unit;
      y_values[i] = offset + static_cast<double>(y) * unit;
      x1 += x, y1 += y;
      x2 += Wide{x} * x, y2 += Wide{y} * y, xy += Wide{x} * y;
      e1 += std::abs(x - y), e2 += Wide{x - y} * (x - y);
    }
    const auto ratio = [](Wide a, Wide b) { return static_cast<long double>(a) / static_cast<long double>(b); };
    squared_error = static_cast<double>(ratio(e2, count) * unit * unit);
    absolute_error = static_cast<double>(ratio(e1, count) * unit);
    const Wide var_x = count * x2 - x1 * x1, var_y = count * y2 - y1 * y1, covariance = count * xy - x1 * y1;
    r2 = static_cast<double>(1 - ratio(count * e2, var_y));
    correlation = static_cast<double>(ratio(covariance, var_x) / std::sqrt(ratio(var_y, var_x)));
    relative_error = 1 - r2;
    explained = static_cast<double>(1 - ratio(var_x + var_y - 2 * covariance, var_y));
    // Variances of a sample, and the squared distance of the means; all times n² (n - 1).
    const Wide apart = (x1 - y1) * (x1 - y1) / count * (count - 1);
    concordance = static_cast<double>(ratio(2 * covariance, var_x + var_y + apart));
    beside_deviation = std::sqrt(static_cast<double>(ratio(count * e2, var_y)));
    beside_mean = std::sqrt(squared_error) / (offset + static_cast<double>(ratio(y1, count)) * unit);
  }
};

/// Folds the pairs in by batches of `rows`, every third of them into a second metric that is merged at the end.
template <class M>
double value_at_split(const Pairs& pairs, int64_t rows) {
  M metric, other;
  metric.set_dtype(at::kDouble);
  other.set_dtype(at::kDouble);
  for (int64_t begin = 0; begin < Pairs::count; begin += rows) {
    const int64_t length = std::min(rows, Pairs::count - begin);
    M& taker = begin / rows % 3 == 2 ? other : metric;
    taker.update(pairs.preds.narrow(0, begin, length), pairs.target.narrow(0, begin, length));
  }
  metric.merge(other);
  return metric.compute().template item<double>();
}

template <class M>
void check_at_any_split(const Pairs& pairs, double expected) {
  for (const int64_t rows : {Pairs::count, int64_t{3'333'333}, int64_t{8192}, int64_t{97}}) {
    CAPTURE(rows);
    CHECK(std::abs(value_at_split<M>(pairs, rows) - expected) <= 1e-9);
  }
}

/// Compares the derivatives of `value` by its argument with differences, element by element.
template <class F>
void check_gradient(const F& value, const Tensor& at_point) {
  Tensor point = at_point.clone().requires_grad_();
  const Tensor result = value(point);
  REQUIRE(result.requires_grad());
  result.sum().backward();
  const Tensor gradient = point.grad();
  constexpr double step = 1e-5;
  for (int64_t i = 0; i < point.numel(); ++i) {
    const auto moved = [&](double by) {
      Tensor other = at_point.clone();
      other.view(-1)[i] += by;
      return value(other).sum().template item<double>();
    };
    const double difference = (moved(step) - moved(-step)) / (2 * step);
    CHECK(gradient.view(-1)[i].item<double>() == doctest::Approx(difference).epsilon(1e-5).scale(1e-2));
  }
}

/// Derivatives by both inputs, of the functional and of `forward`, which must give the value that it gives without.
template <class M, class F>
void check_gradients(const F& functional, typename M::Options options, const Tensor& preds, const Tensor& target) {
  const auto forward = [&](const Tensor& x, const Tensor& y) {
    M metric(options);
    metric.set_dtype(at::kDouble);
    return metric.forward(x, y);
  };
  check_gradient([&](const Tensor& x) { return functional(x, target); }, preds);
  check_gradient([&](const Tensor& y) { return functional(preds, y); }, target);
  check_gradient([&](const Tensor& x) { return forward(x, target); }, preds);
  check_gradient([&](const Tensor& y) { return forward(preds, y); }, target);
  const Tensor with = forward(preds.clone().requires_grad_(), target);
  CHECK(at::allclose(with.detach(), forward(preds, target), 1e-12, 1e-13));
}

}  // namespace

TEST_CASE("regression: complex inputs are refused, by name") {
  const Tensor complex = at::ones({3}, at::kComplexFloat);
  const Tensor real = at::ones({3});
  const auto refused = [&](auto metric) {
    for (const bool in_preds : {true, false}) {
      try {
        metric.update(in_preds ? complex : real, in_preds ? real : complex);
        FAIL_CHECK("update takes complex numbers");
      } catch (const metrics::InvalidArgument& error) {
        const std::string message = error.what();
        CHECK(message.find(in_preds ? "`preds`" : "`target") != std::string::npos);
        CHECK(message.find("ComplexFloat") != std::string::npos);
      }
    }
    CHECK(metric.update_count() == 0);
  };
  refused(metrics::MeanSquaredError());
  refused(metrics::MeanAbsoluteError());
  refused(metrics::MeanAbsolutePercentageError());
  refused(metrics::MinkowskiDistance({.p = 3}));
  refused(metrics::R2Score());
  refused(metrics::PearsonCorrCoef());
  refused(metrics::ConcordanceCorrCoef());
  refused(metrics::ContinuousRankedProbabilityScore());
  refused(metrics::CosineSimilarity());
  refused(metrics::CriticalSuccessIndex({.threshold = 0.5}));
  refused(metrics::ExplainedVariance());
  refused(metrics::KendallRankCorrCoef());
  refused(metrics::LogCoshError());
  refused(metrics::MeanSquaredLogError());
  refused(metrics::NormalizedRootMeanSquaredError());
  refused(metrics::RelativeSquaredError());
  refused(metrics::SpearmanCorrCoef());
  refused(metrics::SymmetricMeanAbsolutePercentageError());
  refused(metrics::TweedieDevianceScore());
  refused(metrics::WeightedMeanAbsolutePercentageError());
}

TEST_CASE("regression: an exponent that is no finite number is refused, by name") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double p : {std::nan(""), infinity, -infinity, 0.99}) {
    CAPTURE(p);
    try {
      const metrics::MinkowskiDistance metric({.p = p});
      FAIL_CHECK("the exponent is taken");
    } catch (const metrics::InvalidArgument& error) {
      CHECK(std::string(error.what()).starts_with("MinkowskiDistance: p: "));
    }
  }
}

TEST_CASE("regression: ten million samples far from zero, at any split") {
  const Pairs pairs(1e6);
  SUBCASE("mean squared error") {
    check_at_any_split<metrics::MeanSquaredError>(pairs, pairs.squared_error);
  }
  SUBCASE("mean absolute error") {
    check_at_any_split<metrics::MeanAbsoluteError>(pairs, pairs.absolute_error);
  }
  SUBCASE("R2") {
    check_at_any_split<metrics::R2Score>(pairs, pairs.r2);
  }
  SUBCASE("Pearson") {
    check_at_any_split<metrics::PearsonCorrCoef>(pairs, pairs.correlation);
  }
  SUBCASE("relative squared error") {
    check_at_any_split<metrics::RelativeSquaredError>(pairs, pairs.relative_error);
  }
  SUBCASE("explained variance") {
    check_at_any_split<metrics::ExplainedVariance>(pairs, pairs.explained);
  }
  SUBCASE("concordance") {
    check_at_any_split<metrics::ConcordanceCorrCoef>(pairs, pairs.concordance);
  }
  SUBCASE("root mean squared error beside the mean, and beside the deviation") {
    check_at_any_split<metrics::NormalizedRootMeanSquaredError>(pairs, pairs.beside_mean);
    metrics::NormalizedRootMeanSquaredError error({.normalization = metrics::regression::Normalization::Std});
    error.set_dtype(at::kDouble);
    for (const Tensor& part : {pairs.preds.slice(0, 0, 97), pairs.preds.slice(0, 97)}) {
      error.update(part, pairs.target.slice(0, part.size(0) == 97 ? 0 : 97, part.size(0) == 97 ? 97 : Pairs::count));
    }
    CHECK(std::abs(error.compute().item<double>() - pairs.beside_deviation) <= 1e-9);
  }
}

TEST_CASE("regression: half inputs over a million elements") {
  constexpr int64_t count = 1'200'000;
  for (const auto dtype : {at::kHalf, at::kBFloat16}) {
    const Tensor target = draws(1, {count}, 600).to(dtype);
    const Tensor preds = (target.to(at::kDouble) + draws(2, {count}, 200)).to(dtype);
    const Tensor x = preds.to(at::kDouble);
    const Tensor y = target.to(at::kDouble);
    const Tensor deviation = y - y.mean();
    const auto near = [](const Tensor& value, const Tensor& expected) {
      CHECK((value.scalar_type() == at::kFloat));
      CHECK(value.item<double>() == doctest::Approx(expected.item<double>()).epsilon(1e-6));
    };
    const auto value = [&](auto metric) {
      metric.update(preds, target);
      return metric.compute();
    };
    near(value(metrics::MeanSquaredError()), (x - y).square().mean());
    near(value(metrics::MeanAbsoluteError()), (x - y).abs().mean());
    near(value(metrics::R2Score()), 1 - (x - y).square().sum() / deviation.square().sum());
    near(value(metrics::RelativeSquaredError()), (x - y).square().sum() / deviation.square().sum());
    const Tensor error = y - x;
    near(value(metrics::ExplainedVariance()), 1 - (error - error.mean()).square().sum() / deviation.square().sum());
    near(value(metrics::NormalizedRootMeanSquaredError({.normalization = metrics::regression::Normalization::Std})),
         ((x - y).square().mean() / deviation.square().mean()).sqrt());
    near(value(metrics::WeightedMeanAbsolutePercentageError()), (x - y).abs().sum() / y.abs().sum());
    near(value(metrics::LogCoshError()), (error.abs() + (error.abs() * -2).exp().log1p() - std::log(2)).mean());
    near(value(metrics::PearsonCorrCoef()),
         ((x - x.mean()) * deviation).sum() / ((x - x.mean()).square().sum() * deviation.square().sum()).sqrt());
  }
}

TEST_CASE("regression: the plain-tensor version, which gradients take, agrees with the kernel") {
  const auto previous = metrics::set_warning_handler([](const std::string&) {});
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    for (const int64_t columns : {1, 2, 7, 33, 100}) {
      for (const int64_t rows : {2, 15, 1000}) {
        CAPTURE(columns);
        CAPTURE(rows);
        const Tensor target = (draws(3, {rows, columns}) + 100).to(dtype);
        const Tensor preds = (target.to(at::kDouble) + draws(4, {rows, columns})).to(dtype);
        const auto agree = [&](auto kernel) {
          auto plain = kernel;
          kernel.set_dtype(at::kDouble);
          plain.set_dtype(at::kDouble);
          const Tensor tracked = preds.clone().requires_grad_();
          const Tensor expected = plain.forward(tracked, target);
          CHECK(expected.requires_grad());
          CHECK(at::allclose(kernel.forward(preds, target), expected.detach(), 1e-9, 1e-12, /*equal_nan=*/true));
          CHECK(at::allclose(kernel.compute(), plain.compute(), 1e-9, 1e-12, /*equal_nan=*/true));
          CHECK_FALSE(plain.compute().requires_grad());
        };
        agree(metrics::MeanSquaredError({.squared = true, .num_outputs = columns}));
        agree(metrics::MeanAbsoluteError({.num_outputs = columns}));
        agree(metrics::MeanAbsolutePercentageError());
        for (const double p : {1.0, 2.0, 3.0, 4.0, 5.0, 1.25}) agree(metrics::MinkowskiDistance({.p = p}));
        agree(metrics::R2Score({.adjusted = 0, .multioutput = metrics::regression::MultiOutput::RawValues}));
        agree(metrics::PearsonCorrCoef({.num_outputs = columns}));
        agree(metrics::ConcordanceCorrCoef({.num_outputs = columns}));
        agree(metrics::RelativeSquaredError({.num_outputs = columns}));
        agree(metrics::ExplainedVariance({.multioutput = metrics::regression::MultiOutput::RawValues}));
        for (const auto kind : {metrics::regression::Normalization::Mean, metrics::regression::Normalization::Range,
                                metrics::regression::Normalization::Std, metrics::regression::Normalization::L2}) {
          agree(metrics::NormalizedRootMeanSquaredError({.normalization = kind, .num_outputs = columns}));
        }
        agree(metrics::LogCoshError({.num_outputs = columns}));
        agree(metrics::SymmetricMeanAbsolutePercentageError());
        agree(metrics::WeightedMeanAbsolutePercentageError());
        agree(metrics::MeanSquaredLogError());
        for (const double power : {0.0, 1.0, 1.25, 1.5, 2.0, 3.0, -1.5}) {
          agree(metrics::TweedieDevianceScore({.power = power}));
        }
        agree(metrics::KLDivergence());
        agree(metrics::JensenShannonDivergence());
        agree(metrics::CosineSimilarity());
      }
    }
  }
  metrics::set_warning_handler(previous);
}

TEST_CASE("regression: derivatives") {
  using namespace metrics;
  using metrics::regression::MultiOutput;
  const auto previous = set_warning_handler([](const std::string&) {});
  for (const auto& shape : {std::vector<int64_t>{6}, std::vector<int64_t>{5, 3}}) {
    const int64_t outputs = shape.size() > 1 ? shape[1] : 1;
    const Tensor target = draws(5, shape) + 30;
    const Tensor preds = target + draws(6, shape, 2) + 0.125;
    for (const bool squared : {true, false}) {
      const MeanSquaredErrorOptions options{.squared = squared, .num_outputs = outputs};
      check_gradients<MeanSquaredError>(
          [&](const Tensor& x, const Tensor& y) { return functional::mean_squared_error(x, y, options); }, options,
          preds, target);
    }
    const MeanAbsoluteErrorOptions absolute{.num_outputs = outputs};
    check_gradients<MeanAbsoluteError>(
        [&](const Tensor& x, const Tensor& y) { return functional::mean_absolute_error(x, y, absolute); }, absolute,
        preds, target);
    check_gradients<MeanAbsolutePercentageError>(
        [&](const Tensor& x, const Tensor& y) { return functional::mean_absolute_percentage_error(x, y); }, {}, preds,
        target);
    for (const double p : {2.0, 3.5}) {
      const MinkowskiDistanceOptions options{.p = p};
      check_gradients<MinkowskiDistance>(
          [&](const Tensor& x, const Tensor& y) { return functional::minkowski_distance(x, y, options); }, options,
          preds, target);
    }
    for (const auto kind : {MultiOutput::RawValues, MultiOutput::UniformAverage, MultiOutput::VarianceWeighted}) {
      const R2ScoreOptions options{.adjusted = 2, .multioutput = kind};
      check_gradients<R2Score>([&](const Tensor& x, const Tensor& y) { return functional::r2_score(x, y, options); },
                               options, preds, target);
    }
    check_gradients<PearsonCorrCoef>(
        [](const Tensor& x, const Tensor& y) { return functional::pearson_corrcoef(x, y); },
        PearsonCorrCoefOptions{.num_outputs = outputs}, preds, target);
  }
  set_warning_handler(previous);
}

TEST_CASE("regression: a masked output leaves the derivatives of the others alone") {
  const Tensor target = at::tensor({5.0, 1.0, 5.0, 2.0, 5.0, 4.0}).view({3, 2});
  const Tensor preds = at::tensor({4.0, 1.5, 5.0, 2.0, 6.0, 3.0}).view({3, 2}).requires_grad_();
  metrics::R2Score score({.adjusted = 0, .multioutput = metrics::regression::MultiOutput::RawValues});
  score.forward(preds, target)[1].backward();
  CHECK(preds.grad().isfinite().all().item<bool>());
  CHECK(preds.grad().select(1, 1).abs().sum().item<double>() > 0);
}

TEST_CASE("regression: float64 inputs give float64 in functionals, and in classes when asked") {
  const Tensor preds = at::tensor({1.0, 2.0, 4.0}, at::kDouble);
  const Tensor target = at::tensor({1.1, 2.3, 3.7}, at::kDouble);
  CHECK((metrics::functional::mean_squared_error(preds, target).scalar_type() == at::kDouble));
  CHECK(
      (metrics::functional::mean_squared_error(preds.to(at::kHalf), target.to(at::kHalf)).scalar_type() == at::kFloat));
  CHECK((metrics::call("r2_score", {preds, target}).toTensor().scalar_type() == at::kDouble));
  metrics::MeanAbsoluteError error;
  CHECK((error.forward(preds, target).scalar_type() == at::kFloat));
  error.set_dtype(at::kDouble);
  CHECK((error.compute().scalar_type() == at::kDouble));
}

TEST_CASE("regression: the functional correlation takes the outputs that come") {
  const Tensor preds = draws(7, {9, 4});
  const Tensor target = draws(8, {9, 4});
  metrics::PearsonCorrCoef four({.num_outputs = 4});
  four.set_dtype(at::kDouble);
  CHECK(at::equal(metrics::functional::pearson_corrcoef(preds, target), four.forward(preds, target)));
  CHECK(at::equal(metrics::call("pearson_corrcoef", {}, {{"preds", preds}, {"target", target}}).toTensor(),
                  four.compute()));
  CHECK_THROWS_AS(metrics::functional::pearson_corrcoef(preds, target.narrow(1, 0, 3)), metrics::InvalidArgument);
  CHECK_THROWS_AS(metrics::functional::pearson_corrcoef(preds.narrow(1, 0, 0), target.narrow(1, 0, 0)),
                  metrics::InvalidArgument);
}

TEST_CASE("regression: a cosine similarity takes the rows of a state dict of torchmetrics") {
  using metrics::regression::Reduction;
  const Tensor preds = draws(60, {7, 3}).to(at::kFloat), target = draws(61, {7, 3}).to(at::kFloat);
  for (const auto reduction : {Reduction::Sum, Reduction::Mean, Reduction::None}) {
    metrics::CosineSimilarity whole({.reduction = reduction}), loaded({.reduction = reduction});
    whole.update(preds, target);
    metrics::StateDict rows;
    rows.states["preds"] = std::vector<Tensor>{preds.slice(0, 0, 4), preds.slice(0, 4)};
    rows.states["target"] = std::vector<Tensor>{target.slice(0, 0, 4), target.slice(0, 4)};
    loaded.load_state_dict(rows);
    CHECK(at::allclose(loaded.compute(), whole.compute(), 1e-6, 1e-7));
    loaded.update(preds, target);
    whole.update(preds, target);
    CHECK(at::allclose(loaded.compute(), whole.compute(), 1e-6, 1e-7));
    // Of its own it keeps no rows, and resumes from the metadata, or from what it shows in their place.
    loaded.persistent(true);
    metrics::StateDict saved = loaded.state_dict();
    CHECK(std::get<std::vector<Tensor>>(saved.states.at("preds"))[0].dim() == 3);
    metrics::CosineSimilarity resumed({.reduction = reduction});
    resumed.load_state_dict(saved);
    CHECK(at::equal(resumed.compute(), loaded.compute()));
    saved.metadata.clear();
    resumed.load_state_dict(saved);
    CHECK(at::allclose(resumed.compute(), loaded.compute(), 1e-6, 1e-7));
    rows.states["target"] = std::vector<Tensor>{target.slice(0, 0, 4)};
    CHECK_THROWS_AS(resumed.load_state_dict(rows), metrics::InvalidArgument);
  }
}

TEST_CASE("regression: the mean of the targets that a state dict of torchmetrics has goes on") {
  const Tensor target = draws(62, {30}) + 50, preds = target + draws(63, {30});
  metrics::NormalizedRootMeanSquaredError first, whole, resumed;
  first.persistent(true);
  first.update(preds.slice(0, 0, 12), target.slice(0, 0, 12));
  whole.update(preds, target);
  metrics::StateDict saved = first.state_dict();
  saved.metadata.clear();
  resumed.load_state_dict(saved);
  resumed.update(preds.slice(0, 12), target.slice(0, 12));
  CHECK(resumed.compute().item<double>() == doctest::Approx(whole.compute().item<double>()).epsilon(1e-6));
}

TEST_CASE("regression: correlation and concordance of a collection share one update") {
  metrics::PearsonCorrCoef pearson;
  metrics::ConcordanceCorrCoef concordance;
  CHECK(pearson.update_key() == concordance.update_key());
  CHECK(metrics::PearsonCorrCoef({.num_outputs = 2}).update_key() != concordance.update_key());
}

TEST_CASE("regression: ranks of a million samples, as many pairs as leave int64 in products") {
  constexpr int64_t count = 1'000'000;
  const Tensor preds = at::arange(count, at::kDouble);
  metrics::KendallRankCorrCoef tau;
  metrics::SpearmanCorrCoef rho;
  tau.set_dtype(at::kDouble);
  rho.set_dtype(at::kDouble);
  // Two ascending halves in the other order: each pair across them is discordant.
  const Tensor target = (preds + count / 2).fmod(count);
  tau.update(preds, target);
  rho.update(preds, target);
  const double n = count, across = n * n / 4, pairs = n * (n - 1) / 2;
  CHECK(std::get<Tensor>(tau.compute()).item<double>() == doctest::Approx(1 - 2 * across / pairs).epsilon(1e-12));
  CHECK(rho.compute().item<double>() == doctest::Approx(1 - 6 * n * across / (n * (n * n - 1))).epsilon(1e-12));
}

TEST_CASE("regression: a correlation that there is not warns, and no other does") {
  int warnings = 0;
  const auto previous = metrics::set_warning_handler([&](const std::string&) { ++warnings; });
  metrics::PearsonCorrCoef correlation;
  correlation.update(draws(30, {5}), draws(31, {5}));
  CHECK(std::isfinite(correlation.compute().item<double>()));
  CHECK(warnings == 0);
  correlation.reset();
  correlation.update(at::ones({5}), draws(32, {5}));
  CHECK(std::isnan(correlation.compute().item<double>()));
  CHECK(warnings == 1);
  metrics::set_warning_handler(previous);
}

TEST_CASE("regression: moments merge in any grouping, and the default is neutral") {
  const auto part = [](uint64_t stream, int64_t rows, double offset) {
    metrics::PearsonCorrCoef metric({.num_outputs = 2});
    metric.set_dtype(at::kDouble);
    const Tensor target = draws(stream, {rows, 2}) + offset;
    metric.update(target + draws(stream + 1, {rows, 2}), target);
    return metric;
  };
  const auto a = part(10, 5, 1e6), b = part(12, 1, 1e6 - 3), c = part(14, 300, 1e6 + 7);
  auto left = a, right = b, grouped = a;
  left.merge(b);
  left.merge(c);
  right.merge(c);
  grouped.merge(right);
  CHECK(at::allclose(left.compute(), grouped.compute(), 1e-12, 1e-13));

  const auto states = [](const metrics::Metric& metric) {
    std::vector<Tensor> values;
    for (const auto& [name, value] : metric.metric_state()) values.push_back(std::get<Tensor>(value));
    return values;
  };
  metrics::PearsonCorrCoef into_nothing({.num_outputs = 2});
  into_nothing.merge(a);
  auto with_nothing = a;
  with_nothing.merge(metrics::PearsonCorrCoef({.num_outputs = 2}));
  const auto expected = states(a);
  CHECK(expected.size() == 8);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(at::equal(states(into_nothing)[i], expected[i]));
    CHECK(at::equal(states(with_nothing)[i], expected[i]));
  }
}

TEST_CASE("regression: moments whose squares leave float64 survive a checkpoint, and are shown in torchmetrics' form") {
  for (const double scale : {1e-170, 1e300, 1.0}) {
    CAPTURE(scale);
    const Tensor target = draws(40, {60}) * scale;
    const Tensor preds = target + draws(41, {60}) * scale;
    const auto updated = [](int64_t begin, int64_t end, const Tensor& x, const Tensor& y) {
      metrics::PearsonCorrCoef metric;
      metric.persistent(true);
      metric.set_dtype(at::kDouble);
      metric.update(x.slice(0, begin, end), y.slice(0, begin, end));
      return metric;
    };
    const double whole = updated(0, 60, preds / scale, target / scale).compute().item<double>();
    auto first = updated(0, 25, preds, target);
    const metrics::StateDict saved = first.state_dict();
    const double shown = std::get<Tensor>(saved.states.at("var_x")).item<double>();
    const Tensor deviations = preds.slice(0, 0, 25) - preds.slice(0, 0, 25).mean();
    const double expected = deviations.square().sum().item<double>();
    CHECK((shown == expected || std::abs(shown / expected - 1) < 1e-12));
    metrics::PearsonCorrCoef resumed;
    resumed.set_dtype(at::kDouble);
    resumed.load_state_dict(saved);
    resumed.update(preds.slice(0, 25), target.slice(0, 25));
    CHECK(std::abs(resumed.compute().item<double>() - whole) < 1e-12);
    first.merge(updated(25, 60, preds, target));
    CHECK(std::abs(first.compute().item<double>() - whole) < 1e-12);
  }
  // Of deviations that are scaled here while their squares are numbers: a dict without this library's metadata.
  const Tensor target = draws(42, {60}) * 1e-120;
  const Tensor preds = target + draws(43, {60}) * 1e-120;
  metrics::PearsonCorrCoef metric, from_python;
  metric.persistent(true);
  metric.update(preds, target);
  metrics::StateDict saved = metric.state_dict();
  saved.metadata.clear();
  from_python.load_state_dict(saved);
  from_python.update(preds, target);
  CHECK(from_python.compute().item<float>() == metric.compute().item<float>());
}

TEST_CASE("regression: sums of squares that leave float64 survive a checkpoint and a merge") {
  for (const double scale : {1e-170, 1e300}) {
    CAPTURE(scale);
    const Tensor target = draws(44, {60, 2}) * at::tensor({scale, 1.0}, at::kDouble);
    const Tensor preds = target + draws(45, {60, 2}) * at::tensor({scale, 1.0}, at::kDouble) / 4;
    const auto updated = [&](int64_t begin, int64_t end) {
      metrics::R2Score metric({.multioutput = metrics::regression::MultiOutput::RawValues});
      metric.persistent(true);
      metric.set_dtype(at::kDouble);
      metric.update(preds.slice(0, begin, end), target.slice(0, begin, end));
      return metric;
    };
    const Tensor whole = updated(0, 60).compute();
    const Tensor plain = metrics::functional::r2_score(preds.slice(1, 0, 1) / scale, target.slice(1, 0, 1) / scale);
    CHECK(std::abs((whole[0] - plain).item<double>()) < 1e-12);
    auto first = updated(0, 25);
    metrics::R2Score resumed({.multioutput = metrics::regression::MultiOutput::RawValues});
    resumed.set_dtype(at::kDouble);
    resumed.load_state_dict(first.state_dict());
    resumed.update(preds.slice(0, 25), target.slice(0, 25));
    CHECK(at::allclose(resumed.compute(), whole, 1e-12, 1e-12));
    first.merge(updated(25, 60));
    CHECK(at::allclose(first.compute(), whole, 1e-12, 1e-12));
  }
}

TEST_CASE("regression: derivatives of a score have its scale, where squares leave float64, too") {
  using namespace metrics;
  using metrics::regression::MultiOutput;
  const Tensor target = draws(46, {9, 3}) + 2;
  const Tensor preds = target + draws(47, {9, 3}) / 4;
  struct Found {
    Tensor value, by_preds, by_target;
  };
  const auto found = [&](const Tensor& x, const Tensor& y, MultiOutput kind) {
    R2Score metric({.adjusted = 2, .multioutput = kind});
    metric.set_dtype(at::kDouble);
    const Tensor tracked_x = x.clone().requires_grad_(), tracked_y = y.clone().requires_grad_();
    const Tensor value = metric.forward(tracked_x, tracked_y);
    (value * at::tensor({1.0, 2.0, 4.0}, at::kDouble)).sum().backward();
    CHECK(at::allclose(functional::r2_score(x, y, {.adjusted = 2, .multioutput = kind}), value.detach(), 1e-12, 0));
    CHECK(at::allclose(metric.compute(), value.detach(), 1e-12, 0));
    return Found{value.detach(), tracked_x.grad(), tracked_y.grad()};
  };
  const auto agree = [&](const Tensor& scale, MultiOutput kind) {
    const Found plain = found(preds, target, kind), scaled = found(preds * scale, target * scale, kind);
    CHECK(at::allclose(scaled.value, plain.value, 1e-12, 0));
    CHECK(at::allclose(scaled.by_preds * scale, plain.by_preds, 1e-11, 1e-14));
    CHECK(at::allclose(scaled.by_target * scale, plain.by_target, 1e-11, 1e-14));
  };
  const double large = 0x1p990, small = 0x1p-565;
  for (const auto kind : {MultiOutput::RawValues, MultiOutput::UniformAverage, MultiOutput::VarianceWeighted}) {
    for (const double scale : {large, small}) {
      CAPTURE(scale);
      agree(at::tensor({scale, scale, scale}, at::kDouble), kind);
    }
    if (kind != MultiOutput::VarianceWeighted) agree(at::tensor({small, 1.0, large}, at::kDouble), kind);
  }
}

TEST_CASE("regression: scores in tensors, as devices take them, scale their squares") {
  using namespace metrics;
  using metrics::regression::MultiOutput;
  // By column and batch another scale; the last batch has errors of another scale than its targets.
  const Tensor scales =
      at::tensor({1e-170, 1e300, 1.0, 1e300, 1e-170, 1e-200, 0x1p-1040, 1.0, 1e250}, at::kDouble).view({3, 3});
  for (const bool together : {true, false}) {
    R2Score kernel({.multioutput = MultiOutput::RawValues});
    kernel.set_dtype(at::kDouble);
    R2Score plain = kernel;
    for (int64_t batch = 0; batch < 3; ++batch) {
      const Tensor scale = scales[together ? 0 : batch];
      const Tensor target = (draws(48 + static_cast<uint64_t>(batch), {40, 3}) + 9) * scale;
      const Tensor error = draws(58 + static_cast<uint64_t>(batch), {40, 3}) * scale * (batch == 2 ? 0x1p-30 : 1.0);
      kernel.update(target + error, target);
      plain.update((target + error).requires_grad_(), target);
    }
    CHECK(kernel.compute().isfinite().all().item<bool>());
    CHECK(at::allclose(plain.compute(), kernel.compute(), 1e-9, 1e-12));
  }
  // A column of what no number fits is NaN or infinite, the others are as they are.
  R2Score odd({.multioutput = MultiOutput::RawValues});
  const Tensor target = at::tensor({1.0, 1e300, 2.0, 2e300, 4.0, -1e300}, at::kDouble).view({3, 2});
  Tensor preds = target * 0.75;
  preds[0][0] = std::numeric_limits<double>::infinity();
  const Tensor value = odd.forward(preds.requires_grad_(), target);
  CHECK(value[0].item<double>() == -std::numeric_limits<double>::infinity());
  CHECK(value[1].item<double>() ==
        doctest::Approx(functional::r2_score(target.select(1, 1) * 0.75, target.select(1, 1)).item<double>()));
}

TEST_CASE("regression: checkpoints have torchmetrics' names and forms") {
  const Tensor target = draws(20, {6, 3});
  const Tensor preds = target + draws(21, {6, 3}, 1);
  metrics::R2Score score;
  score.persistent(true);
  score.update(preds, target);
  const auto saved = score.state_dict("r2.").states;
  CHECK(saved.size() == 4);
  for (const char* state : {"r2.sum_squared_error", "r2.sum_error", "r2.residual"}) {
    CAPTURE(state);
    CHECK((std::get<Tensor>(saved.at(state)).sizes() == at::IntArrayRef{3}));
  }
  CHECK(at::allclose(std::get<Tensor>(saved.at("r2.sum_error")).to(at::kDouble), target.sum(0), 1e-6, 1e-6));
  CHECK(at::allclose(std::get<Tensor>(saved.at("r2.sum_squared_error")).to(at::kDouble), target.square().sum(0), 1e-6,
                     1e-6));
  CHECK(at::allclose(std::get<Tensor>(saved.at("r2.residual")).to(at::kDouble), (target - preds).square().sum(0), 1e-6,
                     1e-6));
  CHECK(std::get<Tensor>(saved.at("r2.total")).item<int64_t>() == 6);

  metrics::PearsonCorrCoef correlation({.num_outputs = 3});
  correlation.update(preds.narrow(0, 0, 3), target.narrow(0, 0, 3));
  correlation.update(preds.narrow(0, 3, 3), target.narrow(0, 3, 3));
  const auto state = correlation.metric_state();
  const auto held = [&](const char* name) { return std::get<Tensor>(state.at(name)); };
  CHECK(at::allclose(held("mean_x"), preds.mean(0), 1e-12, 1e-12));
  CHECK(at::allclose(held("mean_y"), target.mean(0), 1e-12, 1e-12));
  CHECK(at::allclose(held("var_x"), (preds - preds.mean(0)).square().sum(0), 1e-12, 1e-12));
  CHECK(at::allclose(held("var_y"), (target - target.mean(0)).square().sum(0), 1e-12, 1e-12));
  CHECK(at::allclose(held("corr_xy"), ((preds - preds.mean(0)) * (target - target.mean(0))).sum(0), 1e-12, 1e-12));
  CHECK(at::equal(held("n_total"), at::full({3}, 6.0, at::kDouble)));
  // A scale is all that it is: no smaller than a deviation, no larger than twice the largest.
  const Tensor largest = (preds - preds.mean(0)).abs().amax(0);
  CHECK((held("max_abs_dev_x") >= largest / 2).all().item<bool>());
  CHECK((held("max_abs_dev_x") <= 2 * largest).all().item<bool>());
  const Tensor largest_y = (target - target.mean(0)).abs().amax(0);
  CHECK((held("max_abs_dev_y") >= largest_y / 2).all().item<bool>());
  CHECK((held("max_abs_dev_y") <= 2 * largest_y).all().item<bool>());
}

TEST_CASE("regression: the numbers of a batch depend on its rows alone, not on their layout") {
  const Tensor target = draws(22, {4, 5000}).t();
  const Tensor preds = draws(23, {4, 5000}).t();
  const auto value = [&](const Tensor& x, const Tensor& y) {
    metrics::R2Score score({.adjusted = 0, .multioutput = metrics::regression::MultiOutput::RawValues});
    score.set_dtype(at::kDouble);
    score.update(x, y);
    return score.compute();
  };
  CHECK(at::equal(value(preds, target), value(preds.contiguous(), target.contiguous())));
}
