#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace metrics::cli {

/// Adds `metrics eval METRIC… --preds FILE --target FILE`, which sets `exit_code` where processes that it started
/// failed. `arguments`: those of the program, for the processes. Its callback throws eval::UsageError.
void add_eval(CLI::App& app, const std::vector<std::string>& arguments, int& exit_code);

}  // namespace metrics::cli
