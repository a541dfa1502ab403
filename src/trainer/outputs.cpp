#include "outputs.h"

#include <metrics/core/errors.h>
#include <metrics/io/files.h>
#include <metrics/trainer/loggers/console.h>
#include <metrics/trainer/loggers/csv.h>
#include <metrics/trainer/loggers/json_lines.h>
#include <metrics/trainer/loggers/progress.h>
#include <metrics/training/checkpoint.h>

#include <torch/nn/module.h>

namespace metrics::trainer {

Session::Outputs::Outputs(const Options& options) : options_(options) {
  // The line of progress comes first, because it makes room for what the others print.
  loggers_.push_back(std::make_shared<ProgressLogger>(options.terminal));
  if (options.console != nullptr) loggers_.push_back(std::make_shared<ConsoleLogger>(*options.console));
  if (!options.folder.empty()) {
    loggers_.push_back(std::make_shared<CsvLogger>(options.folder));
    loggers_.push_back(std::make_shared<JsonLinesLogger>(options.folder));
  }
  loggers_.insert(loggers_.end(), options.loggers.begin(), options.loggers.end());
}

void Session::Outputs::save(torch::nn::Module& module, bool best) {
  if (options_.folder.empty()) return;
  const io::Object weights = training::state_dict(module);
  io::write_torch(options_.folder / "last.pt", weights);
  if (best) io::write_torch(options_.folder / "best.pt", weights);
}

}  // namespace metrics::trainer
