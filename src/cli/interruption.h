#pragma once

namespace metrics::cli {

/// From now on SIGINT and SIGTERM are noted and end nothing by themselves: who waits for processes asks `interrupted`.
void note_interruptions();
bool interrupted();

}  // namespace metrics::cli
