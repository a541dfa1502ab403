#pragma once

#include <metrics/export.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace metrics::distributed {

using EnvironmentVariables = std::map<std::string, std::string, std::less<>>;

/// Who started this process, and where it stands among the others.
enum class Launcher {
  None,      ///< no launcher's variables: one process
  Ranked,    ///< RANK and WORLD_SIZE: torchrun, `metrics launch`, PyTorch's own convention
  NodeRank,  ///< NODE_RANK and LOCAL_RANK without RANK: cluster platforms that start one process per device
  OpenMpi,   ///< mpirun: OMPI_COMM_WORLD_*
  Slurm,     ///< srun: SLURM_PROCID, SLURM_NTASKS
};

/// What the variables of a launcher say. The local numbers are unset where nothing tells them.
struct Environment {
  Launcher launcher = Launcher::None;
  int64_t rank = 0;
  int64_t world_size = 1;
  std::optional<int64_t> local_rank = {};
  std::optional<int64_t> local_world_size = {};
  /// Where rank 0 listens; empty when there is but one process.
  std::string master_address = {};
  uint16_t master_port = 0;
  /// torchrun's agent serves the store itself (TORCHELASTIC_USE_AGENT_STORE): every rank is a client.
  bool agent_store = false;
  /// How often torchrun has restarted the workers; their store outlives them.
  int64_t restart_count = 0;
};

/// Values that a program states itself; each takes the place of what the variables say.
struct EnvironmentOverrides {
  std::optional<int64_t> rank = {};
  std::optional<int64_t> world_size = {};
  std::optional<int64_t> local_rank = {};
  std::optional<int64_t> local_world_size = {};
  /// Whether MASTER_ADDR and MASTER_PORT are needed; not so where the meeting point is stated otherwise.
  bool needs_master = true;
};

/// Reads the variables of the process.
METRICS_API EnvironmentVariables environment_variables();

/// Finds this process' place from `variables`, in this order: RANK; NODE_RANK or LOCAL_RANK with WORLD_SIZE
/// (rank = NODE_RANK * local size + LOCAL_RANK); OMPI_COMM_WORLD_RANK; SLURM_PROCID; one process where none is set.
/// Slurm's master is the first host of the node list and a port made from the job's id, unless MASTER_ADDR and
/// MASTER_PORT say otherwise; Open MPI's is the local host where all ranks run on it.
/// Throws InvalidArgument that lists everything missing and everything malformed.
METRICS_API Environment read_environment(const EnvironmentVariables& variables,
                                         const EnvironmentOverrides& overrides = {});

}  // namespace metrics::distributed
