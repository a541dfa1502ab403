#include "ranks.h"

#include "ways.h"
#include <metrics/core/errors.h>
#include <metrics/core/unit.h>
#include <metrics/core/warning.h>
#include <metrics/distributed/launch.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/ranged_rows.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

namespace metrics::testing {
namespace {

using c10::IValue;

constexpr const char* results_variable = "METRICS_TEST_RESULTS";
constexpr Tolerance exact{.rtol = 0, .atol = 0};

/// What each rank is given, in its order.
using Parts = std::vector<std::vector<Batch>>;

std::unique_ptr<Metric> local(const Case& c) {
  return created(c, {.sync_on_compute = false});
}

void update(Metric& metric, const std::vector<Batch>& batches) {
  for (const auto& batch : batches) testing::update(metric, batch);
}

Parts in_turn(const std::vector<Batch>& batches, int64_t world_size) {
  Parts parts(static_cast<std::size_t>(world_size));
  for (std::size_t i = 0; i < batches.size(); ++i) parts[i % parts.size()].push_back(batches[i]);
  return parts;
}

Parts all_to_the_last(const std::vector<Batch>& batches, int64_t world_size) {
  Parts parts(static_cast<std::size_t>(world_size));
  parts.back() = batches;
  return parts;
}

/// Of each batch rank 0 gets most rows, rank 1 none, the last one what is left.
Parts uneven(const std::vector<Batch>& batches, int64_t world_size) {
  Parts parts(static_cast<std::size_t>(world_size));
  for (const auto& batch : batches) {
    std::vector<int64_t> sizes(parts.size(), 0);
    const int64_t rows = rows_of(batch);
    sizes.front() = world_size == 1 ? rows : rows - rows / 3;
    if (world_size > 1) sizes.back() += rows / 3;
    const auto pieces = split(batch, sizes);
    for (std::size_t rank = 0; rank < parts.size(); ++rank) parts[rank].push_back(pieces[rank]);
  }
  return parts;
}

bool has_weights(const std::vector<Batch>& batches) {
  return std::any_of(batches.begin(), batches.end(), [](const Batch& batch) { return batch.contains(weights_name); });
}

/// The first rank's rows weigh 1/2, 1, 3/2, 1/2, … and those of all others count once. Queries of other ranks are
/// others.
Parts weighted_on_rank_0(Parts parts) {
  for (Batch& batch : parts.front()) {
    if (has_queries(batch)) {
      batch = of_other_queries(with_a_document_each(batch), 1);
      batch = weighted(batch, (batch.at("indexes").toTensor().remainder(3) + 1).to(at::kDouble) / 2);
      continue;
    }
    const auto rows = at::arange(rows_of(batch), at::TensorOptions(at::kDouble));
    batch = weighted(batch, (rows.remainder(3) + 1) / 2);
  }
  return parts;
}

class Player {
 public:
  Player(const Case& c, int64_t rank) : case_(c), rank_(static_cast<std::size_t>(rank)) {}

  /// One compute; then each rank's own states have to be as they were.
  void compute(const std::string& step, const Parts& parts) {
    const auto metric = updated(parts);
    const IValue expected = of_one_process(parts);
    expect(step, metric->compute(), expected);
    const bool of_whole = has_weights(case_) || !has_weights(parts.front());
    if (!case_.rows_permute && of_whole)
      expect(step + ", beside the whole", expected, expected_final(case_), case_.tolerance);
    alone(step, *metric, parts[rank_]);
  }

  /// The same where rows stay apart, however few they are.
  void compute_by_ranges(const std::string& step, const Parts& parts) {
    const auto metric = created(case_);
    const std::vector<Unit*> units = metric->units();
    const auto is_ranged = [](const Unit* unit) { return unit->ranged_value() != nullptr; };
    if (std::none_of(units.begin(), units.end(), is_ranged)) return;
    const int64_t before = set_ranged_bytes(0);
    compute(step + ", by ranges", parts);
    set_ranged_bytes(before);
  }

  /// Computes again, in place, and after rank 0 alone has gone on: the others' caches must not stand.
  void compute_repeatedly(const std::string& step, Parts parts) {
    const auto metric = updated(parts);
    const IValue expected = of_one_process(parts);
    expect(step, metric->compute(), expected);
    expect(step + ", again", metric->compute(), expected);
    {
      const SyncScope synced(*metric);
      expect(step + ", synced", metric->compute(), expected);
    }
    if (!parts.front().empty()) {
      const Batch more = parts.front().front();
      if (rank_ == 0) testing::update(*metric, more);
      parts.front().push_back(more);
      expect(step + ", rank 0 once more", metric->compute(), of_one_process(parts));
    }
    alone(step, *metric, parts[rank_]);
  }

  void forward(const std::vector<Batch>& batches, int64_t world_size) {
    const auto metric = created(case_, {.dist_sync_on_step = true});
    const Batch empty = split(batches.front(), {0}).front();
    const auto ranks = static_cast<std::size_t>(world_size);
    for (std::size_t begin = 0; begin < batches.size(); begin += ranks) {
      const auto whole = local(case_);
      for (std::size_t i = begin; i < std::min(begin + ranks, batches.size()); ++i) testing::update(*whole, batches[i]);
      const Batch& mine = begin + rank_ < batches.size() ? batches[begin + rank_] : empty;
      expect("dist_sync_on_step", testing::forward(*metric, mine), whole->compute());
    }
    expect("compute after dist_sync_on_step", metric->compute(), of_one_process(in_turn(batches, world_size)));
  }

  RankReport report;

 private:
  std::unique_ptr<Metric> updated(const Parts& parts) const {
    auto metric = created(case_);
    update(*metric, parts[rank_]);
    return metric;
  }

  IValue of_one_process(const Parts& parts) const {
    const auto whole = local(case_);
    for (const auto& part : parts) update(*whole, part);
    return whole->compute();
  }

  void alone(const std::string& step, Metric& metric, const std::vector<Batch>& part) {
    const auto own = local(case_);
    update(*own, part);
    metric.set_metric_options({.sync_on_compute = false});
    const auto found = difference(metric.compute(), own->compute(), exact);
    if (!found.empty() && report.failure.empty()) report.failure = step + ", this rank alone: " + found;
  }

  void expect(const std::string& step, const IValue& got, const IValue& expected, const Tolerance& tolerance = exact) {
    const auto found = difference(got, expected, tolerance);
    if (!found.empty() && report.failure.empty()) report.failure = step + ": " + found;
    report.digest = report.digest * 1099511628211ULL + std::hash<std::string>{}(bits(got));
  }

  const Case& case_;
  std::size_t rank_;
};

std::filesystem::path report_path(const std::filesystem::path& directory, int64_t rank) {
  return directory / ("rank" + std::to_string(rank) + ".json");
}

/// What a worker does instead of starting workers.
void play_all(const std::vector<Case>& cases, const std::filesystem::path& directory) {
  const auto world = init_process_group({.backend = "gloo", .timeout = std::chrono::seconds(60)});
  set_warning_handler([](const std::string&) {});
  auto reports = nlohmann::json::array();
  for (const auto& c : cases) {
    const auto report = play_on_rank(c, world->rank(), world->world_size());
    reports.push_back({{"name", report.name}, {"failure", report.failure}, {"digest", report.digest}});
    if (world->broken()) break;
  }
  std::ofstream(report_path(directory, world->rank())) << reports.dump();
}

}  // namespace

RankReport play_on_rank(const Case& c, int64_t rank, int64_t world_size) {
  Player player(c, rank);
  player.report.name = c.name;
  if (c.metric.empty() || c.excludes.contains("ranks")) return player.report;
  try {
    const auto with_rows = batches_with_rows(c);
    const auto& batches = with_rows ? *with_rows : c.batches;
    player.compute_repeatedly("in turn", in_turn(batches, world_size));
    player.compute_by_ranges("in turn", in_turn(batches, world_size));
    player.compute("all on the last rank", all_to_the_last(batches, world_size));
    player.compute_by_ranges("all on the last rank", all_to_the_last(batches, world_size));
    if (with_rows && !has_weights(c) && taken_weights(c) == RowWeights::Any) {
      player.compute("weights on rank 0", weighted_on_rank_0(in_turn(batches, world_size)));
      player.compute_by_ranges("weights on rank 0", weighted_on_rank_0(in_turn(batches, world_size)));
    }
    if (with_rows) {
      player.compute("uneven rows", uneven(largest_with_rows(c), world_size));
      player.forward(batches, world_size);
    }
  } catch (const std::exception& error) {
    player.report.failure = std::string("throws ") + error.what();
  }
  return player.report;
}

std::vector<std::string> failures_on_ranks(const std::vector<Case>& cases, int64_t world_size,
                                           const std::string& test_case) {
  if (const char* directory = std::getenv(results_variable)) {
    if (std::to_string(world_size) != std::getenv("WORLD_SIZE")) return {};
    play_all(cases, directory);
    std::exit(EXIT_SUCCESS);
  }
  const auto directory = std::filesystem::temp_directory_path() /
                         ("metrics_ranks_" + std::to_string(::getpid()) + "_" + std::to_string(world_size));
  std::filesystem::create_directories(directory);
  // A filter ends at a comma, and has ? for any character.
  std::string filter = "--test-case=" + test_case;
  std::replace(filter.begin(), filter.end(), ',', '?');
  const auto result = distributed::launch({
      .processes = world_size,
      .command = {distributed::current_command().front(), filter},
      .environment = {{results_variable, directory.string()}},
      .timeout = std::chrono::minutes(8),
  });
  std::vector<std::string> found;
  if (!result.ok()) {
    found.push_back("world size " + std::to_string(world_size) + ": " + result.message());
    for (const auto& process : result.processes) found.push_back(process.out + process.error);
  }
  std::vector<nlohmann::json> reports;
  for (int64_t rank = 0; rank < world_size; ++rank) {
    std::ifstream file(report_path(directory, rank));
    reports.push_back(nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false));
  }
  std::filesystem::remove_all(directory);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (std::size_t rank = 0; rank < reports.size(); ++rank) {
      const std::string where =
          cases[i].name + ", rank " + std::to_string(rank) + " of " + std::to_string(world_size) + ": ";
      if (!reports[rank].is_array() || reports[rank].size() <= i) {
        found.push_back(where + "no report");
        return found;
      }
      const auto& report = reports[rank][i];
      if (!report.at("failure").get<std::string>().empty())
        found.push_back(where + report.at("failure").get<std::string>());
      else if (report.at("digest") != reports[0][i].at("digest"))
        found.push_back(where + "other bits than rank 0");
    }
  }
  return found;
}

std::vector<int64_t> world_sizes() {
  const char* most = std::getenv("METRICS_TEST_MAX_WORLD_SIZE");
  std::vector<int64_t> sizes{1, 2, 3};
  if (most) std::erase_if(sizes, [&](int64_t size) { return size > std::atoll(most); });
  return sizes;
}

}  // namespace metrics::testing
