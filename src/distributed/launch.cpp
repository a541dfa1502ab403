#include <metrics/core/errors.h>
#include <metrics/distributed/environment.h>
#include <metrics/distributed/launch.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

namespace metrics::distributed {
namespace {

using Clock = std::chrono::steady_clock;

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int value) : value_(value) {}
  FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~FileDescriptor() { close(); }

  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }
  void close() {
    if (value_ >= 0) ::close(std::exchange(value_, -1));
  }

 private:
  int value_ = -1;
};

[[noreturn]] void throw_system_error(const std::string& what) {
  throw Error("launch: " + what + ": " + std::strerror(errno));
}

/// A bound socket that never listens: Linux lets rank 0 listen beside it and gives the port to nobody else.
struct ReservedPort {
  FileDescriptor socket;
  uint16_t port = 0;
};

ReservedPort reserve_port() {
  ReservedPort reserved{FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), 0};
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (!reserved.socket.is_open() ||
      ::setsockopt(reserved.socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(reserved.socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(reserved.socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw_system_error("no free port on the loopback interface");
  reserved.port = ntohs(address.sin_port);
  return reserved;
}

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_system_error("no pipe for a process' output");
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::vector<char*> c_strings(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string program_path(const std::string& program, const EnvironmentVariables& variables) {
  if (program.find('/') != std::string::npos) return program;
  const auto path = variables.find("PATH");
  std::string_view folders = path == variables.end() ? std::string_view("/usr/local/bin:/usr/bin:/bin") : path->second;
  while (true) {
    const size_t colon = std::min(folders.find(':'), folders.size());
    const std::string candidate =
        (colon == 0 ? std::string(".") : std::string(folders.substr(0, colon))) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate)) return candidate;
    if (colon == folders.size()) throw InvalidArgument("launch: program '" + program + "' is not in PATH");
    folders.remove_prefix(colon + 1);
  }
}

std::vector<std::string> process_environment(const LaunchOptions& options, int64_t rank, uint16_t port,
                                             EnvironmentVariables variables) {
  // Variables of an outer launcher must not reach the processes, because these are a world of their own.
  for (const char* name : {"NODE_RANK", "GROUP_RANK", "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"})
    variables.erase(name);
  const std::string size = std::to_string(options.processes);
  variables["RANK"] = variables["LOCAL_RANK"] = std::to_string(rank);
  variables["WORLD_SIZE"] = variables["LOCAL_WORLD_SIZE"] = size;
  variables["MASTER_ADDR"] = options.master_address;
  variables["MASTER_PORT"] = std::to_string(port);
  const auto processors = static_cast<int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  variables.emplace("OMP_NUM_THREADS", std::to_string(std::max<int64_t>(1, processors / options.processes)));
  for (const auto& [name, value] : options.environment) {
    if (value.empty())
      variables.erase(name);
    else
      variables[name] = value;
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return entries;
}

struct StartRequest {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

/// Runs in the child between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_program(const char* program, char* const* arguments, char* const* environment, pid_t parent,
                                 int null, int out, int error, int report) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT}) ::sigaction(number, &defaults, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(null, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(error, 2) >= 0) ::execve(program, arguments, environment);
  const int code = errno;
  [[maybe_unused]] const auto written = ::write(report, &code, sizeof(code));
  ::_exit(127);
}

/// One process that was started, with what it writes.
class Child {
 public:
  Child(int64_t rank, StartRequest request) : result_{.rank = rank} {
    const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Pipe out = make_pipe();
    Pipe error = make_pipe();
    Pipe report = make_pipe();
    const auto arguments = c_strings(request.arguments);
    const auto environment = c_strings(request.environment);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw_system_error("cannot start rank " + std::to_string(rank));
    if (pid_ == 0)
      become_program(request.program.c_str(), arguments.data(), environment.data(), parent, null.get(), out.write.get(),
                     error.write.get(), report.write.get());
    ::setpgid(pid_, pid_);
    report.write.close();
    int code = 0;
    ssize_t got = 0;
    do got = ::read(report.read.get(), &code, sizeof(code));
    while (got < 0 && errno == EINTR);
    if (got > 0) {
      ::waitpid(pid_, nullptr, 0);
      throw InvalidArgument("launch: cannot execute '" + request.program + "': " + std::strerror(code));
    }
    for (auto* pipe : {&out, &error}) ::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK);
    pipes_ = {std::move(out.read), std::move(error.read)};
  }
  Child(Child&&) = delete;
  /// Only an exception in the middle of a launch leaves a process running here.
  ~Child() {
    if (ended_) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  bool ended() const { return ended_; }
  ProcessResult& result() { return result_; }
  const FileDescriptor& pipe(OutputStream stream) const { return pipes_[index(stream)]; }

  /// Reaches what the process has started as well: it leads a process group of its own.
  void signal(int number) const {
    if (!ended_ && ::kill(-pid_, number) != 0) ::kill(pid_, number);
  }

  void end(int number) {
    if (ended_) return;
    result_.ended_by_launcher = true;
    signal(number);
  }

  bool reap() {
    int status = 0;
    if (ended_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    // Before the pid can be used again: whatever it left behind in its group.
    ::kill(-pid_, SIGKILL);
    ended_ = true;
    if (WIFEXITED(status))
      result_.exit_code = WEXITSTATUS(status);
    else
      result_.signal = WTERMSIG(status);
    return true;
  }

  /// Takes what is there without waiting.
  void read(OutputStream stream, const LaunchOptions& options) {
    auto& pipe = pipes_[index(stream)];
    std::array<char, 1 << 16> buffer;
    while (pipe.is_open()) {
      const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got <= 0) return close(stream, options);
      take(stream, std::string_view(buffer.data(), static_cast<size_t>(got)), options);
    }
  }

  void close(OutputStream stream, const LaunchOptions& options) {
    pipes_[index(stream)].close();
    auto& rest = partial_[index(stream)];
    if (!rest.empty()) emit(stream, std::exchange(rest, {}), options);
  }

 private:
  static size_t index(OutputStream stream) { return stream == OutputStream::Out ? 0 : 1; }

  void take(OutputStream stream, std::string_view text, const LaunchOptions& options) {
    if (!options.output) {
      (stream == OutputStream::Out ? result_.out : result_.error) += text;
      return;
    }
    auto& partial = partial_[index(stream)];
    for (size_t newline; (newline = text.find('\n')) != std::string_view::npos; text.remove_prefix(newline + 1)) {
      partial += text.substr(0, newline);
      emit(stream, std::exchange(partial, {}), options);
    }
    partial += text;
  }

  void emit(OutputStream stream, const std::string& line, const LaunchOptions& options) const {
    if (options.output) options.output(stream, "[" + std::to_string(result_.rank) + "] " + line + "\n");
  }

  pid_t pid_ = -1;
  bool ended_ = false;
  ProcessResult result_;
  std::array<FileDescriptor, 2> pipes_;
  std::array<std::string, 2> partial_;
};

constexpr std::array both_streams{OutputStream::Out, OutputStream::Error};

/// Waits a little for output. A process that has closed its output is about to end: looked after sooner, so that the
/// first to fail is seen before those that fail because of it.
void wait_for_output(const std::vector<std::unique_ptr<Child>>& children) {
  std::vector<pollfd> polled;
  int milliseconds = 5;
  for (const auto& child : children) {
    for (const auto stream : both_streams)
      if (child->pipe(stream).is_open()) polled.push_back({child->pipe(stream).get(), POLLIN, 0});
    if (!child->ended() && !child->pipe(OutputStream::Out).is_open()) milliseconds = 1;
  }
  ::poll(polled.data(), polled.size(), milliseconds);
}

void check(const LaunchOptions& options) {
  if (options.processes < 1)
    throw InvalidArgument("launch: processes is " + std::to_string(options.processes) + ", expected at least 1");
  if (options.command.size() == 1 && options.command.front().empty())
    throw InvalidArgument("launch: the program's name is empty");
  for (const auto& [name, value] : options.environment)
    if (name.empty() || name.find('=') != std::string::npos)
      throw InvalidArgument("launch: '" + name + "' cannot name an environment variable");
}

std::string described(const ProcessResult& process) {
  const std::string rank = "rank " + std::to_string(process.rank);
  if (process.signal)
    return rank + " was ended by signal " + std::to_string(*process.signal) + " (" + ::strsignal(*process.signal) + ")";
  return rank + " exited with code " + std::to_string(process.exit_code.value_or(0));
}

}  // namespace

std::vector<std::string> current_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> command;
  for (std::string argument; std::getline(file, argument, '\0');) command.push_back(argument);
  if (command.empty()) command.emplace_back();
  command.front() = std::filesystem::read_symlink("/proc/self/exe").string();
  return command;
}

LaunchResult launch(const LaunchOptions& options) {
  check(options);
  const auto variables = environment_variables();
  const auto command = options.command.empty() ? current_command() : options.command;
  const std::string program = program_path(command.front(), variables);
  const ReservedPort reserved = options.master_port == 0 ? reserve_port() : ReservedPort{{}, options.master_port};

  std::vector<std::unique_ptr<Child>> children;
  for (int64_t rank = 0; rank < options.processes; ++rank)
    children.push_back(std::make_unique<Child>(
        rank, StartRequest{program, command, process_environment(options, rank, reserved.port, variables)}));

  LaunchResult result;
  const auto start = Clock::now();
  std::optional<Clock::time_point> kill_at;
  const auto end_all = [&] {
    if (kill_at) return;
    kill_at = Clock::now() + options.grace;
    for (auto& child : children) child->end(SIGTERM);
  };
  const auto running = [&] {
    return std::any_of(children.begin(), children.end(), [](auto& c) { return !c->ended(); });
  };
  while (running()) {
    wait_for_output(children);
    std::vector<const ProcessResult*> failed;
    for (auto& child : children) {
      for (const auto stream : both_streams) child->read(stream, options);
      if (child->reap() && !child->result().ok() && !child->result().ended_by_launcher)
        failed.push_back(&child->result());
    }
    if (!failed.empty()) {
      // Of those seen at once, one that a signal ended is the cause, and the others are its victims.
      const auto cause = std::find_if(failed.begin(), failed.end(), [](auto* process) { return process->signal; });
      if (!result.failed_rank) result.failed_rank = (cause == failed.end() ? failed.front() : *cause)->rank;
      if (!options.keep_going) end_all();
    }
    if (!kill_at && options.timeout && Clock::now() - start >= *options.timeout) {
      result.timed_out = true;
      end_all();
    }
    if (options.stop && options.stop() && !kill_at) {
      result.stopped = true;
      end_all();
    }
    if (kill_at && Clock::now() >= *kill_at)
      for (auto& child : children) child->end(SIGKILL);
  }
  for (auto& child : children) {
    for (const auto stream : both_streams) {
      child->read(stream, options);
      child->close(stream, options);
    }
    result.processes.push_back(std::move(child->result()));
  }
  return result;
}

bool LaunchResult::ok() const {
  return !timed_out && !stopped &&
         std::all_of(processes.begin(), processes.end(), [](const ProcessResult& process) { return process.ok(); });
}

int LaunchResult::exit_code() const {
  if (failed_rank) {
    const auto& process = processes[static_cast<size_t>(*failed_rank)];
    return process.signal ? 128 + *process.signal : process.exit_code.value_or(1);
  }
  return timed_out ? 124 : stopped ? 130 : 0;
}

std::string LaunchResult::message() const {
  if (failed_rank) return described(processes[static_cast<size_t>(*failed_rank)]);
  if (timed_out) return "the processes ran longer than the time-out and were ended";
  if (stopped) return "the processes were ended on request";
  return "";
}

}  // namespace metrics::distributed
