#pragma once

namespace CLI {
class App;
}

namespace metrics::cli {

/// Adds `metrics list`, which prints what can be created by name; sets `exit_code`.
void add_list(CLI::App& app, int& exit_code);

}  // namespace metrics::cli
