#include "terminal/progress_line.h"
#include <metrics/trainer/loggers/progress.h>

#include <unistd.h>

#include <cstdio>

namespace metrics::trainer {

ProgressLogger::ProgressLogger(const std::string& terminal)
    : line_(terminal.empty() ? std::make_unique<terminal::ProgressLine>(STDERR_FILENO)
                             : std::make_unique<terminal::ProgressLine>(terminal)) {}

ProgressLogger::~ProgressLogger() = default;

void ProgressLogger::progress(const Run& run) {
  if (run.batch == 0 || run.stage != stage_) {
    stage_ = run.stage;
    line_->start(run.batch + 1);
  }
  if (!line_->due()) return;
  char loss[32] = "";
  if (run.loss.defined()) std::snprintf(loss, sizeof(loss), "  loss %.4g", run.loss.mean().item<double>());
  line_->draw("epoch " + std::to_string(run.epoch + 1) + "/" + std::to_string(run.epochs) + " " + run.stage + " ",
              {.done = run.batch + 1, .of = run.batches}, loss);
}

void ProgressLogger::epoch(const Run&, double, bool) {
  line_->clear();
}

void ProgressLogger::end(const Run&) {
  line_->clear();
}

}  // namespace metrics::trainer
