#pragma once

namespace CLI {
class App;
}

namespace metrics::cli {

/// Adds `metrics list`, which prints what can be created by name.
void add_list(CLI::App& app);

}  // namespace metrics::cli
