#include "eval.h"

#include "eval/evaluation.h"
#include "eval/report.h"
#include "eval/spool.h"
#include "eval/usage_error.h"
#include "interruption.h"
#include "terminal/progress_line.h"
#include <metrics/core/registry.h>
#include <metrics/core/warning.h>
#include <metrics/distributed/launch.h>
#include <metrics/distributed/process_group.h>

#include <c10/util/Logging.h>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

namespace metrics::cli {
namespace {

struct EvalOptions {
  std::vector<std::string> metrics;
  std::string config;
  std::vector<std::string> maps;
  eval::Request request;
  int processes = 1;
  bool json = false;
  bool as_rank = false;
  std::string terminal;
};

/// What the options say together.
eval::Request request_of(const EvalOptions& options) {
  eval::Request request = options.request;
  std::erase_if(request.named, [](const auto& input) { return input.second.empty(); });
  if (!options.config.empty()) request.specs = eval::read_config(options.config);
  for (const std::string& metric : options.metrics) request.specs.metrics.push_back(eval::parse_call(metric));
  if (request.specs.metrics.empty()) throw eval::UsageError("eval: a metric is needed, or --config with some");
  if (request.files.empty() && request.named.empty()) {
    throw eval::UsageError("eval: files are needed: --inputs, or one for each input, as in --preds FILE");
  }
  for (const std::string& map : options.maps) {
    const std::size_t equals = map.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == map.size()) {
      throw eval::UsageError("eval: --map is INPUT=COLUMN, got `" + map + "`");
    }
    request.columns[map.substr(0, equals)] = map.substr(equals + 1);
  }
  return request;
}

bool is_stdin(const std::string& file) {
  return file == "-" || file.starts_with("-:");
}

/// Standard input in a file, where a request or arguments name it, because what is read in blocks and by several
/// processes has to lie somewhere.
class KeptStdin {
 public:
  void keep_for(eval::Request& request) {
    bool named = false;
    const auto replace = [&](std::string& file) {
      if (!is_stdin(file)) return;
      named = true;
      file = path() + file.substr(1);
    };
    for (std::string& file : request.files) replace(file);
    for (auto& [input, files] : request.named) std::for_each(files.begin(), files.end(), replace);
    if (named) eval::append_all(*spool_, STDIN_FILENO);
  }
  /// Arguments that name the file instead.
  std::vector<std::string> arguments(std::vector<std::string> given) const {
    for (std::string& argument : given) {
      if (spool_ && is_stdin(argument)) argument = spool_->path().string() + argument.substr(1);
    }
    return given;
  }

 private:
  std::string path() {
    if (!spool_) spool_ = std::make_unique<eval::Spool>("standard input");
    return spool_->path().string();
  }

  std::unique_ptr<eval::Spool> spool_;
};

/// Warnings are said once, and after what is asked for.
class KeptWarnings {
 public:
  KeptWarnings() : before_(set_warning_handler([this](const std::string& message) { messages_.insert(message); })) {}
  ~KeptWarnings() { set_warning_handler(before_); }
  KeptWarnings(const KeptWarnings&) = delete;
  KeptWarnings& operator=(const KeptWarnings&) = delete;
  void print() const {
    for (const std::string& message : messages_) std::cerr << "metrics: warning: " << message << "\n";
  }

 private:
  std::set<std::string> messages_;
  WarningHandler before_;
};

void evaluate_here(const EvalOptions& options, eval::Evaluation& evaluation, ProcessGroup& group) {
  const KeptWarnings warnings;
  const bool first = group.rank() == 0;
  eval::Report report;
  {
    terminal::ProgressLine line(first ? options.terminal : "");
    report = evaluation.run(group, [&](int64_t rows, int64_t of) {
      if (line.due()) line.draw("", {.done = rows, .of = of, .unit = "rows"});
    });
  }
  if (!first) return;
  const std::string& by = options.request.by;
  std::cout << (options.json ? eval::as_json(report, by) : eval::as_table(report, by)) << std::flush;
  warnings.print();
}

/// What the processes of an evaluation say: what rank 0 prints is passed on; of errors, those of the rank that failed
/// first, because the others only tell that it has gone.
class Heard {
 public:
  void add(distributed::OutputStream stream, std::string_view line) {
    const std::size_t space = line.find(' ');
    const std::string rank(line.substr(1, space - 2));
    (stream == distributed::OutputStream::Out ? out_ : errors_)[rank] += line.substr(space + 1);
  }
  void print(const distributed::LaunchResult& result) {
    if (result.ok()) {
      std::cout << out_["0"] << std::flush;
      std::cerr << errors_["0"];
      return;
    }
    const std::string failed = result.failed_rank ? errors_[std::to_string(*result.failed_rank)] : "";
    std::cerr << failed;
    if (failed.empty()) std::cerr << "metrics eval: " << result.message() << "\n";
  }

 private:
  std::map<std::string, std::string> out_;
  std::map<std::string, std::string> errors_;
};

int evaluate_in_processes(const EvalOptions& options, std::vector<std::string> arguments) {
  distributed::LaunchOptions launch;
  launch.processes = options.processes;
  launch.command = {distributed::current_command().front()};
  launch.command.insert(launch.command.end(), arguments.begin(), arguments.end());
  launch.command.emplace_back("--as-rank");
  // LibTorch warns of each half second that it waits for a rank which is slower to start. Its errors still come.
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) launch.environment["TORCH_CPP_LOG_LEVEL"] = "ERROR";
  if (!options.terminal.empty()) launch.command.insert(launch.command.end(), {"--terminal", options.terminal});
  Heard heard;
  launch.output = [&](distributed::OutputStream stream, std::string_view line) { heard.add(stream, line); };
  note_interruptions();
  launch.stop = interrupted;
  const distributed::LaunchResult result = distributed::launch(launch);
  heard.print(result);
  return result.exit_code();
}

int run_eval(EvalOptions options, const std::vector<std::string>& arguments) {
  eval::Request request = request_of(options);
  KeptStdin kept;
  kept.keep_for(request);
  if (!options.as_rank && options.terminal.empty() && ::isatty(STDERR_FILENO) == 1) {
    if (const char* name = ::ttyname(STDERR_FILENO)) options.terminal = name;
  }
  // What is wrong with the call is found here, once, before processes are started.
  eval::Evaluation evaluation(request);
  const bool is_one_of_several = options.as_rank || std::getenv("RANK") != nullptr;
  if (is_one_of_several) c10::initLogging();  // takes TORCH_CPP_LOG_LEVEL, which a program in C++ is not asked for
  if (options.processes > 1 && !is_one_of_several) {
    return evaluate_in_processes(options, kept.arguments(arguments));
  }
  const auto group = init_process_group({.backend = "gloo"});
  evaluate_here(options, evaluation, *group);
  return 0;
}

/// All names of inputs, of which there are options.
std::set<std::string> names_of_inputs() {
  std::set<std::string> names;
  for (const MetricEntry* entry : list_metrics()) {
    for (const InputInfo& input : entry->inputs) names.emplace(input.name);
  }
  return names;
}

constexpr const char* footer =
    R"help(Metrics are called as in Python:  metrics eval "MulticlassAccuracy(num_classes=10, top_k=5)" "top1=MulticlassAccuracy(num_classes=10)" --inputs predictions.safetensors
Inputs of the metrics are columns of their names; --map preds=scores takes another, --map "preds=p0,p1,p2" several side by side. Each input also has an option for its file: --value loss.npy.
Files: .safetensors, .pt, .npy, .npz, .csv, .tsv, .jsonl; patterns of them; "-" for standard input. Of files with the same columns the rows follow one another.
It ends with 0; with 2 where what is asked for cannot be; with 1 where the files do not hold what they should.)help";

}  // namespace

void add_eval(CLI::App& app, const std::vector<std::string>& arguments, int& exit_code) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand("eval", "Evaluate predictions that are saved in files");
  command->footer(footer);
  command->add_option("METRIC", options->metrics, "Metrics by name, with options in parentheses");
  command->add_option("--config", options->config,
                      "A JSON file with metrics: {\"metrics\": [{\"name\": …, \"options\": {…}}, …]}");
  command->add_option("--inputs", options->request.files, "Files with the columns, or patterns of them");
  for (const std::string& input : names_of_inputs()) {
    CLI::Option* option =
        command->add_option("--" + input, options->request.named[input], "The file of `" + input + "`, or FILE:COLUMN");
    if (input != "preds" && input != "target") option->group("");
  }
  command->add_option("--map", options->maps, "INPUT=COLUMN, where they are called otherwise");
  command->add_option("--weights", options->request.weights, "The column with what each row weighs");
  command->add_option("--valid", options->request.valid, "The column that says which rows count");
  command->add_option("--ids", options->request.ids, "The column with the rows' sample ids");
  command->add_option("--by", options->request.by,
                      "A column whose values are groups: each is evaluated by itself, too");
  command->add_option("-n,--processes", options->processes, "How many processes share the rows")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_flag("--json", options->json, "Print JSON, for programs");
  command->add_flag("--as-rank", options->as_rank)->group("");
  command->add_option("--terminal", options->terminal)->group("");
  command->callback([options, arguments, &exit_code] { exit_code = run_eval(*options, arguments); });
}

}  // namespace metrics::cli
