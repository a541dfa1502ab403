#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace metrics::cli {

/// Adds `metrics launch -n N -- program args`, which sets `exit_code` to what its processes ended with.
/// `after_dashes`: the arguments after the first "--", which `app` never sees.
void add_launch(CLI::App& app, const std::vector<std::string>& after_dashes, int& exit_code);

}  // namespace metrics::cli
