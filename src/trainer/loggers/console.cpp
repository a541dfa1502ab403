#include "numbers.h"
#include <metrics/trainer/loggers/console.h>

#include <iomanip>
#include <sstream>

namespace metrics::trainer {

void ConsoleLogger::epoch(const Run& run, double seconds, bool best) {
  std::ostringstream line;
  line << "epoch " << run.epoch + 1 << "/" << run.epochs;
  for (const auto& [name, value] : run.values)
    if (is_number(value)) line << "  " << name << " " << number_text(value, 4);
  line << "  " << std::fixed << std::setprecision(1) << seconds << " s" << (best ? "  best" : "");
  console_ << line.str() << std::endl;
}

}  // namespace metrics::trainer
