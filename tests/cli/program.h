#pragma once

#include <string>

namespace metrics::testing {

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string error;
};

/// Runs the command-line program through a shell and waits for it.
Outcome run_cli(const std::string& arguments);

}  // namespace metrics::testing
