#include "outputs.h"

#include <metrics/core/errors.h>
#include <metrics/io/files.h>
#include <metrics/training/checkpoint.h>

#include <ATen/ops/item.h>
#include <torch/nn/module.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <iomanip>
#include <locale>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace metrics::trainer {
namespace {

/// The numbers of a value, by its shape; what JSON has no number for is null.
nlohmann::json json_of(const at::Tensor& value) {
  if (value.dim() > 0) {
    auto parts = nlohmann::json::array();
    for (const at::Tensor& part : value.unbind()) parts.push_back(json_of(part));
    return parts;
  }
  if (at::isIntegralType(value.scalar_type(), true)) return value.item<int64_t>();
  const double number = value.item<double>();
  if (!std::isfinite(number)) return nullptr;
  return number;
}

std::string number(const at::Tensor& value, int digits) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  if (at::isIntegralType(value.scalar_type(), true)) {
    text << value.item<int64_t>();
  } else {
    text << std::setprecision(digits) << value.item<double>();
  }
  return text.str();
}

/// A field of a table: quoted where it holds what separates fields.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Session::Outputs::Outputs(const Options& options) : options_(options), progress_(options.terminal) {}

void Session::Outputs::begin_files() {
  const std::filesystem::path& folder = options_.folder;
  if (folder.empty()) return;
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (!problem && !std::filesystem::is_directory(folder)) problem = std::make_error_code(std::errc::not_a_directory);
  if (problem) throw Error("folder " + folder.string() + " cannot be made: " + problem.message());
  table_ = std::make_unique<LineFile>(folder / "values.csv");
  lines_ = std::make_unique<LineFile>(folder / "values.jsonl");
}

void Session::Outputs::write(const Run& run, double seconds, bool best) {
  progress_.clear();
  if (options_.console != nullptr) print(run, seconds, best);
  if (!table_) return;
  write_row(run, seconds);
  write_json(run, seconds, best);
}

void Session::Outputs::print(const Run& run, double seconds, bool best) {
  std::ostringstream line;
  line << "epoch " << run.epoch + 1 << "/" << run.epochs;
  for (const auto& [name, value] : run.values)
    if (value.numel() == 1) line << "  " << name << " " << number(value, 4);
  line << "  " << std::fixed << std::setprecision(1) << seconds << " s" << (best ? "  best" : "");
  *options_.console << line.str() << std::endl;
}

void Session::Outputs::write_row(const Run& run, double seconds) {
  std::string names = "epoch", row = std::to_string(run.epoch + 1);
  for (const auto& [name, value] : run.values) {
    if (value.numel() != 1) continue;  // a table has a number in each field; the JSON lines have them all
    names += "," + field(name);
    row += "," + number(value, 17);
  }
  if (!headed_) table_->write(names + ",seconds");
  headed_ = true;
  table_->write(row + "," + std::to_string(seconds));
}

void Session::Outputs::write_json(const Run& run, double seconds, bool best) {
  nlohmann::ordered_json line = {{"epoch", run.epoch + 1}};
  for (const auto& [name, value] : run.values) line[name] = json_of(value.detach().cpu());
  line["seconds"] = seconds;
  if (options_.best) line["best"] = best;
  lines_->write(line.dump());
}

void Session::Outputs::save(torch::nn::Module& module, bool best) {
  if (options_.folder.empty()) return;
  const io::Object weights = training::state_dict(module);
  io::write_torch(options_.folder / "last.pt", weights);
  if (best) io::write_torch(options_.folder / "best.pt", weights);
}

}  // namespace metrics::trainer
