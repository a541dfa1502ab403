#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metrics {
class Metric;
}

namespace metrics::eval {

/// A metric that was asked for, and where its inputs come from.
struct MetricSpec {
  std::string title;                           ///< what its value is called; empty: as its class
  std::string json;                            ///< what `create_from_json` takes
  std::map<std::string, std::string> columns;  ///< the columns of inputs that are called otherwise
};

/// All that a configuration asks for.
struct MetricSpecs {
  std::vector<MetricSpec> metrics;
  std::string prefix;   ///< before each name of a value
  std::string postfix;  ///< after each
};

/// Reads `MulticlassAccuracy(num_classes=10, average=macro)`, as one calls it in Python; a name and `=` before it says
/// what the value is called. Options are numbers, words with and without quotes, True, False, None, lists, dicts and
/// other metrics. Throws UsageError that shows where it cannot be read.
MetricSpec parse_call(std::string_view text);

/// Reads `{"metrics": [{"name": …, "options": {…}, "inputs": {"preds": "scores"}}, …], "prefix": "val_"}`; for names of
/// their own `metrics` is an object. Throws UsageError for a file that is none or holds no such JSON.
MetricSpecs read_config(const std::filesystem::path& file);

/// Makes the metric. Throws UsageError: a name of a metric or an option that there is not comes with the nearest ones.
std::unique_ptr<Metric> make_metric(const MetricSpec& spec);

/// All names of metrics that can be created.
std::vector<std::string> metric_names();

}  // namespace metrics::eval
