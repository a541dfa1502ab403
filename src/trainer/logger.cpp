#include <metrics/trainer/logger.h>

namespace metrics::trainer {

Logger::~Logger() = default;
void Logger::begin(const Run&) {}
void Logger::progress(const Run&) {}
void Logger::step(const Run&, const StageValues&) {}
void Logger::epoch(const Run&, double, bool) {}
void Logger::text(const Run&, const std::string&, const std::string&) {}
void Logger::histogram(const Run&, const std::string&, const at::Tensor&) {}
void Logger::image(const Run&, const std::string&, const at::Tensor&) {}
void Logger::end(const Run&) {}

}  // namespace metrics::trainer
