#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>

#include <memory>

namespace metrics::training {

/// Makes the group of those ranks of `process_group` (the default group where not stated) that run on this one's
/// machine: for what is to stay within a machine, such as a loss over the samples of its ranks, as `gather_rows` takes
/// it. The group of all ranks is `init_process_group`'s. Collective over `process_group`. Machines are told apart by
/// host name and boot; where a launcher starts several nodes on one machine, a node begins where local ranks begin
/// anew. Without a group, and for a single process, the result is null or that group. Throws SyncError.
METRICS_API std::shared_ptr<ProcessGroup> in_node_group(std::shared_ptr<ProcessGroup> process_group = nullptr);

}  // namespace metrics::training
