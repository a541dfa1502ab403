#include "metric_specs.h"

#include "nearest.h"
#include "usage_error.h"
#include <metrics/core/dynamic.h>
#include <metrics/core/registry.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace metrics::eval {
namespace {

using Json = nlohmann::ordered_json;

/// A call of a metric as Python has it, and the values of its options.
class Call {
 public:
  explicit Call(std::string_view text) : text_(text) {}

  MetricSpec parse() {
    MetricSpec spec;
    std::string name = word("a metric's name");
    if (take('=')) {
      spec.title = std::move(name);
      name = word("a metric's name");
    }
    Json metric = {{"name", name}};
    if (peek() == '(') metric["options"] = options();
    if (peek() != '\0') refuse("expected nothing more");
    spec.json = metric.dump();
    return spec;
  }

 private:
  static constexpr int deepest = 16;

  [[noreturn]] void refuse(const std::string& why) const {
    throw UsageError("cannot read the metric `" + std::string(text_) + "`: " + why + " at `" +
                     std::string(text_.substr(at_)) + "`");
  }
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  static bool in_word(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)); }
  std::string word(const std::string& what) {
    peek();
    const std::size_t begin = at_;
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    if (at_ == begin) refuse("expected " + what);
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string quoted() {
    const char quote = peek();
    std::string value;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    if (at_ == text_.size()) refuse("a quoted text does not end");
    ++at_;
    return value;
  }
  /// Calls `element` for each of what stands between here and `close`, separated by commas.
  template <class F>
  void each_until(char close, const F& element) {
    if (++depth_ > deepest) refuse("brackets are too deep");
    ++at_;
    while (!take(close)) {
      element();
      if (!take(',') && peek() != close) refuse(std::string("expected `,` or `") + close + "`");
    }
    --depth_;
  }
  Json options() {
    Json all = Json::object();
    each_until(')', [&] {
      const std::size_t begin = at_;
      const bool names = in_word(peek());
      const std::string name = names ? word("an option's name") : "";
      if (!names || !take('=')) {
        at_ = begin;
        refuse("options have their names, as in num_classes=10,");
      }
      if (all.contains(name)) refuse("option `" + name + "` is given twice");
      all[name] = value();
    });
    return all;
  }
  Json value() {
    const char first = peek();
    if (first == '\'' || first == '"') return quoted();
    if (first == '[' || first == '(') {
      Json list = Json::array();
      each_until(first == '[' ? ']' : ')', [&] { list.push_back(value()); });
      return list;
    }
    if (first == '{') {
      Json dict = Json::object();
      each_until('}', [&] {
        const char quote = peek();
        const std::string key = quote == '\'' || quote == '"' ? quoted() : word("a key");
        if (!take(':')) refuse("expected `:`");
        dict[key] = value();
      });
      return dict;
    }
    if (const auto number = take_number()) return *number;
    const std::string name = word("a value");
    if (peek() == '(') return {{"name", name}, {"options", options()}};
    if (name == "True" || name == "true") return true;
    if (name == "False" || name == "false") return false;
    if (name == "None" || name == "null") return nullptr;
    return name;
  }
  std::optional<Json> take_number() {
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    if (begin == end || (*begin != '-' && *begin != '.' && !std::isdigit(static_cast<unsigned char>(*begin)))) {
      return std::nullopt;
    }
    int64_t whole = 0;
    double real = 0;
    const auto whole_end = std::from_chars(begin, end, whole);
    const auto real_end = std::from_chars(begin, end, real);
    const bool is_whole = whole_end.ec == std::errc() && whole_end.ptr == real_end.ptr;
    const char* const number_end = real_end.ptr;
    if (real_end.ec != std::errc() || (number_end != end && (in_word(*number_end) || *number_end == '.'))) {
      refuse("expected a number");
    }
    at_ += static_cast<std::size_t>(number_end - begin);
    return is_whole ? Json(whole) : Json(real);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::vector<std::string> option_names(const MetricEntry& entry) {
  std::vector<std::string> names;
  for (const OptionInfo& option : entry.options) names.emplace_back(option.name);
  return names;
}

std::vector<std::string> option_names(const RouterEntry& router) {
  std::set<std::string> names = {"task"};
  for (const RouterEntry::Task& task : router.tasks) {
    const MetricEntry* entry = find_metric(task.metric);
    if (entry == nullptr) continue;
    const std::vector<std::string> own = option_names(*entry);
    names.insert(own.begin(), own.end());
  }
  return {names.begin(), names.end()};
}

/// Throws UsageError for a name of a metric or option, in `spec` or in its options, that there is not.
void require_names(const Json& spec) {
  const auto name = spec.at("name").get<std::string>();
  const MetricEntry* entry = find_metric(name);
  const RouterEntry* router = find_router(name);
  if (entry == nullptr && router == nullptr) {
    throw UsageError("there is no metric called `" + name + "`" + did_you_mean(name, metric_names()));
  }
  std::vector<std::string> known = entry != nullptr ? option_names(*entry) : option_names(*router);
  const std::set<std::string> common = {
      "compute_on_cpu",           "dist_sync_on_step", "process_group",      "dist_sync_fn",
      "distributed_available_fn", "sync_on_compute",   "compute_with_cache", "name"};
  if (!spec.contains("options") || !spec["options"].is_object()) return;
  for (const auto& [option, value] : spec["options"].items()) {
    const bool is_known = std::find(known.begin(), known.end(), option) != known.end();
    if (!is_known && !common.contains(option)) {
      throw UsageError(name + ": there is no option `" + option + "`" + did_you_mean(option, known));
    }
    const bool is_metric = value.is_object() && value.contains("name") && value["name"].is_string();
    if (is_metric) require_names(value);
  }
}

MetricSpec spec_of(const Json& given, const std::string& title) {
  MetricSpec spec;
  spec.title = title;
  if (given.is_string()) {
    spec.json = Json{{"name", given}}.dump();
    return spec;
  }
  if (!given.is_object() || !given.contains("name") || !given["name"].is_string()) {
    throw UsageError("a metric is a name, or an object with a string `name`, and `options` and `inputs` if it has any");
  }
  Json own = given;
  if (own.contains("inputs")) {
    const Json& inputs = own["inputs"];
    if (!inputs.is_object()) throw UsageError("`inputs` of a metric are an object: the column of each input");
    for (const auto& [input, column] : inputs.items()) {
      if (!column.is_string()) throw UsageError("the column of input `" + input + "` is a text");
      spec.columns[input] = column.get<std::string>();
    }
    own.erase("inputs");
  }
  spec.json = own.dump();
  return spec;
}

MetricSpecs specs_of(const Json& given) {
  MetricSpecs specs;
  const bool is_one = given.is_object() && !given.contains("metrics");
  const Json& metrics = given.is_array() || is_one ? given : given.at("metrics");
  if (given.is_object() && !is_one) {
    for (const auto& [key, value] : given.items()) {
      if (key == "metrics") continue;
      if (key != "prefix" && key != "postfix") {
        const std::vector<std::string> known = {"metrics", "prefix", "postfix"};
        throw UsageError("unknown key `" + key + "`" + did_you_mean(key, known));
      }
      if (!value.is_null() && !value.is_string()) throw UsageError("`" + key + "` is a text");
      if (value.is_string()) (key == "prefix" ? specs.prefix : specs.postfix) = value.get<std::string>();
    }
  }
  if (metrics.is_array()) {
    for (const Json& metric : metrics) specs.metrics.push_back(spec_of(metric, ""));
  } else if (metrics.is_object() && !(metrics.contains("name") && metrics["name"].is_string())) {
    for (const auto& [title, metric] : metrics.items()) specs.metrics.push_back(spec_of(metric, title));
  } else {
    specs.metrics.push_back(spec_of(metrics, ""));
  }
  return specs;
}

}  // namespace

MetricSpec parse_call(std::string_view text) {
  return Call(text).parse();
}

MetricSpecs read_config(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  if (!stream.good() && !stream.eof()) throw UsageError(file.string() + " cannot be read");
  try {
    return specs_of(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(file.string() + " is no configuration: " + error.what());
  } catch (const UsageError& error) {
    throw UsageError(file.string() + ": " + error.what());
  }
}

std::unique_ptr<Metric> make_metric(const MetricSpec& spec) {
  require_names(Json::parse(spec.json));
  try {
    return create_from_json(spec.json);
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());
  }
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricEntry* entry : list_metrics()) names.emplace_back(entry->name);
  for (const RouterEntry* router : list_routers()) names.emplace_back(router->name);
  return names;
}

}  // namespace metrics::eval
