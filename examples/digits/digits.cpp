// Trains a small convolutional net on handwritten digits, saves its scores of the held-out images, and evaluates those
// scores on 1, 2 and 3 ranks: the same bits each time. Beside it stands what comes out when the test set is padded to
// divide evenly and the ranks' values are averaged, as is often done.

#include "evaluate.h"
#include "idx.h"
#include "report.h"
#include "train.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/launch.h>

#include <ATen/core/Tensor.h>

#include <CLI/CLI.hpp>

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
  double at_least = 0.97;
  bool evaluate_only = false;  // set in the processes that this program starts
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

/// The images that the repository ships, found from the program upwards.
fs::path shipped_data() {
  for (fs::path folder = program_folder();; folder = folder.parent_path()) {
    const fs::path data = folder / "examples" / "digits" / "data";
    if (fs::exists(data)) return data;
    if (folder == folder.parent_path()) return {};
  }
}

/// What each process of an evaluation does.
void evaluate_here(const Options& options) {
  const auto test = digits::read_images(options.data, "t10k");
  const auto scores = digits::read_floats(scores_file(options), 2);
  const Report report = digits::evaluate(scores, test.labels);
  report.save(report_file(options, static_cast<int64_t>(report.images.size()), report.rank));
}

/// Starts this program `world_size` times over and gives the report of each rank.
std::vector<Report> evaluate_with_ranks(const Options& options, int world_size) {
  metrics::distributed::LaunchOptions launch;
  launch.processes = world_size;
  launch.command = {
      metrics::distributed::current_command().front(), "--evaluate", "--data", options.data, "--out", options.out};
  launch.output = [](auto, std::string_view line) { std::cerr << line; };
  launch.timeout = std::chrono::minutes(2);
  const auto result = metrics::distributed::launch(launch);
  if (!result.ok())
    throw metrics::Error("evaluation with " + std::to_string(world_size) + " ranks: " + result.message());

  std::vector<Report> reports;
  for (int rank = 0; rank < world_size; ++rank) reports.push_back(Report::load(report_file(options, world_size, rank)));
  return reports;
}

void train(const Options& options) {
  const auto train = digits::read_images(options.data, "train");
  const auto test = digits::read_images(options.data, "t10k");
  std::cout << "Training on " << train.count << " images of " << train.rows << " x " << train.columns << " pixels, "
            << test.count << " held out\n";
  const at::Tensor scores = digits::train_and_score(train, test, options.training, std::cout);
  const auto* values = scores.const_data_ptr<float>();
  digits::write_floats(scores_file(options), {{scores.size(0), scores.size(1)}, {values, values + scores.numel()}});
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
  app.add_option("--threads", options.training.threads, "Threads of the training")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  app.add_option("--at-least", options.at_least, "Accuracy below which the program fails")->capture_default_str();
  app.add_flag("--evaluate", options.evaluate_only)->group("");
  CLI11_PARSE(app, argc, argv);
  if (options.data.empty()) options.data = shipped_data();
  if (options.data.empty()) throw metrics::Error("the digits that this program ships are not above it: say --data");
  if (options.out.empty()) options.out = program_folder() / "digits-out";

  if (options.evaluate_only) {
    evaluate_here(options);
    return 0;
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
