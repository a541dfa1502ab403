#include "cli/program.h"
#include "contains.h"
#include <metrics/version.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using metrics::testing::Outcome;
using metrics::testing::run_cli;

namespace {

using metrics_test::contains;

}  // namespace

TEST_CASE("metrics: what is asked wrongly ends with 2 and says what was wrong") {
  const auto refused = [](const std::string& arguments, const std::string& message) {
    const Outcome outcome = run_cli(arguments);
    CAPTURE(arguments);
    CAPTURE(outcome.error);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out == "");
    CHECK(contains(outcome.error, message));
  };
  refused("", "a command is needed");
  refused("-- true", "belong to \"metrics launch\"");
  refused("nonsense", "nonsense");
  refused("--nonsense", "--nonsense");
  refused("list -- true", "belong to \"metrics launch\"");
  refused("launch", "a program after \"--\" is required");
  refused("launch -n 2 --", "a program after \"--\" is required");
  refused("launch -n 0 -- true", "Value 0 not in range 1 to");
  refused("launch -n two -- true", "two");
  refused("launch --port 65536 -- true", "65536");
  refused("launch --bogus -- true", "--bogus");
}

TEST_CASE("metrics --version, --help") {
  CHECK(run_cli("--version").out == "metrics " METRICS_VERSION "\n");
  const Outcome help = run_cli("--help");
  CHECK(help.exit_code == 0);
  CHECK(contains(help.out, "launch"));
  CHECK(contains(help.out, "list"));
}

TEST_CASE("metrics launch: each process has its place and a prefix before each line") {
  const Outcome outcome = run_cli(
      "launch -n 3 -- sh -c 'echo \"$RANK/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE $MASTER_ADDR\"; echo oh >&2'");
  CHECK(outcome.exit_code == 0);
  for (const std::string rank : {"0", "1", "2"}) {
    CHECK(contains(outcome.out, "[" + rank + "] " + rank + "/3 " + rank + "/3 127.0.0.1\n"));
    CHECK(contains(outcome.error, "[" + rank + "] oh\n"));
  }
  CHECK(std::ranges::count(outcome.out, '\n') == 3);
}

TEST_CASE("metrics launch: many short lines are passed on together, and both streams stay in order") {
  constexpr int lines = 30000;
  // The shell's parent is the launcher, whose calls of write the system counts.
  const Outcome outcome = run_cli("launch -n 1 -- sh -c 'seq 1 " + std::to_string(lines) +
                                  "; sleep 0.2; echo oh >&2; sleep 0.2; echo end; sleep 0.2; "
                                  "grep syscw /proc/$PPID/io || echo syscw: 0'");
  CHECK(outcome.exit_code == 0);
  CHECK(std::ranges::count(outcome.out, '\n') == lines + 2);
  CHECK(outcome.out.starts_with("[0] 1\n[0] 2\n"));
  CHECK(contains(outcome.out, "[0] " + std::to_string(lines) + "\n[0] end\n[0] syscw: "));
  CHECK(outcome.error == "[0] oh\n");
  CHECK(std::stoll(outcome.out.substr(outcome.out.rfind(' '))) < lines / 10);
}

TEST_CASE("metrics launch: all ranks meet at one port, the one asked for or a free one") {
  const Outcome asked = run_cli("launch -n 2 --port 34567 -- sh -c 'echo $MASTER_PORT'");
  CHECK(contains(asked.out, "[0] 34567\n"));
  CHECK(contains(asked.out, "[1] 34567\n"));
  const Outcome free = run_cli("launch -n 2 -- sh -c 'echo $MASTER_PORT'");
  const auto port = [&](const std::string& prefix) {
    const size_t at = free.out.find(prefix) + prefix.size();
    return free.out.substr(at, free.out.find('\n', at) - at);
  };
  CHECK(std::stoi(port("[0] ")) > 0);
  CHECK(port("[0] ") == port("[1] "));
}

TEST_CASE("metrics launch: one failure ends all and is named") {
  const Outcome code = run_cli("launch -n 3 -- sh -c 'if [ $RANK = 1 ]; then exit 7; fi; sleep 100'");
  CHECK(code.exit_code == 7);
  CHECK(contains(code.error, "rank 1 exited with code 7"));
  const Outcome killed = run_cli("launch -n 2 -- sh -c 'if [ $RANK = 0 ]; then kill -9 $$; fi; sleep 100'");
  CHECK(killed.exit_code == 137);
  CHECK(contains(killed.error, "rank 0 was ended by signal 9"));
  const Outcome late = run_cli("launch --timeout 0.2 -- sleep 100");
  CHECK(late.exit_code == 124);
  const Outcome absent = run_cli("launch -- /no/such/program");
  CHECK(absent.exit_code == 1);
  CHECK(contains(absent.error, "/no/such/program"));
}

TEST_CASE("metrics launch: the program's own arguments reach it untouched") {
  CHECK(run_cli("launch -- echo -n --help --version -- x").out == "[0] --help --version -- x\n");
  CHECK(run_cli("launch echo a --version").out == "[0] a --version\n");
  CHECK(run_cli("launch echo -- x").out == "[0] -- x\n");
}
