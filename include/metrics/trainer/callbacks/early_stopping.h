#pragma once

#include <metrics/export.h>
#include <metrics/trainer/options.h>
#include <metrics/trainer/run.h>

#include <cstdint>
#include <string>

namespace metrics::trainer {

struct EarlyStoppingOptions {
  std::string value{};  ///< such as `validation/loss`, over all ranks
  Better better = Better::Lower;
  int64_t patience = 3;  ///< epochs without a better value after which the run ends
  double min_delta = 0;  ///< by how much a value has to be better
};

/// Ends a run when a value no longer gets better. Rank 0 decides for all. NaN is never better; epochs without the value
/// do not count. Its state is in checkpoints. Throws InvalidArgument for options that cannot be and, at the end of an
/// epoch, for a value that cannot steer a run.
METRICS_API Callback early_stopping(EarlyStoppingOptions options);

}  // namespace metrics::trainer
