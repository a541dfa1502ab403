#include "cli/program.h"
#include "contains.h"
#include <metrics/core/registry.h>
#include <metrics/version.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

using metrics::testing::Outcome;
using metrics::testing::run_cli;

namespace {

using metrics_test::contains;

using nlohmann::json;

std::string content(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

json listed(const std::string& name) {
  const Outcome outcome = run_cli("list --json " + name);
  REQUIRE(outcome.exit_code == 0);
  const json all = json::parse(outcome.out);
  REQUIRE(all.at("metrics").size() == 1);
  return all.at("metrics").at(0);
}

}  // namespace

TEST_CASE("metrics list: unknown names and contradictory flags") {
  const Outcome unknown = run_cli("list NoSuchMetric");
  CHECK(unknown.exit_code == 1);
  CHECK(unknown.out == "");
  CHECK(contains(unknown.error, "there is no metric called 'NoSuchMetric'"));
  for (const std::string flags : {"--json --markdown .", "--json --names", "--markdown . --names"}) {
    CHECK(run_cli("list " + flags).exit_code == 2);
  }
}

TEST_CASE("metrics list --names: every metric and router of the registry, once") {
  std::istringstream lines(run_cli("list --names").out);
  std::multiset<std::string> names;
  for (std::string line; std::getline(lines, line);) names.insert(line);
  std::multiset<std::string> expected;
  for (const auto* metric : metrics::list_metrics()) {
    if (metric->domain != "user") expected.insert(std::string(metric->name));
  }
  for (const auto* router : metrics::list_routers()) expected.insert(std::string(router->name));
  CHECK(names == expected);
  CHECK(names.contains("MulticlassAccuracy"));
  CHECK(names.contains("Accuracy"));
}

TEST_CASE("metrics list --json: everything that is known of a metric") {
  const json accuracy = listed("MulticlassAccuracy");
  CHECK(accuracy.at("functional") == "multiclass_accuracy");
  CHECK(accuracy.at("domain") == "classification");
  CHECK(accuracy.at("higher_is_better") == true);
  const json num_classes = listed("MulticlassConfusionMatrix").at("options").at(0);
  CHECK(num_classes.at("name") == "num_classes");
  CHECK(num_classes.at("required") == true);
  CHECK(num_classes.at("description") == "Number of classes.");
  CHECK_FALSE(num_classes.contains("default"));
  bool found = false;
  for (const json& option : accuracy.at("options")) {
    if (option.at("name") != "top_k") continue;
    found = true;
    CHECK(option.at("required") == false);
    CHECK(option.at("default") == 1);
  }
  CHECK(found);
  CHECK(listed("MeanMetric").at("options").at(0).at("default") == "warn");
  CHECK(accuracy.at("inputs").at(0).at("name") == "preds");
  CHECK(accuracy.at("inputs").at(1).at("name") == "target");
  CHECK(accuracy.at("outputs").at(0).at("name") == "value");
  CHECK(contains(accuracy.at("summary"), "Computes the fraction of a class's samples"));
  CHECK(contains(accuracy.at("inputs").at(1).at("description"), "[N, ...]"));
  CHECK(accuracy.at("states").at(0).at("names") == json::array({"tp", "fp", "tn", "fn"}));
  CHECK(accuracy.at("states").at(0).at("reduction") == "sum");

  const json all = json::parse(run_cli("list --json").out);
  CHECK(all.at("version") == METRICS_VERSION);
  CHECK(all.at("metrics").size() + all.at("routers").size() > 10);
  const json router = json::parse(run_cli("list --json Accuracy").out).at("routers").at(0);
  CHECK(router.at("tasks").at("multiclass") == "MulticlassAccuracy");
  CHECK(router.at("defaults").is_object());
}

TEST_CASE("metrics list --json: functionals have options of their own, and some belong to no class") {
  const json all = json::parse(run_cli("list --json").out).at("functionals");
  const auto named = [&](const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const json& f) { return f.at("name") == name; });
    REQUIRE(found != all.end());
    return *found;
  };
  CHECK(named("cramers_v_matrix").at("domain") == "nominal");
  CHECK(named("cramers_v_matrix").at("inputs").at(0).at("name") == "matrix");
  const json options = named("kendall_rank_corrcoef").at("options");
  CHECK(options.at(0).at("default") == "b");
  for (const json& option : options) CHECK(option.at("name") != "num_outputs");
  const json alone = json::parse(run_cli("list --json CramersV SumMetric").out).at("functionals");
  REQUIRE(alone.size() == 1);
  CHECK(alone.at(0).at("name") == "cramers_v");
}

TEST_CASE("metrics list: for readers") {
  const Outcome outcome = run_cli("list MulticlassAccuracy Accuracy");
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "MulticlassAccuracy  (classification, functional multiclass_accuracy)\n"));
  CHECK(contains(outcome.out, "            top_k: int = 1\n                A target among"));
  CHECK(contains(outcome.out, "  states    tp, fp, tn, fn (sum)\n"));
  CHECK(contains(outcome.out, "task=multiclass: MulticlassAccuracy\n"));
  CHECK(contains(run_cli("list MulticlassConfusionMatrix").out,
                 "  options   num_classes: int (required)\n                Number of classes.\n"));
}

TEST_CASE("metrics list: functionals without a class, with what is said of them") {
  const Outcome outcome = run_cli("list pairwise_minkowski_distance");
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out,
                 "pairwise_minkowski_distance  (pairwise, a functional)\n  Computes the Minkowski distance"));
  CHECK(contains(outcome.out, "  options   exponent: float = 2.0\n                The power of the differences"));
  CHECK(contains(outcome.out, "y: Tensor or None\n                Rows [M, D]"));
  CHECK_FALSE(contains(run_cli("list CramersV").out, "a functional)"));
  for (const auto* functional : metrics::list_functionals()) {
    if (functional->domain != "pairwise" && functional->domain != "shape") continue;
    for (const auto& option : functional->options) {
      CHECK_MESSAGE(!option.description.empty(), functional->name << "." << option.name);
    }
    for (const auto& input : functional->inputs) {
      const bool described = !input.description.empty() || functional->domain == "shape";  // by its class
      CHECK_MESSAGE(described, functional->name << "." << input.name);
    }
  }
}

TEST_CASE("metrics list: every metric, input and option is described in a sentence") {
  const auto is_sentence = [](std::string_view text) {
    return !text.empty() && (text.ends_with('.') || text.ends_with('!')) && text.find('\n') == std::string_view::npos;
  };
  int seen = 0;
  for (const auto* metric : metrics::list_metrics()) {
    if (metric->domain == "user") continue;
    ++seen;
    CHECK_MESSAGE(is_sentence(metric->summary), metric->name << " has no summary: '" << metric->summary << "'");
    for (const auto& option : metric->options) {
      CHECK_MESSAGE(is_sentence(option.description),
                    metric->name << "." << option.name << ": '" << option.description << "'");
    }
    for (const auto& input : metric->inputs) {
      CHECK_MESSAGE(is_sentence(input.description),
                    metric->name << "." << input.name << ": '" << input.description << "'");
    }
    for (const auto& output : metric->outputs) {
      if (metric->outputs.size() == 1) continue;  // the summary says what it is
      CHECK_MESSAGE(is_sentence(output.description),
                    metric->name << "." << output.name << ": '" << output.description << "'");
    }
  }
  CHECK(seen > 80);
}

TEST_CASE("metrics list --markdown: docs/metrics is what it writes") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("metrics_pages_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const Outcome refused = run_cli("list --markdown " + (folder / "missing").string());
  CHECK(refused.exit_code == 1);
  CHECK(contains(refused.error, "missing"));
  REQUIRE(run_cli("list --markdown " + folder.string()).exit_code == 0);
  std::set<std::string> written, kept;
  for (const auto& page : std::filesystem::directory_iterator(folder)) {
    const std::string name = page.path().filename();
    written.insert(name);
    CHECK_MESSAGE(content(page.path().string()) == content(METRICS_SOURCE_DIR "/docs/metrics/" + name),
                  name << ": write it anew: metrics list --markdown docs/metrics");
  }
  for (const auto& page : std::filesystem::directory_iterator(METRICS_SOURCE_DIR "/docs/metrics")) {
    kept.insert(page.path().filename());
  }
  CHECK(written == kept);
  CHECK(written.contains("classification.md"));
  CHECK(written.contains("README.md"));
  std::filesystem::remove_all(folder);
}
