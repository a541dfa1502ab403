#pragma once

#include <functional>
#include <map>
#include <string>

namespace metrics_test {

/// A process that is what this one is at its beginning, and becomes a worker as often as it is asked to: most of what a
/// process takes that starts anew is LibTorch's list of operators, which is made each time. What is started in place of
/// a worker is a program without LibTorch (tests/programs/without_torch/worker.cpp), which asks for one, lends it what
/// it has been given (output, environment, process group), and ends as it ends; so whoever starts, signals and waits
/// for it sees one process.
///
/// To be called once, before there are threads. `run` is what a worker does, and gives its exit code.
void serve_workers(const std::function<int()>& run);

/// The variables by which the program that stands for a worker finds the server.
std::map<std::string, std::string> server_environment();

}  // namespace metrics_test
