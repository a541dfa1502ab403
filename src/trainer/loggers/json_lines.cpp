#include "numbers.h"
#include "trainer/files.h"
#include <metrics/core/errors.h>
#include <metrics/trainer/loggers/json_lines.h>

#include <nlohmann/json.hpp>

#include <utility>

namespace metrics::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* lines_name = "values.jsonl";

/// Bytes of a name or text that are no UTF-8 become U+FFFD, because JSON cannot have them.
std::string dumped(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json beginning_of_line(const Run& run) {
  return {{"epoch", run.epoch + 1}, {"step", step_of(run)}};
}

}  // namespace

JsonLinesLogger::JsonLinesLogger(std::filesystem::path folder) : folder_(std::move(folder)) {}

JsonLinesLogger::~JsonLinesLogger() = default;

void JsonLinesLogger::begin(const Run& run) {
  const std::filesystem::path file = folder_ / lines_name;
  const Resumption resumption(run);
  make_folder(folder_);
  if (!resumption.is_beginning()) {
    keep_lines(file, [&](std::string_view text, std::size_t number) {
      const Json line = Json::parse(text, nullptr, false);
      const auto whole = [&](const char* name) { return line[name].is_number_integer(); };
      if (!line.is_object() || !line.contains("epoch") || !whole("epoch") ||
          (line.contains("step") && !whole("step"))) {
        throw Error(file.string() + " is no file that a run could go on with: line " + std::to_string(number + 1) +
                    " is not one of its objects");
      }
      const int64_t epoch = line["epoch"];
      return line.contains("step") ? resumption.keeps_step(epoch, line["step"]) : resumption.keeps_epoch(epoch);
    });
  }
  lines_ = std::make_unique<GrowingFile>(
      file, resumption.is_beginning() ? GrowingFile::Begin::Empty : GrowingFile::Begin::End);
}

void JsonLinesLogger::step(const Run& run, const StageValues& values) {
  require_numbers(values);
  if (!lines_) return;
  Json line = beginning_of_line(run);
  for (const auto& [name, value] : values) line[name] = json_of(value.reshape({}));
  lines_->write_line(dumped(line));
}

void JsonLinesLogger::epoch(const Run& run, double seconds, bool best) {
  if (!lines_) return;
  Json line = {{"epoch", run.epoch + 1}};
  for (const auto& [name, value] : run.values) line[name] = json_of(value);
  line["seconds"] = seconds;
  line["best"] = best;
  lines_->write_line(dumped(line));
}

void JsonLinesLogger::text(const Run& run, const std::string& name, const std::string& text) {
  if (!lines_) return;
  Json line = beginning_of_line(run);
  line["name"] = name;
  line["text"] = text;
  lines_->write_line(dumped(line));
}

void JsonLinesLogger::end(const Run&) {
  lines_.reset();
}

}  // namespace metrics::trainer
