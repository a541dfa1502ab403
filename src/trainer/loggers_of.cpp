#include "loggers_of.h"

#include <metrics/trainer/loggers/console.h>
#include <metrics/trainer/loggers/csv.h>
#include <metrics/trainer/loggers/json_lines.h>
#include <metrics/trainer/loggers/progress.h>

namespace metrics::trainer {

std::vector<std::shared_ptr<Logger>> loggers_of(const Options& options) {
  // The line of progress comes first, because it makes room for what the others print.
  std::vector<std::shared_ptr<Logger>> loggers{std::make_shared<ProgressLogger>(options.terminal)};
  if (options.console != nullptr) loggers.push_back(std::make_shared<ConsoleLogger>(*options.console));
  if (!options.folder.empty()) {
    loggers.push_back(std::make_shared<CsvLogger>(options.folder));
    loggers.push_back(std::make_shared<JsonLinesLogger>(options.folder));
  }
  loggers.insert(loggers.end(), options.loggers.begin(), options.loggers.end());
  return loggers;
}

}  // namespace metrics::trainer
