#include "cli/program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace metrics::testing {

Outcome run_cli(const std::string& arguments) {
  const auto errors = std::filesystem::temp_directory_path() / ("metrics-cli-" + std::to_string(getpid()) + ".err");
  const std::string command = METRICS_CLI " " + arguments + " 2>" + errors.string();
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  Outcome outcome;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) outcome.out.append(buffer, n);
  const int status = pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::ifstream stream(errors);
  outcome.error.assign(std::istreambuf_iterator<char>(stream), {});
  std::filesystem::remove(errors);
  return outcome;
}

}  // namespace metrics::testing
