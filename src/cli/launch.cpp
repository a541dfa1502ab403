#include "launch.h"

#include "interruption.h"
#include <metrics/distributed/launch.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::cli {
namespace {

/// Lines that are passed on together, because a write for each would be slower than the processes that print them. They
/// are of one stream, so that those of both stay in their order.
class Passing {
 public:
  ~Passing() { write(); }
  void add(distributed::OutputStream stream, std::string_view line) {
    if (stream != stream_ || lines_.size() >= much) write();
    stream_ = stream;
    lines_ += line;
  }
  void write() {
    (stream_ == distributed::OutputStream::Out ? std::cout : std::cerr) << lines_ << std::flush;
    lines_.clear();
  }

 private:
  static constexpr std::size_t much = std::size_t{1} << 16;
  distributed::OutputStream stream_ = distributed::OutputStream::Out;
  std::string lines_;
};

struct Options {
  int processes = 1;
  int port = 0;
  double timeout_seconds = 0;
  std::vector<std::string> command;
};

int launch(const Options& options) {
  distributed::LaunchOptions launch;
  launch.processes = options.processes;
  launch.command = options.command;
  launch.master_port = static_cast<uint16_t>(options.port);
  Passing passing;
  launch.output = [&](distributed::OutputStream stream, std::string_view line) { passing.add(stream, line); };
  if (options.timeout_seconds > 0) {
    launch.timeout = std::chrono::milliseconds(static_cast<int64_t>(options.timeout_seconds * 1000));
  }
  note_interruptions();
  launch.stop = [&] {
    passing.write();
    return interrupted();
  };

  const distributed::LaunchResult result = distributed::launch(launch);
  passing.write();
  if (!result.ok()) std::cerr << "metrics launch: " << result.message() << "\n";
  return result.exit_code();
}

}  // namespace

void add_launch(CLI::App& app, const std::vector<std::string>& after_dashes, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("launch", "Start a program several times over, as the ranks of one group");
  command->footer("The program and its arguments follow:  metrics launch -n 2 -- ./evaluate --data images");
  command->add_option("-n,--processes", options->processes, "How many processes to start here")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("--port", options->port, "Where rank 0 listens; 0 takes a free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  command->add_option("--timeout", options->timeout_seconds, "Seconds after which all are ended; 0: never")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  // Without "--" the first word that is none of the above begins the command: its own options are left alone.
  command->prefix_command();
  command->callback([command, after_dashes, options, &exit_code] {
    options->command = command->remaining();
    if (!options->command.empty() && options->command.front().starts_with('-')) {
      throw CLI::ExtrasError({options->command.front()});
    }
    if (!options->command.empty() && !after_dashes.empty()) options->command.emplace_back("--");
    options->command.insert(options->command.end(), after_dashes.begin(), after_dashes.end());
    if (options->command.empty()) throw CLI::RequiredError("launch: a program after \"--\"");
    exit_code = launch(*options);
  });
}

}  // namespace metrics::cli
