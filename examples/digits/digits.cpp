// Trains a small convolutional net on handwritten digits with two ranks whose parts are uneven, saves its scores of
// the held-out images, and evaluates those scores on 1, 2 and 3 ranks: the same bits each time. Beside it stands what
// comes out when the test set is padded to divide evenly and the ranks' values are averaged, as is often done.

#include "evaluate.h"
#include "idx.h"
#include "report.h"
#include "train.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/launch.h>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using digits::Report;

constexpr int kWorldSizes[] = {1, 2, 3};

struct Options {
  fs::path data;
  fs::path out;
  digits::TrainOptions training;
  int ranks = 2;
  double at_least = 0.97;
  std::string part;  // what the processes that this program starts do: "train" or "evaluate"
};

fs::path scores_file(const Options& options) {
  return options.out / "test-scores-idx2-float";
}

fs::path report_file(const Options& options, int64_t world_size, int64_t rank) {
  return options.out / ("report-" + std::to_string(rank) + "-of-" + std::to_string(world_size) + ".json");
}

fs::path program_folder() {
  return fs::read_symlink("/proc/self/exe").parent_path();
}

/// What each process of an evaluation does.
void evaluate_here(const Options& options) {
  const auto test = digits::read_images(options.data, "t10k");
  const auto scores = digits::read_floats(scores_file(options), 2);
  const Report report = digits::evaluate(scores, test.labels);
  report.save(report_file(options, static_cast<int64_t>(report.images.size()), report.rank));
}

/// What each process of the training does.
void train_here(const Options& options) {
  digits::train_and_score(digits::read_images(options.data, "train"), digits::read_images(options.data, "t10k"),
                          options.training, options.out, scores_file(options));
}

/// Starts this program `ranks` times over to do its part of one.
void run_with_ranks(const Options& options, int ranks, const std::string& part, std::vector<std::string> more = {}) {
  metrics::distributed::LaunchOptions launch;
  launch.processes = ranks;
  launch.command = {
      metrics::distributed::current_command().front(), "--part", part, "--data", options.data, "--out", options.out};
  launch.command.insert(launch.command.end(), more.begin(), more.end());
  const bool progress = !options.training.terminal.empty();
  launch.output = [&](auto stream, std::string_view line) {
    using metrics::distributed::OutputStream;
    // A line takes the place of the progress that rank 0 shows where the cursor is.
    if (progress) std::cerr << "\r\x1b[K" << std::flush;
    if (stream == OutputStream::Out) {
      std::cout << line.substr(line.find(' ') + 1) << std::flush;
    } else {
      std::cerr << line;
    }
  };
  launch.timeout = std::chrono::hours(1);
  const auto result = metrics::distributed::launch(launch);
  if (!result.ok()) throw metrics::Error(part + " with " + std::to_string(ranks) + " ranks: " + result.message());
}

/// Evaluates with so many processes and gives the report of each rank.
std::vector<Report> evaluate_with_ranks(const Options& options, int world_size) {
  run_with_ranks(options, world_size, "evaluate");
  std::vector<Report> reports;
  for (int rank = 0; rank < world_size; ++rank) reports.push_back(Report::load(report_file(options, world_size, rank)));
  return reports;
}

void train(const Options& options) {
  const digits::TrainOptions& training = options.training;
  run_with_ranks(options, options.ranks, "train",
                 {"--epochs", std::to_string(training.epochs), "--seed", std::to_string(training.seed), "--threads",
                  std::to_string(training.threads), "--terminal", training.terminal});
}

/// Prints the evaluations beside each other. Returns whether each rank of each gave the same bits, for a net that has
/// learnt enough.
bool compare(const Options& options) {
  const auto test = digits::read_images(options.data, "t10k");
  const auto scores = digits::read_floats(scores_file(options), 2);
  std::vector<Report> exact;
  std::vector<Report> padded;
  // One rank has nothing to pad and nothing to average: what it counts by index arithmetic has to come out everywhere.
  const Report counted = digits::padded_and_averaged(scores, test.labels, 1);
  std::string different;
  int ranks = 0;
  for (const int world_size : kWorldSizes) {
    const auto reports = evaluate_with_ranks(options, world_size);
    exact.push_back(reports[0]);
    for (const Report& report : reports) {
      if (digits::same_bits(report, counted)) continue;
      different += " rank " + std::to_string(report.rank) + " of " + std::to_string(world_size) + ";";
    }
    ranks += world_size;
    if (world_size > 1) padded.push_back(digits::padded_and_averaged(scores, test.labels, world_size));
  }

  std::cout << "\nThe same " << test.count << " rows of scores ("
            << scores_file(options).lexically_proximate(fs::current_path()).string() << "),\n"
            << "evaluated by 1, 2 and 3 processes; * marks what differs from one process\n\n";
  digits::print_table(std::cout, exact, padded);
  std::cout << "\n";
  if (different.empty()) {
    std::cout << "All " << exact[0].class_accuracy.size() + 6 << " values have the same bits on all " << ranks
              << " ranks of the three evaluations, and as counted one by one.\n";
  } else {
    std::cout << "Other bits than counted one by one:" << different << "\n";
  }
  const bool learnt = counted.accuracy >= options.at_least;
  if (!learnt) std::cout << "The accuracy is below " << std::setprecision(4) << options.at_least << ".\n";
  return different.empty() && learnt;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Evaluates a digit classifier on 1, 2 and 3 ranks, to the same bits");
  app.add_option("--data", options.data, "Folder of IDX files named as MNIST's, plain or .gz [the digits shipped]");
  app.add_option("--out", options.out, "Folder for the scores and reports [digits-out beside the program]");
  app.add_option("--epochs", options.training.epochs, "How often to go through the training images")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  app.add_option("--seed", options.training.seed, "Seed of the training")->capture_default_str();
  app.add_option("--threads", options.training.threads, "Threads of each process of the training")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  app.add_option("--at-least", options.at_least, "Accuracy below which the program fails")->capture_default_str();
  app.add_option("--ranks", options.ranks, "Processes that train together")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--part", options.part)->group("");
  app.add_option("--terminal", options.training.terminal)->group("");
  CLI11_PARSE(app, argc, argv);
  if (options.data.empty()) options.data = digits::shipped_data();
  if (options.out.empty()) options.out = program_folder() / "digits-out";

  if (!options.part.empty()) {
    options.part == "train" ? train_here(options) : evaluate_here(options);
    return 0;
  }
  if (::isatty(STDERR_FILENO) == 1) {
    if (const char* name = ::ttyname(STDERR_FILENO)) options.training.terminal = name;
  }
  fs::create_directories(options.out);
  const auto start = std::chrono::steady_clock::now();
  train(options);
  const bool passed = compare(options);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::cout << "Training and evaluation took " << std::fixed << std::setprecision(1) << elapsed.count() << " s.\n";
  return passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "digits: " << error.what() << "\n";
    return 2;
  }
}
