#include "cli/program.h"
#include "contains.h"
#include <metrics/core/dynamic.h>

#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using metrics::testing::Outcome;
using metrics::testing::run_cli;

namespace {

using metrics_test::contains;

using nlohmann::json;

/// Files that Python has written, and what torchmetrics makes of them; written once.
class PythonsFiles {
 public:
  PythonsFiles() : folder_(std::filesystem::temp_directory_path() / ("metrics-eval-test-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    const std::string command = METRICS_PYTHON " " METRICS_SOURCE_DIR "/tests/cli/eval_files.py " + folder_.string();
    FILE* pipe = popen(command.c_str(), "r");
    std::string printed;
    char buffer[4096];
    for (size_t n = 0; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) printed.append(buffer, n);
    if (pclose(pipe) != 0) throw std::runtime_error(command + " failed");
    expected = json::parse(printed);
  }
  ~PythonsFiles() { std::filesystem::remove_all(folder_); }
  PythonsFiles(const PythonsFiles&) = delete;
  PythonsFiles& operator=(const PythonsFiles&) = delete;

  std::string operator()(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (*this)(name);
  }

  json expected;

 private:
  std::filesystem::path folder_;
};

const PythonsFiles& files() {
  static const PythonsFiles written;
  return written;
}

/// What was printed but for LibTorch's warnings that a rank of a busy machine has waited for another one.
std::string without_waits(const std::string& printed) {
  std::istringstream lines(printed);
  std::string rest;
  for (std::string line; std::getline(lines, line);) {
    if (!contains(line, "waitForInput")) rest += line + "\n";
  }
  return rest;
}

json evaluated(const std::string& arguments) {
  const Outcome outcome = run_cli("eval --json " + arguments);
  CAPTURE(arguments);
  CAPTURE(outcome.error);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out);
}

void check_close(const json& value, const json& expected) {
  if (expected.is_array()) {
    REQUIRE(value.size() == expected.size());
    for (std::size_t i = 0; i < value.size(); ++i) check_close(value[i], expected[i]);
  } else {
    CHECK(std::abs(value.get<double>() - expected.get<double>()) <= 1e-6);
  }
}

void check_refused(int exit_code, const std::string& arguments, const std::string& message) {
  const Outcome outcome = run_cli("eval " + arguments);
  CAPTURE(arguments);
  CAPTURE(outcome.error);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out == "");
  CHECK(contains(outcome.error, message));
}

}  // namespace

TEST_CASE("metrics eval: what is asked for and cannot be ends with 2, and misspelt names with the nearest") {
  const std::string csv = files()("table.csv");
  const std::string inputs = " --inputs " + csv;
  check_refused(2, "", "a metric is needed");
  check_refused(2, "BinaryAUROC", "files are needed");
  check_refused(2, "BinaryAurocc" + inputs, "there is no metric called `BinaryAurocc`; did you mean `BinaryAUROC`?");
  check_refused(2, "'MulticlassAccuracy(num_clases=3)'" + inputs,
                "MulticlassAccuracy: there is no option `num_clases`; did you mean `num_classes`?");
  check_refused(2, "'BinaryAUROC(thresholds=10'" + inputs, "expected `,` or `)`");
  check_refused(2, "'BinaryAccuracy(threshold=often)'" + inputs, "option `threshold` expects float, got 'often'");
  check_refused(2, "BinaryAUROC" + inputs, "BinaryAUROC: there is no column `preds`");
  check_refused(2, "BinaryAUROC --map preds=scor --map target=label" + inputs,
                "there is no column `scor` for input `preds`; did you mean `score`?");
  check_refused(2, "BinaryAUROC --by grup --map preds=score --map target=label" + inputs,
                "there is no column `grup` for --by; did you mean `group`?");
  check_refused(2, "BinaryAUROC BinaryAUROC --map preds=score --map target=label" + inputs,
                "two metrics are called BinaryAUROC");
  check_refused(2, "--config " + files().write("wrong.json", R"({"metrics": [], "prefx": "val_"})") + inputs,
                "unknown key `prefx`; did you mean `prefix`");
  CHECK(contains(run_cli("list MulticlasAccuracy").error, "did you mean `MulticlassAccuracy`"));
}

TEST_CASE("metrics eval: files that do not hold what they should end with 1") {
  const auto refused = [](const std::string& name, const std::string& text, const std::string& message) {
    check_refused(1, "MeanMetric --value " + files().write(name, text), message);
  };
  check_refused(1, "MeanMetric --value /no/such/file.npy", "there is no such file");
  check_refused(1, "MeanMetric --value '/no/such/*.npy'", "no file matches");
  refused("empty.csv", "", "empty.csv at byte 0: the file is empty");
  refused("short.csv", "value,other\n1,2\n3\n", "row 1 has 1 fields where the first line names 2 columns");
  refused("quote.csv", "value\n\"1\n", "a quoted field does not end");
  refused("twice.csv", "value,value\n1,2\n", "there are two columns `value`");
  refused("texts.csv", "value\n1\nmany\n", "column `value` holds texts, and input `value` takes none");
  refused("line.jsonl", "{\"value\": 1}\n{\"value\": 2\n", "line.jsonl at byte 13: the line is no JSON");
  refused("none.jsonl", "{\"value\": 1}\n{\"val\": 2}\n", "the line has no `value`");
  refused("objects.npy", "\x93NUMPY\x01\x00", "objects.npy");
  check_refused(1,
                "MeanSquaredError --preds " + files()("preds.npy") + " --target " + files()("texts.jsonl") + ":target",
                "holds texts");
  check_refused(1, "'MulticlassAccuracy(num_classes=2)' -n 2 --inputs " + files()("classes.safetensors"), "rows ");
}

TEST_CASE("metrics eval: a pair of .npy files gives torchmetrics' values, for readers and for programs") {
  const std::string pair = " --preds " + files()("preds.npy") + " --target " + files()("target.npy");
  const json all = evaluated("BinaryAccuracy BinaryAUROC" + pair);
  CHECK(all.at("rows") == 301);
  check_close(all.at("values").at("BinaryAccuracy"), files().expected.at("BinaryAccuracy"));
  check_close(all.at("values").at("BinaryAUROC"), files().expected.at("BinaryAUROC"));
  const Outcome table = run_cli("eval BinaryAccuracy" + pair);
  CHECK(contains(table.out, "BinaryAccuracy  0.6112957\nover 301 rows\n"));
  CHECK(table.error == "");
}

TEST_CASE("metrics eval: the same columns in every format, and in files one after the other, give the same") {
  const std::string metrics =
      "'MulticlassAccuracy(num_classes=3)' 'top2=MulticlassAccuracy(num_classes=3, top_k=2)' "
      "'classes=Accuracy(task=multiclass, num_classes=3, average=None)' "
      "'confusion=MulticlassConfusionMatrix(num_classes=3)' ";
  const json first = evaluated(metrics + "--inputs " + files()("classes.safetensors"));
  for (const std::string name : {"MulticlassAccuracy", "top2", "classes", "confusion"}) {
    check_close(first.at("values").at(name), files().expected.at(name));
  }
  for (const std::string file : {"classes.pt", "stored.npz", "deflated.npz", "'part-*.safetensors'"}) {
    CAPTURE(file);
    CHECK(evaluated(metrics + "--inputs " + files()("") + file) == first);
  }
  CHECK(evaluated(metrics + "--preds " + files()("scores_fortran.npy") + " --target " + files()("classes.pt")) ==
        first);
  // Written in decimals, numbers are read as float64.
  for (const std::string file : {"table.csv", "table.tsv"}) {
    const json read = evaluated(metrics + "--map 'preds=p*' --map target=class --inputs " + files()(file));
    CHECK(read.at("values").at("confusion") == first.at("values").at("confusion"));
  }
  const Outcome piped = run_cli("eval --json " + metrics + "--inputs - -n 2 < " + files()("classes.safetensors"));
  CHECK(json::parse(piped.out) == first);
}

TEST_CASE("metrics eval: groups, and the same bytes for every number of processes") {
  const std::string arguments =
      "eval --json BinaryAUROC 'MeanSquaredError' --map preds=score --map target=label --by group --inputs " +
      files()("table.csv");
  const Outcome alone = run_cli(arguments);
  REQUIRE(alone.exit_code == 0);
  const json all = json::parse(alone.out);
  CHECK(all.at("by") == "group");
  const json& expected = files().expected.at("BinaryAUROC of groups");
  CHECK(all.at("groups").size() == expected.size());
  for (const auto& [name, value] : expected.items()) {
    check_close(all.at("groups").at(name).at("values").at("BinaryAUROC"), value);
    CHECK(all.at("groups").at(name).at("rows") == files().expected.at("rows of groups").at(name));
  }
  for (const std::string n : {"2", "3"}) {
    const Outcome shared = run_cli(arguments + " -n " + n);
    CHECK(shared.exit_code == 0);
    CHECK(shared.out == alone.out);
    CHECK(without_waits(shared.error) == "");
  }
}

TEST_CASE("metrics eval: weights, rows that are valid, a configuration") {
  const std::string inputs = " --inputs " + files()("classes.safetensors");
  const std::string metric = "'MulticlassAccuracy(num_classes=3)'";
  check_close(evaluated(metric + inputs + " --weights weight_of_row").at("values").at("MulticlassAccuracy"),
              files().expected.at("weighted"));
  check_close(evaluated(metric + inputs + " --valid valid").at("values").at("MulticlassAccuracy"),
              files().expected.at("valid"));
  const std::string config = files().write("metrics.json", R"({
    "prefix": "val_",
    "metrics": {"top2": {"name": "MulticlassAccuracy", "options": {"num_classes": 3, "top_k": 2}},
                "weight": {"name": "MeanMetric", "inputs": {"value": "weight_of_row"}}}
  })");
  const json values = evaluated("--config " + config + inputs).at("values");
  check_close(values.at("val_top2"), files().expected.at("top2"));
  CHECK(values.size() == 2);
  CHECK(values.contains("val_weight"));
}

TEST_CASE("metrics eval: texts and boxes from JSON lines") {
  check_close(evaluated("WordErrorRate --inputs " + files()("texts.jsonl")).at("values").at("WordErrorRate"),
              files().expected.at("WordErrorRate"));
  const auto box = [](std::vector<double> corners, std::vector<int64_t> labels) -> c10::IValue {
    c10::Dict<std::string, at::Tensor> dict;
    dict.insert("boxes", at::tensor(corners, at::kDouble).view({-1, 4}));
    dict.insert("labels", at::tensor(labels));
    return dict;
  };
  c10::impl::GenericList preds(c10::AnyType::get()), target(c10::AnyType::get());
  preds.push_back(box({10.5, 10, 30, 40}, {1}));
  preds.push_back(box({0, 0, 10, 10, 5, 5, 20, 20}, {0, 1}));
  target.push_back(box({12, 10, 33, 40}, {1}));
  target.push_back(box({1, 0, 10, 12, 4, 5, 20, 22}, {0, 1}));
  const auto iou = metrics::create("IntersectionOverUnion");
  iou->update({preds, target});
  const double expected = iou->compute().toGenericDict().at("iou").toTensor().item<double>();
  check_close(evaluated("IntersectionOverUnion --inputs " + files()("boxes.jsonl")).at("values").at("iou"), expected);
}
