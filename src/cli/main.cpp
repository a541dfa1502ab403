#include "eval.h"
#include "eval/usage_error.h"
#include "launch.h"
#include "list.h"
#include <metrics/version.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

// As other programs do, it ends with 2 where it was called wrongly.
constexpr int kUsage = 2;

int run(int argc, char** argv) {
  // CLI11 would take what follows "--" for positional arguments of the outermost command.
  const auto dashes = std::find(argv, argv + argc, std::string_view("--"));
  const std::vector<std::string> after_dashes(dashes == argv + argc ? dashes : dashes + 1, argv + argc);
  if (dashes != argv + argc && (argc < 2 || std::string_view(argv[1]) != "launch")) {
    std::cerr << "metrics: \"--\" and a program belong to \"metrics launch\"\n";
    return kUsage;
  }

  CLI::App app("metrics " METRICS_VERSION ": the same number whatever the number of ranks");
  app.name("metrics");
  app.set_version_flag("--version", "metrics " METRICS_VERSION);
  int exit_code = 0;
  metrics::cli::add_eval(app, {argv + 1, argv + argc}, exit_code);
  metrics::cli::add_list(app);
  metrics::cli::add_launch(app, after_dashes, exit_code);
  try {
    app.parse(static_cast<int>(dashes - argv), argv);
  } catch (const CLI::Success& request) {
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    std::cerr << "metrics: " << error.what() << "\nRun \"metrics --help\" for what there is.\n";
    return kUsage;
  } catch (const metrics::eval::UsageError& error) {
    std::cerr << "metrics: " << error.what() << "\n";
    return kUsage;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << "metrics: a command is needed.\nRun \"metrics --help\" for what there is.\n";
    return kUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "metrics: " << error.what() << "\n";
    return 1;
  }
}
