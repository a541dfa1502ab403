#include <metrics/core/errors.h>
#include <metrics/distributed/environment.h>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <vector>

namespace metrics::distributed {
namespace {

constexpr int64_t max_ranks = 1 << 24;
constexpr uint16_t default_port = 29500;

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

/// Reads variables and keeps what is wrong with them, so that one error can tell all of it.
class VariableReader {
 public:
  explicit VariableReader(const EnvironmentVariables& variables) : variables_(variables) {}

  /// An empty variable is treated as unset, because shells and job scripts clear one so.
  const std::string* find(std::string_view name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() || found->second.empty() ? nullptr : &found->second;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most) {
    const std::string* text = find(name);
    if (text == nullptr) return std::nullopt;
    const auto value = parse_integer(*text);
    if (value && *value >= least && *value <= most) return value;
    malformed(name, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }

  std::optional<int64_t> required(std::string_view name, int64_t least, int64_t most) {
    if (!has(name)) missing(std::string(name));
    return integer(name, least, most);
  }

  void missing(std::string what) { missing_.push_back(std::move(what)); }
  void malformed(std::string_view name, const std::string& expected) {
    malformed_.push_back(std::string(name) + "='" + *find(name) + "' (expected " + expected + ")");
  }
  void wrong(std::string what) { malformed_.push_back(std::move(what)); }

  bool ok() const { return missing_.empty() && malformed_.empty(); }

  void throw_if_wrong(std::string_view form) const {
    if (ok()) return;
    std::string message = "init_process_group: cannot take this process' place from " + std::string(form);
    if (!missing_.empty()) message += "; missing: " + joined(missing_, ", ");
    if (!malformed_.empty()) message += "; malformed: " + joined(malformed_, ", ");
    throw InvalidArgument(message);
  }

 private:
  const EnvironmentVariables& variables_;
  std::vector<std::string> missing_;
  std::vector<std::string> malformed_;
};

std::optional<int64_t> either(const std::optional<int64_t>& stated, const std::optional<int64_t>& read) {
  return stated ? stated : read;
}

void read_master(VariableReader& reader, const EnvironmentOverrides& overrides, Environment& environment) {
  if (!overrides.needs_master) return;
  if (const auto* address = reader.find("MASTER_ADDR")) environment.master_address = *address;
  if (const auto port = reader.integer("MASTER_PORT", 1, std::numeric_limits<uint16_t>::max()))
    environment.master_port = static_cast<uint16_t>(*port);
}

void require_master(VariableReader& reader, const EnvironmentOverrides& overrides, std::optional<int64_t> world_size) {
  if (!overrides.needs_master || world_size == 1) return;
  for (const std::string_view name : {"MASTER_ADDR", "MASTER_PORT"})
    if (!reader.has(name)) reader.missing(std::string(name));
}

Environment read_ranked(VariableReader& reader, const EnvironmentOverrides& overrides) {
  Environment environment{.launcher = Launcher::Ranked};
  const auto world_size = overrides.world_size ? overrides.world_size : reader.required("WORLD_SIZE", 1, max_ranks);
  const auto rank = overrides.rank    ? overrides.rank
                    : world_size == 1 ? reader.integer("RANK", 0, max_ranks - 1)
                                      : reader.required("RANK", 0, max_ranks - 1);
  environment.rank = rank.value_or(0);
  environment.world_size = world_size.value_or(1);
  environment.local_rank = either(overrides.local_rank, reader.integer("LOCAL_RANK", 0, max_ranks - 1));
  environment.local_world_size = either(overrides.local_world_size, reader.integer("LOCAL_WORLD_SIZE", 1, max_ranks));
  environment.restart_count = reader.integer("TORCHELASTIC_RESTART_COUNT", 0, max_ranks).value_or(0);
  const auto* agent_store = reader.find("TORCHELASTIC_USE_AGENT_STORE");
  environment.agent_store = agent_store != nullptr && (*agent_store == "True" || *agent_store == "1");
  read_master(reader, overrides, environment);
  require_master(reader, overrides, world_size);
  return environment;
}

Environment read_node_rank(VariableReader& reader, const EnvironmentOverrides& overrides) {
  Environment environment{.launcher = Launcher::NodeRank};
  const int64_t node = reader.integer("NODE_RANK", 0, max_ranks - 1).value_or(0);
  const auto world_size = overrides.world_size ? overrides.world_size : reader.required("WORLD_SIZE", 1, max_ranks);
  environment.world_size = world_size.value_or(1);
  environment.local_rank =
      overrides.local_rank ? overrides.local_rank : reader.required("LOCAL_RANK", 0, max_ranks - 1);
  environment.local_world_size = either(overrides.local_world_size, reader.integer("LOCAL_WORLD_SIZE", 1, max_ranks));
  if (node > 0 && !overrides.local_world_size && !overrides.rank && !reader.has("LOCAL_WORLD_SIZE"))
    reader.missing("LOCAL_WORLD_SIZE (or the option local_world_size; needed as NODE_RANK is " + std::to_string(node) +
                   ")");
  environment.rank =
      overrides.rank.value_or(node * environment.local_world_size.value_or(0) + environment.local_rank.value_or(0));
  read_master(reader, overrides, environment);
  require_master(reader, overrides, world_size);
  return environment;
}

/// A port that all processes of a job work out alike; above the well-known ones, below Linux' ephemeral ones.
uint16_t job_port(std::string_view job) {
  uint64_t hash = 1469598103934665603u;
  for (const char c : job) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<uint16_t>(15000 + hash % 15000);
}

Environment read_open_mpi(VariableReader& reader, const EnvironmentOverrides& overrides) {
  Environment environment{.launcher = Launcher::OpenMpi};
  const auto rank = reader.required("OMPI_COMM_WORLD_RANK", 0, max_ranks - 1);
  const auto world_size = reader.required("OMPI_COMM_WORLD_SIZE", 1, max_ranks);
  environment.rank = either(overrides.rank, rank).value_or(0);
  environment.world_size = either(overrides.world_size, world_size).value_or(1);
  environment.local_rank = either(overrides.local_rank, reader.integer("OMPI_COMM_WORLD_LOCAL_RANK", 0, max_ranks - 1));
  environment.local_world_size =
      either(overrides.local_world_size, reader.integer("OMPI_COMM_WORLD_LOCAL_SIZE", 1, max_ranks));
  read_master(reader, overrides, environment);
  if (environment.world_size == 1 || !overrides.needs_master) return environment;
  if (environment.master_address.empty()) {
    if (environment.local_world_size == environment.world_size)
      environment.master_address = "127.0.0.1";
    else
      reader.missing("MASTER_ADDR (the ranks run on more than one host)");
  }
  if (!reader.has("MASTER_PORT")) {
    const auto* job = reader.find("PMIX_NAMESPACE");
    if (job == nullptr) job = reader.find("OMPI_MCA_ess_base_jobid");
    environment.master_port = job != nullptr ? job_port(*job) : default_port;
  }
  return environment;
}

/// Hosts of a Slurm node list such as "gpu[003-005,9],login1"; nothing when it is malformed.
std::optional<std::vector<std::string>> expand_node_list(std::string_view list) {
  constexpr size_t max_hosts = 1 << 20;
  std::vector<std::string> hosts;
  size_t begin = 0;
  while (begin <= list.size()) {
    size_t end = begin;
    for (int depth = 0; end < list.size() && (depth > 0 || list[end] != ','); ++end) {
      depth += list[end] == '[' ? 1 : list[end] == ']' ? -1 : 0;
      if (depth < 0 || depth > 1) return std::nullopt;
    }
    const std::string_view item = list.substr(begin, end - begin);
    begin = end + 1;
    if (item.empty()) return std::nullopt;
    std::vector<std::string> prefixes{""};
    for (size_t at = 0; at < item.size();) {
      const size_t open = std::min(item.find('[', at), item.size());
      for (auto& prefix : prefixes) prefix += item.substr(at, open - at);
      if (open == item.size()) break;
      const size_t close = item.find(']', open);
      if (close == std::string_view::npos) return std::nullopt;
      std::string_view ranges = item.substr(open + 1, close - open - 1);
      std::vector<std::string> numbers;
      while (true) {
        const size_t comma = std::min(ranges.find(','), ranges.size());
        const std::string_view range = ranges.substr(0, comma);
        const size_t dash = std::min(range.find('-'), range.size());
        const std::string_view first = range.substr(0, dash);
        const std::string_view last = dash < range.size() ? range.substr(dash + 1) : first;
        const auto low = parse_integer(first);
        const auto high = parse_integer(last);
        if (!low || !high || *low < 0 || *high < *low || static_cast<size_t>(*high - *low) >= max_hosts)
          return std::nullopt;
        for (int64_t number = *low; number <= *high; ++number) {
          std::string digits = std::to_string(number);
          if (digits.size() < first.size()) digits.insert(0, first.size() - digits.size(), '0');
          numbers.push_back(std::move(digits));
        }
        if (comma == ranges.size()) break;
        ranges.remove_prefix(comma + 1);
      }
      if (prefixes.size() * numbers.size() + hosts.size() > max_hosts) return std::nullopt;
      std::vector<std::string> products;
      for (const auto& prefix : prefixes)
        for (const auto& number : numbers) products.push_back(prefix + number);
      prefixes = std::move(products);
      at = close + 1;
    }
    hosts.insert(hosts.end(), prefixes.begin(), prefixes.end());
  }
  return hosts;
}

/// Tasks on the node numbered `node`, from Slurm's run-length form "2(x3),1".
std::optional<int64_t> tasks_on_node(std::string_view list, int64_t node) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    int64_t repeats = 1;
    if (const size_t open = item.find("(x"); open != std::string_view::npos && item.back() == ')') {
      const auto count = parse_integer(item.substr(open + 2, item.size() - open - 3));
      if (!count || *count < 1) return std::nullopt;
      repeats = *count;
      item = item.substr(0, open);
    }
    const auto tasks = parse_integer(item);
    if (!tasks || *tasks < 1) return std::nullopt;
    if (node < repeats) return tasks;
    node -= repeats;
  }
  return std::nullopt;
}

std::optional<int64_t> slurm_local_size(VariableReader& reader, int64_t world_size,
                                        const std::optional<std::vector<std::string>>& hosts) {
  for (const std::string_view name : {"SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"}) {
    const auto* list = reader.find(name);
    if (list == nullptr) continue;
    const auto tasks = tasks_on_node(*list, reader.integer("SLURM_NODEID", 0, max_ranks).value_or(0));
    if (!tasks) reader.malformed(name, "task counts such as 2(x3),1 that cover SLURM_NODEID");
    return tasks;
  }
  if (const auto per_node = reader.integer("SLURM_NTASKS_PER_NODE", 1, max_ranks))
    return std::min(*per_node, world_size);
  const auto nodes = reader.integer("SLURM_NNODES", 1, max_ranks);
  const int64_t count = nodes ? *nodes : hosts ? static_cast<int64_t>(hosts->size()) : 0;
  return count > 0 && world_size % count == 0 ? std::optional(world_size / count) : std::nullopt;
}

Environment read_slurm(VariableReader& reader, const EnvironmentOverrides& overrides) {
  Environment environment{.launcher = Launcher::Slurm};
  const auto rank = reader.required("SLURM_PROCID", 0, max_ranks - 1);
  const std::string_view size_name = reader.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  const auto world_size = reader.required(size_name, 1, max_ranks);
  environment.rank = either(overrides.rank, rank).value_or(0);
  environment.world_size = either(overrides.world_size, world_size).value_or(1);
  const auto local_rank = reader.required("SLURM_LOCALID", 0, max_ranks - 1);
  environment.local_rank = either(overrides.local_rank, local_rank);

  std::optional<std::vector<std::string>> hosts;
  for (const std::string_view name : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"}) {
    const auto* list = reader.find(name);
    if (list == nullptr) continue;
    hosts = expand_node_list(*list);
    if (!hosts) reader.malformed(name, "hosts such as gpu[003-005,9],login1");
    break;
  }
  const auto local_size = slurm_local_size(reader, environment.world_size, hosts);
  environment.local_world_size = either(overrides.local_world_size, local_size);

  read_master(reader, overrides, environment);
  if (environment.world_size == 1 || !overrides.needs_master) return environment;
  if (environment.master_address.empty()) {
    if (hosts)
      environment.master_address = hosts->front();
    else if (environment.local_world_size == environment.world_size)
      environment.master_address = "127.0.0.1";
    else if (reader.ok())
      reader.missing("MASTER_ADDR (or SLURM_JOB_NODELIST)");
  }
  if (!reader.has("MASTER_PORT")) {
    const auto* job = reader.find("SLURM_JOB_ID");
    if (job == nullptr) job = reader.find("SLURM_JOBID");
    const auto* step = reader.find("SLURM_STEP_ID");
    environment.master_port =
        job != nullptr ? job_port(*job + "." + (step != nullptr ? *step : std::string())) : default_port;
  }
  return environment;
}

/// One process, unless some of the variables of a launcher are there.
Environment read_unlaunched(VariableReader& reader, const EnvironmentOverrides& overrides) {
  for (const std::string_view name :
       {"WORLD_SIZE", "LOCAL_RANK", "NODE_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) {
    if (!reader.has(name)) continue;
    reader.missing("RANK (or NODE_RANK and LOCAL_RANK)");
    for (const std::string_view needed : {"WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})
      if (!reader.has(needed)) reader.missing(std::string(needed));
    break;
  }
  return {.local_rank = overrides.local_rank, .local_world_size = overrides.local_world_size};
}

void check_ranges(VariableReader& reader, const Environment& environment) {
  const auto outside = [&](const std::string& what, int64_t value, const std::string& of, int64_t size) {
    if (value < 0 || value >= size)
      reader.wrong(what + "=" + std::to_string(value) + " (expected at least 0 and less than " + of + "=" +
                   std::to_string(size) + ")");
  };
  if (environment.world_size < 1)
    reader.wrong("world size=" + std::to_string(environment.world_size) + " (expected at least 1)");
  else
    outside("rank", environment.rank, "world size", environment.world_size);
  if (environment.local_world_size &&
      (*environment.local_world_size < 1 || *environment.local_world_size > environment.world_size))
    reader.wrong("local world size=" + std::to_string(*environment.local_world_size) +
                 " (expected from 1 to world size=" + std::to_string(environment.world_size) + ")");
  else if (environment.local_rank)
    outside("local rank", *environment.local_rank, environment.local_world_size ? "local world size" : "world size",
            environment.local_world_size.value_or(environment.world_size));
}

}  // namespace

EnvironmentVariables environment_variables() {
  EnvironmentVariables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Environment read_environment(const EnvironmentVariables& variables, const EnvironmentOverrides& overrides) {
  VariableReader reader(variables);
  Environment environment;
  std::string_view form;
  if (reader.has("RANK")) {
    form = "the variables RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT";
    environment = read_ranked(reader, overrides);
  } else if (reader.has("WORLD_SIZE") && (reader.has("NODE_RANK") || reader.has("LOCAL_RANK"))) {
    form = "the variables WORLD_SIZE, NODE_RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT";
    environment = read_node_rank(reader, overrides);
  } else if (reader.has("OMPI_COMM_WORLD_RANK") || reader.has("OMPI_COMM_WORLD_SIZE")) {
    form = "Open MPI's variables OMPI_COMM_WORLD_*";
    environment = read_open_mpi(reader, overrides);
  } else if (reader.has("SLURM_PROCID")) {
    form = "Slurm's variables SLURM_*";
    environment = read_slurm(reader, overrides);
  } else if (overrides.rank || overrides.world_size) {
    form = "the options and the variables WORLD_SIZE, MASTER_ADDR, MASTER_PORT";
    environment = read_ranked(reader, overrides);
  } else {
    form = "the environment, which has some of a launcher's variables but not all";
    environment = read_unlaunched(reader, overrides);
  }
  if (reader.ok()) check_ranges(reader, environment);
  reader.throw_if_wrong(form);
  return environment;
}

}  // namespace metrics::distributed
