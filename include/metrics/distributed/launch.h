#pragma once

#include <metrics/export.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::distributed {

enum class OutputStream { Out, Error };

struct LaunchOptions {
  /// How many processes to start on this machine.
  int64_t processes = 1;
  /// Program (found in PATH where it has no slash) and its arguments; empty: this process' own executable and
  /// arguments.
  std::vector<std::string> command = {};
  /// Variables added to those inherited, after the launcher's own; an empty value removes the variable.
  std::map<std::string, std::string> environment = {};
  /// Where rank 0 of the processes listens.
  std::string master_address = "127.0.0.1";
  /// 0 takes a free one and keeps it reserved until the processes have ended.
  uint16_t master_port = 0;
  /// Receives every line of the processes, ended by a newline and prefixed with "[rank] ", as it comes; called on the
  /// launching thread. Without it the output is kept in the result.
  std::function<void(OutputStream, std::string_view line)> output = {};
  /// Ends all processes when they have run this long.
  std::optional<std::chrono::milliseconds> timeout = {};
  /// What processes that are to end have between SIGTERM and SIGKILL.
  std::chrono::milliseconds grace = std::chrono::seconds(5);
  /// Leaves the others running when one fails, until they end of their own accord: for tests of survivors.
  bool keep_going = false;
  /// Asked often, after what came was given to `output`; true ends all processes (a signal handler sets what it reads).
  std::function<bool()> stop = {};
};

struct ProcessResult {
  int64_t rank = 0;
  /// Set when it ended by itself, however it ended.
  std::optional<int> exit_code = {};
  /// Set when a signal ended it.
  std::optional<int> signal = {};
  /// It was told to end because another had failed, the time was up, or `stop` said so.
  bool ended_by_launcher = false;
  /// Everything that it wrote, without prefixes, where LaunchOptions::output is not set.
  std::string out = {};
  std::string error = {};

  bool ok() const { return exit_code == 0; }
};

struct METRICS_API LaunchResult {
  /// By rank.
  std::vector<ProcessResult> processes = {};
  /// The first that failed by itself.
  std::optional<int64_t> failed_rank = {};
  bool timed_out = false;
  bool stopped = false;

  /// Every process ended by itself with exit code 0.
  bool ok() const;
  /// 0, the failed process' exit code, or 128 + its signal, as shells have it; 124 after the time-out, 130 after
  /// `stop`.
  int exit_code() const;
  /// One line that names what failed, such as "rank 1 was ended by signal 9 (Killed)"; empty when all went well.
  std::string message() const;
};

/// Starts `options.processes` processes with RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT
/// (and OMP_NUM_THREADS, the processors shared out, unless it is set), and waits until all have ended. When one fails
/// the others are ended. A process never outlives the thread that calls this, even where that is killed.
/// Processes come from executing a program, never from a bare fork: LibTorch's thread pools do not survive one.
/// Throws InvalidArgument for options that cannot be, Error when a process cannot be started.
METRICS_API LaunchResult launch(const LaunchOptions& options);

/// Path and arguments of the running program, to be started again with more variables or arguments.
METRICS_API std::vector<std::string> current_command();

}  // namespace metrics::distributed
