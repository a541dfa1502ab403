#pragma once

#include "bound_metrics.h"
#include "request.h"
#include "table.h"
#include <metrics/distributed/process_group.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace metrics::eval {

/// The values of metrics over some rows.
struct Values {
  int64_t rows = 0;
  std::vector<std::pair<std::string, c10::IValue>> values{};  ///< in the order of the metrics
};

struct Report {
  Values whole;
  std::vector<std::pair<std::string, Values>> groups{};  ///< by their value of the column, sorted
};

/// Is told how many of this rank's rows are done, and of how many.
using OnProgress = std::function<void(int64_t rows, int64_t of)>;

/// Metrics over the rows of files, read in blocks.
class Evaluation {
 public:
  /// Makes the metrics, opens the files and finds the columns. Throws UsageError for what there is not, Error for files
  /// that cannot be read.
  explicit Evaluation(const Request& request);

  /// Folds this rank's rows in, of `group.world_size()` parts that follow one another, and gives the values over all.
  /// Collective. Throws Error that names the rows for what a metric does not take, SyncError.
  Report run(ProcessGroup& group, const OnProgress& on_progress);

 private:
  /// A column that is read, and the inputs that are made of it.
  struct Plan;
  struct Block;

  Plan plan() const;
  Block read(const Plan& plan, int64_t first, int64_t count) const;

  Request request_;
  Table table_;
  std::vector<BoundMetrics> metrics_;
};

}  // namespace metrics::eval
