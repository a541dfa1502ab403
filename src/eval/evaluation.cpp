#include "evaluation.h"

#include "groups.h"
#include "input_files.h"
#include "nearest.h"
#include "usage_error.h"
#include <metrics/distributed/synchronize.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <map>
#include <optional>

namespace metrics::eval {
namespace {

/// The columns that are read, each once.
class Requests {
 public:
  std::size_t index_of(const ColumnRequest& wanted) {
    const auto known = std::find_if(all_.begin(), all_.end(), [&](const ColumnRequest& request) {
      return request.name == wanted.name && request.type == wanted.type;
    });
    const auto index = static_cast<std::size_t>(known - all_.begin());
    if (known == all_.end()) all_.push_back(wanted);
    return index;
  }
  const std::vector<ColumnRequest>& all() const { return all_; }

 private:
  std::vector<ColumnRequest> all_;
};

const ColumnType only_texts{.holds = ColumnType::Holds::Texts};

/// What the rows of a column become for an input.
ColumnType type_for(const BoundInput& input, const std::string& column, const Table& table) {
  if (input.takes_texts && !input.takes_numbers) return only_texts;
  const ColumnType type = table.type(column);
  if (type.holds == ColumnType::Holds::Texts && input.takes_numbers && !input.takes_texts) {
    throw Error("column `" + column + "` holds texts, and input `" + input.name + "` takes none");
  }
  return type;
}

/// Columns of numbers side by side.
c10::IValue side_by_side(const std::string& input, const std::vector<c10::IValue>& columns) {
  std::vector<at::Tensor> tensors;
  c10::ScalarType dtype = at::kBool;
  for (const c10::IValue& column : columns) {
    if (!column.isTensor() || column.toTensor().dim() != 1) {
      throw Error("input `" + input + "` is made of several columns, each of which holds a number in each row");
    }
    dtype = c10::promoteTypes(dtype, column.toTensor().scalar_type());
  }
  for (const c10::IValue& column : columns) tensors.push_back(column.toTensor().to(dtype));
  return at::stack(tensors, 1);
}

/// A column of what is known of rows: a number in each.
at::Tensor number_of_each_row(const std::string& column, const c10::IValue& value) {
  if (value.isTensor() && value.toTensor().dim() == 1) return value.toTensor();
  throw Error("column `" + column + "` was expected to hold a number in each row");
}

at::Tensor integer_of_each_row(const std::string& column, const c10::IValue& value) {
  const at::Tensor numbers = number_of_each_row(column, value);
  if (c10::isIntegralType(numbers.scalar_type(), /*includeBool=*/true)) return numbers;
  throw Error("column `" + column + "` was expected to hold integers or booleans, not " +
              c10::toString(numbers.scalar_type()));
}

void require_column(const std::string& column, const std::string& option, const Table& table) {
  if (column.empty() || table.contains(column)) return;
  throw UsageError("there is no column `" + column + "` for --" + option + did_you_mean(column, table.columns()));
}

/// Has what is larger than a block of rows given back to the system when it is freed: glibc begins to keep pieces of up
/// to 32 MiB once one was freed, several of which would lie beside the states at the end.
void give_back_large_pieces() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
#endif
}

struct Part {
  int64_t begin;
  int64_t end;
};

/// The rows of a rank, of parts that follow one another and differ by a row at the most.
Part part_of(int64_t rows, int64_t rank, int64_t ranks) {
  const auto begin = [&](int64_t of) { return rows / ranks * of + std::min(of, rows % ranks); };
  return {begin(rank), begin(rank + 1)};
}

/// The metrics of some rows, as many as are bound.
struct Accumulated {
  int64_t rows = 0;
  std::vector<MetricCollection> metrics;

  explicit Accumulated(const std::vector<BoundMetrics>& bound) {
    for (const BoundMetrics& each : bound) metrics.push_back(each.metrics);
  }
  Values values() {
    Values all{.rows = rows};
    for (MetricCollection& collection : metrics) {
      const NamedValues named = collection.compute();
      all.values.insert(all.values.end(), named.begin(), named.end());
    }
    return all;
  }
};

}  // namespace

struct Evaluation::Plan {
  std::vector<ColumnRequest> columns;
  std::vector<std::vector<std::vector<std::size_t>>> inputs;  // of each of the metrics, each input: which columns
  std::optional<std::size_t> weights, valid, ids, by;
  int64_t rows = 0;
  int64_t rows_of_block = 0;
};

struct Evaluation::Block {
  int64_t rows = 0;
  std::vector<Kwargs> inputs;  // of each of the metrics
  std::vector<Rows> of_rows;   // the same
  std::vector<std::string> groups;
};

Evaluation::Evaluation(const Request& request) : request_(request), table_(open_table(request)) {
  if (request.specs.metrics.empty()) throw UsageError("no metric is asked for");
  metrics_ = bind_metrics(request, table_);
  require_column(request.weights, "weights", table_);
  require_column(request.valid, "valid", table_);
  require_column(request.ids, "ids", table_);
  require_column(request.by, "by", table_);
}

Evaluation::Plan Evaluation::plan() const {
  constexpr int64_t most_rows = 65536;
  constexpr int64_t most_bytes = int64_t{1} << 26;
  Plan plan;
  Requests requests;
  for (const BoundMetrics& bound : metrics_) {
    auto& inputs = plan.inputs.emplace_back();
    for (const BoundInput& input : bound.inputs) {
      auto& columns = inputs.emplace_back();
      for (const std::string& column : input.columns) {
        columns.push_back(requests.index_of({column, type_for(input, column, table_)}));
      }
    }
  }
  const auto of_rows = [&](const std::string& column) {
    return column.empty() ? std::nullopt : std::optional(requests.index_of({column, table_.type(column)}));
  };
  plan.weights = of_rows(request_.weights);
  plan.valid = of_rows(request_.valid);
  plan.ids = of_rows(request_.ids);
  if (!request_.by.empty()) plan.by = requests.index_of({request_.by, only_texts});
  plan.columns = requests.all();

  int64_t bytes = 1;
  for (const ColumnRequest& column : plan.columns) {
    const int64_t rows = table_.rows(column.name);
    if (&column == &plan.columns.front()) plan.rows = rows;
    if (rows != plan.rows) {
      throw Error("column `" + column.name + "` has " + std::to_string(rows) + " rows, and `" +
                  plan.columns.front().name + "` has " + std::to_string(plan.rows));
    }
    bytes += bytes_of_row(column.type);
  }
  plan.rows_of_block = std::clamp<int64_t>(most_bytes / bytes, 1, most_rows);
  return plan;
}

Evaluation::Block Evaluation::read(const Plan& plan, int64_t first, int64_t count) const {
  const std::vector<c10::IValue> columns = table_.read(plan.columns, first, count);
  Block block{.rows = count, .inputs = {}, .of_rows = {}, .groups = {}};
  Rows rows;
  if (plan.weights) rows.weights = number_of_each_row(request_.weights, columns[*plan.weights]);
  if (plan.valid) rows.valid = integer_of_each_row(request_.valid, columns[*plan.valid]).to(at::kBool);
  if (plan.ids) rows.ids = integer_of_each_row(request_.ids, columns[*plan.ids]).to(at::kLong);
  if (plan.by) block.groups = columns[*plan.by].to<std::vector<std::string>>();
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    const BoundMetrics& bound = metrics_[i];
    Kwargs& kwargs = block.inputs.emplace_back();
    for (std::size_t k = 0; k < bound.inputs.size(); ++k) {
      std::vector<c10::IValue> parts;
      for (const std::size_t column : plan.inputs[i][k]) parts.push_back(columns[column]);
      kwargs[bound.inputs[k].name] = parts.size() == 1 ? parts.front() : side_by_side(bound.inputs[k].name, parts);
    }
    block.of_rows.push_back(rows);
    // So that what is drawn of a row does not depend on which process has it.
    if (bound.draws_by_sample && !rows.ids) block.of_rows.back().ids = at::arange(first, first + count, at::kLong);
  }
  return block;
}

Report Evaluation::run(ProcessGroup& group, const OnProgress& on_progress) {
  give_back_large_pieces();
  const Plan planned = plan();
  const Part part = part_of(planned.rows, group.rank(), group.world_size());
  Accumulated whole(metrics_);
  std::map<std::string, Accumulated> groups;
  for (int64_t first = part.begin; first < part.end; first += planned.rows_of_block) {
    const int64_t count = std::min(planned.rows_of_block, part.end - first);
    try {
      const Block block = read(planned, first, count);
      for (std::size_t i = 0; i < metrics_.size(); ++i) {
        whole.metrics[i].update({}, block.inputs[i], block.of_rows[i]);
      }
      for (const auto& [name, rows] : rows_by_value(block.groups)) {
        Accumulated& accumulated = groups.try_emplace(name, metrics_).first->second;
        accumulated.rows += rows.numel();
        for (std::size_t i = 0; i < metrics_.size(); ++i) {
          Kwargs inputs;
          for (const auto& [input, column] : block.inputs[i]) inputs[input] = select_rows(column, rows);
          accumulated.metrics[i].update({}, inputs, select_rows(block.of_rows[i], rows));
        }
      }
    } catch (const SyncError&) {
      throw;
    } catch (const Error& error) {
      throw Error("rows " + std::to_string(first) + " to " + std::to_string(first + count - 1) + ": " + error.what());
    }
    on_progress(first + count - part.begin, part.end - part.begin);
  }

  std::vector<Metric*> all;
  for (MetricCollection& metric : whole.metrics) all.push_back(&metric);
  std::map<std::string, int64_t> own_rows;
  for (const auto& [name, accumulated] : groups) own_rows[name] = accumulated.rows;
  std::vector<std::pair<std::string, int64_t>> names;
  if (planned.by) names = added_over_ranks(group, own_rows);
  for (const auto& [name, rows] : names) {
    Accumulated& accumulated = groups.try_emplace(name, metrics_).first->second;
    accumulated.rows = rows;
    for (MetricCollection& metric : accumulated.metrics) all.push_back(&metric);
  }
  if (group.world_size() > 1) synchronize_values(all);

  whole.rows = planned.rows;
  Report report{.whole = whole.values(), .groups = {}};
  for (const auto& [name, rows] : names) report.groups.emplace_back(name, groups.at(name).values());
  return report;
}

}  // namespace metrics::eval
