#include <metrics/core/errors.h>
#include <metrics/distributed/environment.h>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using metrics::InvalidArgument;
using metrics::distributed::Environment;
using metrics::distributed::EnvironmentOverrides;
using metrics::distributed::EnvironmentVariables;
using metrics::distributed::Launcher;
using metrics::distributed::read_environment;

namespace {

EnvironmentVariables torchrun_variables() {
  return {{"RANK", "5"},
          {"WORLD_SIZE", "8"},
          {"LOCAL_RANK", "1"},
          {"LOCAL_WORLD_SIZE", "4"},
          {"MASTER_ADDR", "node0"},
          {"MASTER_PORT", "29501"}};
}

EnvironmentVariables slurm_variables() {
  return {{"SLURM_PROCID", "5"},
          {"SLURM_NTASKS", "8"},
          {"SLURM_LOCALID", "1"},
          {"SLURM_NTASKS_PER_NODE", "4"},
          {"SLURM_JOB_NODELIST", "gpu[03-04]"},
          {"SLURM_JOB_ID", "123456"}};
}

EnvironmentVariables with(EnvironmentVariables variables, const std::string& name, const std::string& value) {
  variables[name] = value;
  return variables;
}

EnvironmentVariables without(EnvironmentVariables variables, const std::string& name) {
  variables.erase(name);
  return variables;
}

std::string error_of(const EnvironmentVariables& variables, const EnvironmentOverrides& overrides = {}) {
  try {
    read_environment(variables, overrides);
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

void check_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) {
    CAPTURE(text);
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("environment: partial sets of PyTorch's variables are errors that list all that is missing") {
  check_contains(error_of({{"RANK", "0"}}), {"missing: WORLD_SIZE, MASTER_ADDR, MASTER_PORT"});
  check_contains(error_of({{"WORLD_SIZE", "2"}}),
                 {"missing: RANK (or NODE_RANK and LOCAL_RANK), MASTER_ADDR, MASTER_PORT"});
  check_contains(error_of({{"MASTER_ADDR", "localhost"}, {"MASTER_PORT", "1234"}}),
                 {"missing: RANK (or NODE_RANK and LOCAL_RANK), WORLD_SIZE"});
  check_contains(error_of({{"LOCAL_RANK", "0"}}), {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"});
  check_contains(error_of(without(torchrun_variables(), "MASTER_PORT")), {"missing: MASTER_PORT"});
  check_contains(error_of(without(torchrun_variables(), "WORLD_SIZE")), {"missing: WORLD_SIZE"});
}

TEST_CASE("environment: malformed values are errors that name variable, value and what is expected") {
  for (const std::string rank : {"-1", "two", "1.0", " 1", "1 ", "0x1", "99999999999999999999"})
    check_contains(error_of(with(torchrun_variables(), "RANK", rank)), {"malformed: RANK='" + rank + "'"});
  for (const std::string size : {"0", "-2", "many"})
    check_contains(error_of(with(torchrun_variables(), "WORLD_SIZE", size)), {"WORLD_SIZE='" + size + "'"});
  for (const std::string port : {"0", "65536", "http"})
    check_contains(error_of(with(torchrun_variables(), "MASTER_PORT", port)),
                   {"MASTER_PORT='" + port + "' (expected an integer from 1 to 65535)"});
  check_contains(error_of(with(with(torchrun_variables(), "RANK", "x"), "LOCAL_RANK", "y")),
                 {"RANK='x'", "LOCAL_RANK='y'"});
  check_contains(error_of(without(with(torchrun_variables(), "RANK", "x"), "MASTER_ADDR")),
                 {"missing: MASTER_ADDR", "malformed: RANK='x'"});
}

TEST_CASE("environment: ranks outside their world are errors") {
  check_contains(error_of(with(torchrun_variables(), "RANK", "8")), {"rank=8", "world size=8"});
  check_contains(error_of(with(torchrun_variables(), "LOCAL_RANK", "4")), {"local rank=4", "local world size=4"});
  check_contains(error_of(with(torchrun_variables(), "LOCAL_WORLD_SIZE", "9")), {"local world size=9", "world size=8"});
  check_contains(error_of({}, {.rank = 2, .world_size = 2, .needs_master = false}), {"rank=2", "world size=2"});
  check_contains(error_of({}, {.rank = -1, .world_size = 2, .needs_master = false}), {"rank=-1"});
  check_contains(error_of({}, {.rank = 0, .world_size = 0, .needs_master = false}), {"world size=0"});
}

TEST_CASE("environment: without any launcher there is one process") {
  for (const auto& variables : {EnvironmentVariables{}, EnvironmentVariables{{"HOME", "/root"}},
                                EnvironmentVariables{{"RANK", ""}, {"WORLD_SIZE", ""}}}) {
    const Environment environment = read_environment(variables);
    CHECK(environment.launcher == Launcher::None);
    CHECK(environment.rank == 0);
    CHECK(environment.world_size == 1);
    CHECK(environment.master_address.empty());
  }
}

TEST_CASE("environment: torchrun") {
  const Environment environment = read_environment(torchrun_variables());
  CHECK(environment.launcher == Launcher::Ranked);
  CHECK(environment.rank == 5);
  CHECK(environment.world_size == 8);
  CHECK(environment.local_rank == 1);
  CHECK(environment.local_world_size == 4);
  CHECK(environment.master_address == "node0");
  CHECK(environment.master_port == 29501);
  CHECK_FALSE(environment.agent_store);
  CHECK(environment.restart_count == 0);

  auto variables = with(torchrun_variables(), "TORCHELASTIC_USE_AGENT_STORE", "True");
  variables["TORCHELASTIC_RESTART_COUNT"] = "2";
  CHECK(read_environment(variables).agent_store);
  CHECK(read_environment(variables).restart_count == 2);
  CHECK_FALSE(read_environment(with(variables, "TORCHELASTIC_USE_AGENT_STORE", "False")).agent_store);
}

TEST_CASE("environment: local numbers may be missing, and one process needs no master") {
  const auto environment =
      read_environment({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "::1"}, {"MASTER_PORT", "1"}});
  CHECK_FALSE(environment.local_rank.has_value());
  CHECK_FALSE(environment.local_world_size.has_value());
  CHECK(read_environment({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).world_size == 1);
}

TEST_CASE("environment: NODE_RANK and LOCAL_RANK without RANK") {
  const EnvironmentVariables variables{{"MASTER_ADDR", "node0"}, {"MASTER_PORT", "29500"}, {"WORLD_SIZE", "6"},
                                       {"NODE_RANK", "1"},       {"LOCAL_RANK", "2"},      {"LOCAL_WORLD_SIZE", "3"}};
  const Environment environment = read_environment(variables);
  CHECK(environment.launcher == Launcher::NodeRank);
  CHECK(environment.rank == 5);
  CHECK(environment.local_rank == 2);
  CHECK(environment.local_world_size == 3);

  check_contains(error_of(without(variables, "LOCAL_WORLD_SIZE")), {"missing: LOCAL_WORLD_SIZE", "NODE_RANK is 1"});
  CHECK(read_environment(without(variables, "LOCAL_WORLD_SIZE"), {.local_world_size = 3}).rank == 5);
  const auto first_node = without(with(variables, "NODE_RANK", "0"), "LOCAL_WORLD_SIZE");
  CHECK(read_environment(first_node).rank == 2);
  CHECK(read_environment(without(first_node, "NODE_RANK")).rank == 2);
  check_contains(error_of(without(variables, "LOCAL_RANK")), {"missing: LOCAL_RANK"});
  check_contains(error_of(without(without(variables, "MASTER_ADDR"), "LOCAL_RANK")), {"LOCAL_RANK", "MASTER_ADDR"});
  check_contains(error_of(with(variables, "NODE_RANK", "2")), {"rank=8", "world size=6"});
}

TEST_CASE("environment: Slurm") {
  const Environment environment = read_environment(slurm_variables());
  CHECK(environment.launcher == Launcher::Slurm);
  CHECK(environment.rank == 5);
  CHECK(environment.world_size == 8);
  CHECK(environment.local_rank == 1);
  CHECK(environment.local_world_size == 4);
  CHECK(environment.master_address == "gpu03");
  CHECK(environment.master_port >= 15000);
  CHECK(environment.master_port < 30000);
  CHECK(read_environment(with(slurm_variables(), "SLURM_PROCID", "0")).master_port == environment.master_port);
  CHECK(read_environment(with(slurm_variables(), "SLURM_JOB_ID", "123457")).master_port != environment.master_port);

  const auto stated = with(with(slurm_variables(), "MASTER_ADDR", "login"), "MASTER_PORT", "4321");
  CHECK(read_environment(stated).master_address == "login");
  CHECK(read_environment(stated).master_port == 4321);

  check_contains(error_of({{"SLURM_PROCID", "0"}}), {"missing: SLURM_NTASKS, SLURM_LOCALID"});
  check_contains(error_of(with(slurm_variables(), "SLURM_NTASKS", "none")), {"SLURM_NTASKS='none'"});
  check_contains(error_of(without(without(slurm_variables(), "SLURM_JOB_NODELIST"), "SLURM_NTASKS_PER_NODE")),
                 {"missing: MASTER_ADDR (or SLURM_JOB_NODELIST)"});
  for (const std::string list : {"gpu[1-", "gpu[5-3]", "gpu]1[", "gpu[a]", "a,,b", ","})
    check_contains(error_of(with(slurm_variables(), "SLURM_JOB_NODELIST", list)),
                   {"SLURM_JOB_NODELIST='" + list + "'"});
}

TEST_CASE("environment: Slurm's lists of nodes and of tasks") {
  const auto master = [](const std::string& list) {
    return read_environment(with(slurm_variables(), "SLURM_JOB_NODELIST", list)).master_address;
  };
  CHECK(master("single") == "single");
  CHECK(master("a,b") == "a");
  CHECK(master("gpu[008-012,3],login1") == "gpu008");
  CHECK(master("rack[2-3]-node[07,9]") == "rack2-node07");

  const auto local_size = [](EnvironmentVariables variables) {
    variables = without(variables, "SLURM_NTASKS_PER_NODE");
    return read_environment(variables).local_world_size;
  };
  CHECK(local_size(with(slurm_variables(), "SLURM_TASKS_PER_NODE", "4(x2)")) == 4);
  auto uneven = with(slurm_variables(), "SLURM_TASKS_PER_NODE", "3,5");
  CHECK(local_size(with(uneven, "SLURM_NODEID", "0")) == 3);
  CHECK(local_size(with(uneven, "SLURM_NODEID", "1")) == 5);
  CHECK(local_size(slurm_variables()) == 4);
  check_contains(error_of(with(uneven, "SLURM_NODEID", "2")), {"SLURM_TASKS_PER_NODE='3,5'"});
  check_contains(error_of(with(slurm_variables(), "SLURM_TASKS_PER_NODE", "4(x)")), {"SLURM_TASKS_PER_NODE='4(x)'"});
}

TEST_CASE("environment: a Slurm job on one node needs no node list") {
  const Environment environment = read_environment(
      {{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}, {"SLURM_LOCALID", "1"}, {"SLURM_NTASKS_PER_NODE", "2"}});
  CHECK(environment.master_address == "127.0.0.1");
  CHECK(environment.master_port == 29500);
}

TEST_CASE("environment: Open MPI") {
  const EnvironmentVariables variables{
      {"OMPI_COMM_WORLD_RANK", "3"},       {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
      {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}, {"MASTER_ADDR", "node0"},      {"MASTER_PORT", "29500"}};
  const Environment environment = read_environment(variables);
  CHECK(environment.launcher == Launcher::OpenMpi);
  CHECK(environment.rank == 3);
  CHECK(environment.world_size == 4);
  CHECK(environment.local_rank == 1);
  CHECK(environment.local_world_size == 2);
  CHECK(environment.master_address == "node0");

  check_contains(error_of(without(variables, "MASTER_ADDR")), {"missing: MASTER_ADDR"});
  check_contains(error_of(without(variables, "OMPI_COMM_WORLD_SIZE")), {"missing: OMPI_COMM_WORLD_SIZE"});
  check_contains(error_of(without(variables, "OMPI_COMM_WORLD_RANK")), {"missing: OMPI_COMM_WORLD_RANK"});
  auto one_host = with(variables, "OMPI_COMM_WORLD_LOCAL_SIZE", "4");
  one_host.erase("MASTER_ADDR");
  one_host.erase("MASTER_PORT");
  CHECK(read_environment(one_host).master_address == "127.0.0.1");
  CHECK(read_environment(one_host).master_port == 29500);
  const auto job = [&](const std::string& name) {
    return read_environment(with(one_host, "PMIX_NAMESPACE", name)).master_port;
  };
  CHECK(job("1234") == job("1234"));
  CHECK(job("1234") != job("1235"));
}

TEST_CASE("environment: the launcher closest to the process wins") {
  auto variables = slurm_variables();
  variables.merge(torchrun_variables());
  CHECK(read_environment(variables).launcher == Launcher::Ranked);

  auto mpi_in_slurm = slurm_variables();
  mpi_in_slurm["SLURM_PROCID"] = "0";
  mpi_in_slurm.merge(EnvironmentVariables{{"OMPI_COMM_WORLD_RANK", "1"},
                                          {"OMPI_COMM_WORLD_SIZE", "2"},
                                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  CHECK(read_environment(mpi_in_slurm).launcher == Launcher::OpenMpi);
  CHECK(read_environment(mpi_in_slurm).rank == 1);

  auto node_in_slurm = slurm_variables();
  node_in_slurm.merge(EnvironmentVariables{{"WORLD_SIZE", "16"},
                                           {"NODE_RANK", "5"},
                                           {"LOCAL_RANK", "1"},
                                           {"LOCAL_WORLD_SIZE", "2"},
                                           {"MASTER_ADDR", "gpu03"},
                                           {"MASTER_PORT", "29500"}});
  CHECK(read_environment(node_in_slurm).launcher == Launcher::NodeRank);
  CHECK(read_environment(node_in_slurm).rank == 11);
}

TEST_CASE("environment: what a program states takes the place of variables") {
  const auto stated =
      read_environment(torchrun_variables(), {.rank = 2, .world_size = 4, .local_rank = 0, .local_world_size = 2});
  CHECK(stated.rank == 2);
  CHECK(stated.world_size == 4);
  CHECK(stated.local_rank == 0);
  CHECK(stated.local_world_size == 2);

  CHECK(read_environment({}, {.rank = 1, .world_size = 2, .needs_master = false}).rank == 1);
  check_contains(error_of({}, {.rank = 1, .world_size = 2}), {"missing: MASTER_ADDR, MASTER_PORT"});
  check_contains(error_of({}, {.world_size = 2, .needs_master = false}), {"missing: RANK"});
  check_contains(error_of({}, {.rank = 1, .needs_master = false}), {"missing: WORLD_SIZE"});
  CHECK(read_environment({{"WORLD_SIZE", "2"}}, {.rank = 1, .needs_master = false}).world_size == 2);
  CHECK(read_environment({}, {.world_size = 1}).world_size == 1);
}
