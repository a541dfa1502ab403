#include <metrics/collections/bootstrapping.h>
#include <metrics/core/codec.h>
#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/core/synchroniser.h>

#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/std.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace metrics {

namespace {

/// Where quantiles are asked for.
std::vector<double> points_of(const BootStrapperOptions& options) {
  if (!options.quantile) return {};
  if (const double* one = std::get_if<double>(&*options.quantile)) return {*one};
  return std::get<std::vector<double>>(*options.quantile);
}

void check(const BootStrapperOptions& options) {
  if (options.num_bootstraps < 1) {
    throw InvalidArgument("BootStrapper: option `num_bootstraps` expects a positive integer, got " +
                          std::to_string(options.num_bootstraps));
  }
  for (const double point : points_of(options)) {
    if (point >= 0 && point <= 1) continue;
    throw InvalidArgument("BootStrapper: option `quantile` expects numbers in [0, 1], got " + std::to_string(point));
  }
}

Children resamples_of(const MetricHandle& metric, int64_t count) {
  Children children;
  for (int64_t i = 0; i < count; ++i) {
    std::unique_ptr<Metric> copy = metric->clone();
    copy->reset();
    children.add("metrics." + std::to_string(i), MetricHandle(std::move(copy)));
  }
  return children;
}

/// How many rows an input has; nothing for one that is the whole batch's.
std::optional<int64_t> row_count_of(const c10::IValue& input) {
  if (input.isTensor() && input.toTensor().dim() > 0) return input.toTensor().size(0);
  if (input.isList()) return static_cast<int64_t>(input.toListRef().size());
  return std::nullopt;
}

int64_t common_row_count(const BatchInputs& inputs) {
  std::optional<int64_t> common;
  const auto note = [&](const std::string& what, const c10::IValue& input) {
    const std::optional<int64_t> count = row_count_of(input);
    if (count && common && *count != *common) {
      throw InvalidArgument("BootStrapper: " + what + " has " + std::to_string(*count) +
                            " rows, the inputs before it " + std::to_string(*common));
    }
    if (count) common = count;
  };
  for (std::size_t i = 0; i < inputs.args.size(); ++i) note("input " + std::to_string(i), inputs.args[i]);
  for (const auto& [name, input] : inputs.kwargs) note("input `" + name + "`", input);
  if (common) return *common;
  throw InvalidArgument("BootStrapper: none of the inputs has rows, so that there is nothing to draw from");
}

std::vector<int64_t> numbers_in(const Tensor& tensor) {
  const Tensor numbers = tensor.to(at::kCPU, at::kLong).resolve_neg().contiguous();
  const int64_t* first = numbers.const_data_ptr<int64_t>();
  return {first, first + numbers.numel()};
}

std::vector<int64_t> counting_rows(const Rows& known, int64_t count) {
  std::vector<int64_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  if (!known.valid) return rows;
  const std::vector<int64_t> valid = numbers_in(*known.valid);
  std::erase_if(rows, [&](int64_t row) { return valid[static_cast<std::size_t>(row)] == 0; });
  return rows;
}

c10::IValue taken(const c10::IValue& input, const Tensor& rows) {
  if (!row_count_of(input)) return input;
  if (input.isTensor()) return input.toTensor().index_select(0, rows.to(input.toTensor().device()));
  std::vector<c10::IValue> elements;
  const auto all = input.toListRef();
  const int64_t* row = rows.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.numel(); ++i) elements.push_back(all[static_cast<std::size_t>(row[i])]);
  return detail::list_of(std::move(elements));
}

/// Each row as often as it is drawn.
Tensor poisson_rows(const Draws& draws, const std::vector<int64_t>& rows, const std::vector<int64_t>& ids) {
  // Written of each row without a branch; the next row begins where this one's count ends.
  constexpr int64_t at_once = 4;
  std::vector<int64_t> times(rows.size());
  int64_t total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) total += times[i] = draws.poisson(ids[i]);
  Tensor taken_rows = at::empty({total + at_once}, at::TensorOptions(at::kLong));
  int64_t* next = taken_rows.mutable_data_ptr<int64_t>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::fill_n(next, at_once, rows[i]);
    if (times[i] > at_once) std::fill_n(next, times[i], rows[i]);
    next += times[i];
  }
  return taken_rows.resize_({total});
}

/// A row for each of them, with replacement.
Tensor multinomial_rows(const Draws& draws, const std::vector<int64_t>& rows, const std::vector<int64_t>& ids) {
  Tensor taken_rows = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions(at::kLong));
  int64_t* next = taken_rows.mutable_data_ptr<int64_t>();
  for (const int64_t id : ids) {
    const double place = draws.uniform(id) * static_cast<double>(rows.size());
    *next++ = rows[std::min(static_cast<std::size_t>(place), rows.size() - 1)];
  }
  return taken_rows;
}

BatchInputs taken(const BatchInputs& inputs, const Tensor& rows) {
  BatchInputs batch;
  for (const c10::IValue& input : inputs.args) batch.args.push_back(taken(input, rows));
  for (const auto& [name, input] : inputs.kwargs) batch.kwargs.emplace(name, taken(input, rows));
  if (inputs.rows.weights) {
    batch.rows.weights = inputs.rows.weights->index_select(0, rows.to(inputs.rows.weights->device()));
  }
  return batch;  // without ids: a row that occurs twice is no duplicate
}

}  // namespace

BootStrapper::BootStrapper(MetricHandle base_metric, BootStrapperOptions options)
    : Composite([&] {
        check(options);
        return resamples_of(base_metric, options.num_bootstraps);
      }()),
      options_(std::move(options)) {}

std::vector<int64_t> BootStrapper::draw_ids(const std::vector<int64_t>& rows, const Rows& known) {
  std::vector<int64_t> ids = rows;
  if (known.ids && options_.sampling_strategy == collections::SamplingStrategy::Poisson) {
    const std::vector<int64_t> given = numbers_in(*known.ids);
    for (int64_t& id : ids) id = given[static_cast<std::size_t>(id)];
    return ids;
  }
  const Unit& first = *units().front();  // the resamples count alike
  const auto& own_group = first.metric_options().process_group;
  const std::shared_ptr<Synchroniser> group = own_group ? own_group : default_synchroniser();
  const int64_t rank = group ? group->rank() : 0;
  const uint64_t batch = mixed(mixed(static_cast<uint64_t>(rank) + 1) + static_cast<uint64_t>(first.update_count()));
  for (int64_t& id : ids) id = static_cast<int64_t>(mixed(batch + static_cast<uint64_t>(id)));
  return ids;
}

Tensor BootStrapper::drawn(int64_t resample, const std::vector<int64_t>& rows, const std::vector<int64_t>& ids) const {
  const Draws draws(options_.seed, resample);
  return options_.sampling_strategy == collections::SamplingStrategy::Poisson ? poisson_rows(draws, rows, ids)
                                                                              : multinomial_rows(draws, rows, ids);
}

void BootStrapper::feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  const int64_t count = common_row_count(*inputs);
  check_rows(inputs->rows, count);
  const std::vector<int64_t> rows = counting_rows(inputs->rows, count);
  const std::vector<int64_t> ids = draw_ids(rows, inputs->rows);
  for (std::size_t i = 0; i < parts().size(); ++i) {
    const Tensor own = drawn(static_cast<int64_t>(i), rows, ids);
    route_to(parts()[i], std::make_shared<const BatchInputs>(taken(*inputs, own)), feeds);
  }
}

c10::IValue BootStrapper::value() {
  std::vector<Tensor> values;
  for (const Children::Child& child : parts()) {
    const c10::IValue value = value_of_child(*child.metric);
    if (!value.isTensor()) {
      throw Error("BootStrapper: expected a tensor from " + child.metric->to_string() + ", got " + describe(value));
    }
    values.push_back(value.toTensor());
  }
  const Tensor raw = at::stack(values);
  const Tensor numbers = raw.to(at::kDouble);
  const at::ScalarType dtype = raw.is_floating_point() ? raw.scalar_type() : at::kFloat;
  c10::impl::GenericDict found(c10::StringType::get(), c10::AnyType::get());
  if (options_.mean) found.insert("mean", numbers.mean(0).to(dtype));
  if (options_.std) {
    const bool one = values.size() == 1;  // which has no spread to estimate
    const Tensor spread = one ? numbers[0].mul(std::numeric_limits<double>::quiet_NaN()) : numbers.std(0);
    found.insert("std", spread.to(dtype));
  }
  if (options_.quantile) {
    const Tensor points = at::tensor(points_of(options_), numbers.options().requires_grad(false));
    const Tensor quantiles = at::quantile(numbers, points, /*dim=*/0).to(dtype);
    found.insert("quantile", std::holds_alternative<double>(*options_.quantile) ? quantiles[0] : quantiles);
  }
  if (options_.raw) found.insert("raw", raw);
  return found;
}

BootstrapValue BootStrapper::read(const c10::IValue& value) {
  const auto entry = [&](const char* name) {
    const auto found = detail::entry_of(value, name);
    return found ? std::optional(found->toTensor()) : std::nullopt;
  };
  return {entry("mean"), entry("std"), entry("quantile"), entry("raw")};
}

BootstrapValue BootStrapper::compute() {
  return read(Metric::compute());
}

std::string BootStrapper::describe_options() const {
  return "base_metric=" + parts()[0].to_string() + ", " + metrics::describe_options(options_);
}

}  // namespace metrics
