#include "distributed/worker.h"
#include "folder.h"
#include "points.h"
#include "terminal/progress_line.h"
#include "trainer/loggers/event_records.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/trainer/loggers/console.h>
#include <metrics/trainer/loggers/csv.h>
#include <metrics/trainer/loggers/json_lines.h>
#include <metrics/trainer/loggers/progress.h>
#include <metrics/trainer/loggers/tensorboard.h>
#include <metrics/trainer/trainer.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using at::Tensor;
using metrics::Error;
using metrics::InvalidArgument;
using metrics::trainer::ConsoleLogger;
using metrics::trainer::CsvLogger;
using metrics::trainer::JsonLinesLogger;
using metrics::trainer::Logger;
using metrics::trainer::ProgressLogger;
using metrics::trainer::Run;
using metrics::trainer::StageValues;
using metrics::trainer::TensorBoardLogger;
using metrics_test::expect;
using metrics_test::Folder;
using metrics_test::lines_of;
using nlohmann::json;

namespace {

const double no_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// All that the files of a folder hold, by their names.
std::map<std::string, std::string> contents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    all[entry.path().filename()] = bytes_of(entry.path());
  return all;
}

Run at_step(int64_t epoch, int64_t step) {
  Run run;
  run.epoch = epoch;
  run.epochs = 10;
  run.step = step;
  return run;
}

Run with_values(Run run, StageValues values) {
  run.values = std::move(values);
  return run;
}

Tensor number(double value) {
  return at::scalar_tensor(value, at::kDouble);
}

std::vector<std::shared_ptr<Logger>> loggers_of_files(const std::filesystem::path& folder) {
  return {std::make_shared<CsvLogger>(folder), std::make_shared<JsonLinesLogger>(folder),
          std::make_shared<TensorBoardLogger>(folder)};
}

/// What the real tensorboard reads of a folder.
json read_events(const std::filesystem::path& folder) {
  const std::string command = METRICS_PYTHON " " METRICS_SOURCE_DIR "/tests/trainer/read_events.py " + folder.string();
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  char part[4096];
  for (size_t count; (count = std::fread(part, 1, sizeof(part), pipe)) > 0;) text.append(part, count);
  REQUIRE(::pclose(pipe) == 0);
  return json::parse(text);
}

std::vector<int64_t> steps_of(const json& values) {
  std::vector<int64_t> steps;
  for (const json& value : values) steps.push_back(value.at(0));
  return steps;
}

/// Files cannot grow beyond so many bytes: a write fails as on a disk that is full.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// A terminal of which the test sees what is written to it.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    path_ = ::ptsname(master_);
    // Held open, because what a terminal was given is gone when the last that has it open closes it.
    slave_ = ::open(path_.c_str(), O_RDWR | O_NOCTTY);
    REQUIRE(slave_ >= 0);
  }
  ~Terminal() {
    ::close(slave_);
    ::close(master_);
  }
  const std::string& path() const { return path_; }
  std::string shown() {
    std::string text;
    char part[4096];
    for (ssize_t count; (count = ::read(master_, part, sizeof(part))) > 0;)
      text.append(part, static_cast<size_t>(count));
    return text;
  }

 private:
  int master_, slave_ = -1;
  std::string path_;
};

/// Notes what it is called with.
class Recorder : public Logger {
 public:
  std::vector<std::string> calls;

  void begin(const Run& run) override { calls.push_back("begin " + std::to_string(run.epoch)); }
  void progress(const Run& run) override { calls.push_back(run.stage + " " + std::to_string(run.batch)); }
  void epoch(const Run& run, double seconds, bool) override {
    expect(seconds >= 0, "seconds");
    calls.push_back("epoch " + std::to_string(run.epoch) + ", values " + std::to_string(run.values.size()));
  }
  void end(const Run&) override { calls.push_back("end"); }
};

}  // namespace

TEST_CASE("loggers: a folder that cannot be made, a file that cannot be written") {
  const Folder folder;
  std::ofstream(folder.path() / "file") << "a regular file";
  for (const std::filesystem::path& below : {folder.path() / "file" / "below", std::filesystem::path("/dev/full")}) {
    for (const auto& logger : loggers_of_files(below)) {
      CHECK_THROWS_WITH_AS(logger->begin({}),
                           doctest::Contains((below.string() + " cannot be made: Not a directory").c_str()), Error);
    }
  }
  const std::filesystem::path out = folder.path() / "out";
  std::filesystem::create_directory(out);
  for (const char* name : {"values.csv", "values.jsonl"}) std::filesystem::create_symlink("/dev/full", out / name);
  CsvLogger csv(out);
  JsonLinesLogger lines(out);
  for (const Run& run : {at_step(0, 0), at_step(1, 5)}) {
    csv.begin(run);
    lines.begin(run);
    CHECK_THROWS_WITH_AS(csv.epoch(run, 1, false), doctest::Contains("values.csv cannot be written: No space left"),
                         Error);
    CHECK_THROWS_WITH_AS(lines.epoch(run, 1, false), doctest::Contains("values.jsonl cannot be written: No space left"),
                         Error);
  }
  TensorBoardLogger events(folder.path() / "events");
  events.begin({});
  const SmallFiles small(200);
  CHECK_THROWS_WITH_AS(for (int i = 0; i < 20; ++i) events.step(at_step(0, i), {{"train/loss", number(i)}}),
                       doctest::Contains("cannot be written: File too large"), Error);
}

TEST_CASE(
    "loggers: what is no number, no histogram and no image is refused by its name, and the files stay as they were") {
  const Folder folder;
  const auto loggers = loggers_of_files(folder.path());
  for (const auto& logger : loggers) {
    logger->begin({});
    logger->step(at_step(0, 0), {{"train/loss", number(1)}});
  }
  const auto before = contents(folder.path());
  for (const auto& logger : loggers) {
    for (const Tensor& value : {Tensor(), at::ones({2}), at::ones({0}), at::ones({}, at::kComplexFloat)}) {
      CHECK_THROWS_WITH_AS(logger->step(at_step(0, 1), {{"train/loss", number(1)}, {"train/grad", value}}),
                           doctest::Contains("`train/grad`: what is logged for a step is a single real number, got"),
                           InvalidArgument);
    }
  }
  Logger& events = *loggers.back();
  for (const Tensor& values : {Tensor(), at::ones({2}, at::kComplexFloat)})
    CHECK_THROWS_WITH_AS(events.histogram({}, "weights", values),
                         doctest::Contains("`weights`: expected a tensor of real"), InvalidArgument);
  for (const Tensor& pixels : {Tensor(), at::ones({2, 2, 3}), at::ones({2, 2, 4}, at::kByte),
                               at::ones({2, 3}, at::kByte), at::ones({0, 2, 3}, at::kByte)})
    CHECK_THROWS_WITH_AS(events.image({}, "digits", pixels),
                         doctest::Contains("`digits`: expected a picture, uint8 of [H, W, 3]"), InvalidArgument);
  CHECK(contents(folder.path()) == before);
}

TEST_CASE("loggers: no run can go on with files that are none of theirs, and they stay as they are") {
  const Folder folder;
  std::ofstream(folder.path() / "values.csv") << "date,price\n2,3\n";
  std::ofstream(folder.path() / "values.jsonl") << "{\"epoch\": 1}\n[7]\n";
  CsvLogger csv(folder.path());
  CHECK_THROWS_WITH_AS(csv.begin(at_step(1, 5)),
                       doctest::Contains("no table that a run could go on with: its header is date,price"), Error);
  CHECK_THROWS_WITH_AS(JsonLinesLogger(folder.path()).begin(at_step(1, 5)),
                       doctest::Contains("values.jsonl is no file that a run could go on with: line 2"), Error);
  CHECK(bytes_of(folder.path() / "values.csv") == "date,price\n2,3\n");
  CHECK(lines_of(folder.path() / "values.jsonl").size() == 2);
  std::ofstream(folder.path() / "values.csv") << "epoch,a,seconds\n1,2\n";
  CHECK_THROWS_WITH_AS(csv.begin(at_step(1, 5)), doctest::Contains("line 2 is not one of its rows"), Error);
}

TEST_CASE("loggers: tables have a column for each number, wherever it first comes, and numbers come back exactly") {
  const Folder folder;
  CsvLogger csv(folder.path());
  csv.begin({});
  CHECK_FALSE(std::filesystem::exists(folder.path() / "steps.csv"));
  csv.epoch(with_values(at_step(0, 2), {{"train/loss", number(0.1)}, {"train/table", at::ones({2, 2})}}), 1.5, false);
  csv.epoch(
      with_values(at_step(1, 4), {{"train/loss", number(no_number)}, {"a,\"b\"\nc", at::scalar_tensor(7, at::kLong)}}),
      2, true);
  csv.epoch(with_values(at_step(2, 6), {{"train/loss", number(1.0 / 3)}}), 2.25, false);
  CHECK(lines_of(folder.path() / "values.csv") ==
        std::vector<std::string>{"epoch,train/loss,\"a,\"\"b\"\" c\",seconds", "1,0.10000000000000001,,1.500000",
                                 "2,nan,7,2.000000", "3,0.33333333333333331,,2.250000"});

  csv.step(at_step(0, 0), {{"train/loss", number(0.5)}});
  csv.step(at_step(0, 1), {{"train/rate", number(0.25)}, {"train/loss", number(0.125)}});
  csv.step(at_step(1, 2), {{"train/rate", number(infinity)}});
  CHECK(lines_of(folder.path() / "steps.csv") ==
        std::vector<std::string>{"epoch,step,train/loss,train/rate", "1,0,0.5,", "1,1,0.125,0.25", "2,2,,inf"});

  // A run that begins anew has nothing of an earlier one.
  csv.begin({});
  CHECK(bytes_of(folder.path() / "values.csv").empty());
  CHECK_FALSE(std::filesystem::exists(folder.path() / "steps.csv"));
}

TEST_CASE("loggers: JSON lines of epochs, steps and texts") {
  const Folder folder;
  JsonLinesLogger lines(folder.path());
  lines.begin({});
  lines.step(at_step(0, 3), {{"train/loss", number(no_number)}, {"train/count", at::full({1}, 7, at::kLong)}});
  lines.text(at_step(0, 4), "sample", "two\nlines, \"quoted\" and \xff");
  lines.epoch(
      with_values(at_step(0, 4), {{"table", at::arange(4).view({2, 2})}, {"loss", number(0.1)}, {"none", Tensor()}}),
      1.5, true);
  const auto written = lines_of(folder.path() / "values.jsonl");
  REQUIRE(written.size() == 3);
  CHECK(written[0] == R"({"epoch":1,"step":3,"train/loss":null,"train/count":7})");
  CHECK(json::parse(written[1]) ==
        json{{"epoch", 1}, {"step", 4}, {"name", "sample"}, {"text", "two\nlines, \"quoted\" and \xef\xbf\xbd"}});
  CHECK(written[2] == R"({"epoch":1,"table":[[0,1],[2,3]],"loss":0.1,"none":null,"seconds":1.5,"best":true})");
}

TEST_CASE("loggers: a run that goes on goes on with its files") {
  const Folder folder, whole;
  const auto log = [](const std::filesystem::path& out, int64_t from, int64_t epochs, bool cut) {
    CsvLogger csv(out);
    JsonLinesLogger lines(out);
    for (Logger* logger : {static_cast<Logger*>(&csv), static_cast<Logger*>(&lines)}) {
      logger->begin(at_step(from / 4, from));
      for (int64_t step = from + 1; step <= 4 * epochs; ++step) {
        const int64_t epoch = (step - 1) / 4;
        logger->step(at_step(epoch, step), {{"train/loss", number(1.0 / static_cast<double>(step))}});
        if (step % 4 == 1) logger->text(at_step(epoch, step), "note", "step " + std::to_string(step));
        if (step % 4 != 0) continue;
        logger->epoch(with_values(at_step(epoch, step), {{"loss", number(static_cast<double>(step))}}), 1, false);
        logger->text(at_step(epoch, step), "end", "epoch " + std::to_string(epoch));
      }
      if (!cut) logger->end({});
    }
  };
  log(whole.path(), 0, 5, false);
  for (const int64_t resumed :
       {8, 10, 12}) {  // at the beginning of an epoch, within one, and where nothing is too much
    CAPTURE(resumed);
    log(folder.path(), 0, 3, true);
    for (const char* name : {"values.csv", "steps.csv", "values.jsonl"})
      std::ofstream(folder.path() / name, std::ios::app) << "{\"epoch\": 99, \"tr";  // cut off by a kill
    log(folder.path(), resumed, 5, false);
    CHECK(contents(folder.path()) == contents(whole.path()));
  }
  // Nothing to go on with is nothing to go on with.
  const Folder empty;
  log(empty.path(), 8, 3, false);
  CHECK(lines_of(empty.path() / "values.csv").size() == 2);
}

TEST_CASE("loggers: a batch whose gradients wait is part of the step that they wait for") {
  const Folder folder;
  CsvLogger csv(folder.path());
  csv.begin({});
  const metrics::Rows rows;
  Run run = at_step(0, 0);
  run.training = true;
  for (int64_t batch = 0; batch < 4; ++batch) {
    run.rows = &rows;
    run.stepped = batch % 2 == 1;
    run.step += run.stepped ? 1 : 0;
    csv.step(run, {{"loss", number(static_cast<double>(batch))}});
    run.rows = nullptr;
    run.stepped = false;
  }
  run.training = false;
  run.rows = &rows;
  csv.step(run, {{"loss", number(4)}});  // of an evaluation that follows
  CHECK(lines_of(folder.path() / "steps.csv") ==
        std::vector<std::string>{"epoch,step,loss", "1,1,0", "1,1,1", "1,2,2", "1,2,3", "1,2,4"});
}

TEST_CASE("loggers: CRC-32C of known bytes") {
  using metrics::trainer::crc32c;
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283u);
  // RFC 3720, B.4.
  std::string up(32, '\0'), down(32, '\0');
  for (size_t i = 0; i < 32; ++i) {
    up[i] = static_cast<char>(i);
    down[i] = static_cast<char>(31 - i);
  }
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  CHECK(crc32c(up) == 0x46dd794eu);
  CHECK(crc32c(down) == 0x113fdb5cu);
}

TEST_CASE("loggers: the real tensorboard reads all that is written") {
  const Folder folder;
  const std::filesystem::path out = folder.path() / "run";
  TensorBoardLogger events(out);
  events.begin({});
  for (int64_t step = 0; step < 3; ++step)
    events.step(at_step(0, step), {{"train/loss", number(0.1 * static_cast<double>(step + 1))},
                                   {"train/rate", number(step == 1 ? no_number : infinity)}});
  const Tensor table = at::tensor({8, 2, 0, 0, 0, 0, 1, 1, 2}, at::kLong).view({3, 3});
  events.epoch(with_values(at_step(0, 3), {{"validation/accuracy", number(0.5)},
                                           {"validation/confusion", table},
                                           {"validation/classes", at::ones({3})}}),
               1, true);
  events.text(at_step(0, 3), "notes", "**bold**, ünï");
  events.histogram(at_step(0, 3), "weights",
                   at::cat({at::arange(128).to(at::kFloat), at::tensor({no_number, infinity})}));
  events.histogram(at_step(0, 3), "constant", at::full({5}, 2));
  events.histogram(at_step(0, 3), "nothing", at::tensor({no_number}));
  Tensor picture = at::arange(2 * 3 * 3).to(at::kByte).view({2, 3, 3});
  events.image(at_step(0, 3), "picture", picture);
  events.image(at_step(0, 3), "mirrored", picture.transpose(0, 1));

  // What is there before `end`: nothing is kept back.
  const json read = read_events(out);
  events.end({});
  CHECK(read.at("files") == 1);
  CHECK(read.at("scalars").size() == 4);
  const json& losses = read.at("scalars").at("train/loss");
  CHECK(steps_of(losses) == std::vector<int64_t>{0, 1, 2});
  CHECK(std::stof(losses[2][1].get<std::string>()) == 0.3f);
  CHECK(read.at("scalars").at("train/rate") == json{{0, "inf"}, {1, "nan"}, {2, "inf"}});
  CHECK(read.at("scalars").at("validation/accuracy") == json::array({{3, "0.5"}}));
  CHECK(read.at("scalars").at("epoch") == json::array({{3, "1.0"}}));
  CHECK(read.at("plugins") == json{{"notes", "text"}});
  CHECK(read.at("texts").at("notes") == json::array({json{3, {"**bold**, ünï"}}}));

  const json& weights = read.at("histograms").at("weights")[0][1];
  CHECK(weights.at("min") == 0);
  CHECK(weights.at("max") == 127);
  CHECK(weights.at("num") == 128);
  CHECK(weights.at("sum") == 127 * 64);
  CHECK(weights.at("sum_squares") == 127 * 128 * 255 / 6);
  CHECK(weights.at("bucket") == json(std::vector<double>(64, 2)));
  CHECK(weights.at("bucket_limit").size() == 64);
  CHECK(weights.at("bucket_limit").back() == 127);
  const json& constant = read.at("histograms").at("constant")[0][1];
  CHECK(constant.at("bucket_limit") == json::array({2}));
  CHECK(constant.at("bucket") == json::array({5}));
  CHECK(read.at("histograms").at("nothing")[0][1].at("num") == 0);

  const json& pixels = read.at("images").at("picture")[0][1];
  CHECK(pixels.at("width") == 3);
  CHECK(pixels.at("height") == 2);
  CHECK(pixels.at("pixels") == json(std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}));
  CHECK(read.at("images").at("mirrored")[0][1].at("pixels") ==
        json(std::vector<int>{0, 1, 2, 9, 10, 11, 3, 4, 5, 12, 13, 14, 6, 7, 8, 15, 16, 17}));
  CHECK(read.at("images").size() == 3);
}

TEST_CASE("loggers: a confusion matrix is a picture, its rows the truth") {
  const Folder folder;
  TensorBoardLogger events(folder.path());
  events.begin({});
  const Tensor table = at::tensor({8, 2, 0, 0, 0, 0, 1, 1, 2}, at::kLong).view({3, 3});
  events.epoch(with_values(at_step(0, 3), {{"small", table},
                                           {"shares", table.to(at::kDouble) / 100},
                                           {"large", at::eye(200)},
                                           {"too large", at::eye(1025)},
                                           {"a number", at::ones({1, 1})}}),
               1, true);
  const json read = read_events(folder.path());
  const json& images = read.at("images");
  REQUIRE(images.size() == 3);
  const json& small = images.at("small")[0][1];
  // Cells of 32 dots, a grid of one, and at the left and above the numbers.
  const int64_t side = small.at("width"), margin = side - 3 * 32 - 1;
  CHECK(small.at("height") == side);
  CHECK(margin > 0);
  const std::vector<int> pixels = small.at("pixels");
  const auto at = [&](int64_t y, int64_t x) {
    const auto begin = static_cast<size_t>(3 * (y * side + x));
    return std::vector<int>(pixels.begin() + static_cast<std::ptrdiff_t>(begin),
                            pixels.begin() + static_cast<std::ptrdiff_t>(begin + 3));
  };
  const auto cell = [&](int64_t truth, int64_t pred) { return at(margin + 32 * truth + 16, margin + 32 * pred + 16); };
  // From white to (8, 48, 107) by the share of the row.
  const auto colour = [](double share) {
    std::vector<int> shade;
    for (const double full : {8.0, 48.0, 107.0}) shade.push_back(static_cast<int>(255 + share * (full - 255) + 0.5));
    return shade;
  };
  CHECK(cell(0, 0) == colour(0.8));
  CHECK(cell(0, 1) == colour(0.2));
  CHECK(cell(0, 2) == colour(0));
  for (int64_t pred = 0; pred < 3; ++pred) CHECK(cell(1, pred) == colour(0));
  CHECK(cell(2, 0) == colour(0.25));
  CHECK(cell(2, 2) == colour(0.5));
  // Each class has its number, and they differ: black dots at the left of its row.
  std::vector<std::vector<int>> numbers;
  for (int64_t truth = 0; truth < 3; ++truth) {
    std::vector<int> black;
    for (int64_t y = 0; y < 32; ++y)
      for (int64_t x = 0; x < margin; ++x)
        if (at(margin + 32 * truth + y, x) == std::vector<int>{0, 0, 0})
          black.push_back(static_cast<int>(y * margin + x));
    CHECK_FALSE(black.empty());
    numbers.push_back(black);
  }
  CHECK(numbers[0] != numbers[1]);
  CHECK(numbers[1] != numbers[2]);
  CHECK(images.at("shares")[0][1].at("pixels") == small.at("pixels"));
  CHECK(images.at("large")[0][1].at("width") == 200 * 5 + 1);
}

TEST_CASE("loggers: TensorBoard forgets what a run that goes on, or begins again, makes anew") {
  const Folder folder;
  TensorBoardLogger events(folder.path());
  const auto log = [&](int64_t from, int64_t to, double value) {
    events.begin(at_step(from / 4, from));
    for (int64_t step = from + 1; step <= to; ++step) {
      const int64_t epoch = (step - 1) / 4;
      events.step(at_step(epoch, step), {{"loss", number(value)}});
      if (step % 4 == 0) events.epoch(with_values(at_step(epoch, step), {{"accuracy", number(value)}}), 1, false);
    }
  };
  log(0, 11, 1);
  // The last event is cut off, as by a kill in the midst of a write.
  const auto first = std::filesystem::directory_iterator(folder.path())->path();
  std::filesystem::resize_file(first, std::filesystem::file_size(first) - 5);
  log(8, 12, 2);
  json read = read_events(folder.path());
  CHECK(read.at("files") == 2);
  json expected = json::array(), epochs = json::array();
  for (int i = 1; i <= 12; ++i) expected.push_back({i, i <= 8 ? "1.0" : "2.0"});
  for (int i : {4, 8, 12}) epochs.push_back({i, i <= 8 ? "1.0" : "2.0"});
  CHECK(read.at("scalars").at("loss") == expected);
  CHECK(read.at("scalars").at("accuracy") == epochs);
  log(0, 2, 3);
  read = read_events(folder.path());
  CHECK(read.at("scalars").at("loss") == json{{1, "3.0"}, {2, "3.0"}});
}

// Logs steps until it is killed at some moment, and notes each that was logged.
WORKER(logs_until_killed) {
  const std::filesystem::path folder = std::getenv("FOLDER");
  const auto loggers = loggers_of_files(folder / "run");
  for (const auto& logger : loggers) logger->begin({});
  const int noted = ::open((folder / "noted").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  std::atomic<int64_t> step = 0;
  const std::jthread killer([&] {
    while (step < 300) std::this_thread::yield();
    ::kill(::getpid(), SIGKILL);
  });
  for (;; ++step) {
    for (const auto& logger : loggers) logger->step(at_step(0, step), {{"loss", number(static_cast<double>(step))}});
    const int64_t done = step;
    expect(::pwrite(noted, &done, sizeof(done), 0) == sizeof(done), "a note");
  }
}

TEST_CASE("loggers: a kill loses at most the step that was under way") {
  const Folder folder;
  const auto result = metrics_test::run_workers("logs_until_killed", 1, {{"FOLDER", folder.path()}});
  metrics_test::check_survived(result, {0});
  int64_t last = -1;
  const std::string noted = bytes_of(folder.path() / "noted");
  REQUIRE(noted.size() == sizeof(last));
  std::memcpy(&last, noted.data(), sizeof(last));
  REQUIRE(last >= 299);
  const std::filesystem::path out = folder.path() / "run";
  for (const char* name : {"steps.csv", "values.jsonl"}) {
    CAPTURE(name);
    // The header of the table is a line, too; the last one may be cut off.
    const std::string content = bytes_of(out / name);
    const auto whole = std::count(content.begin(), content.end(), '\n') - (name == std::string("steps.csv"));
    CHECK(whole >= last + 1);
    CHECK(whole <= last + 2);
  }
  const auto copied = folder.path() / "events";
  std::filesystem::create_directory(copied);
  for (const auto& entry : std::filesystem::directory_iterator(out))
    if (entry.path().filename().string().starts_with("events.out.tfevents."))
      std::filesystem::copy(entry.path(), copied);
  const std::vector<int64_t> steps = steps_of(read_events(copied).at("scalars").at("loss"));
  CHECK(static_cast<int64_t>(steps.size()) >= last + 1);
  for (size_t i = 0; i < steps.size(); ++i) CHECK(steps[i] == static_cast<int64_t>(i));
}

TEST_CASE("loggers: how far something has come, as text") {
  using metrics::terminal::text_of;
  CHECK(text_of({.done = 7}) == "7");
  CHECK(text_of({.done = 7, .unit = "rows"}) == "7 rows");
  CHECK(text_of({.done = 0, .of = 0}) == "[                        ] 0/0");
  CHECK(text_of({.done = 6, .of = 12, .unit = "rows"}) == "[============            ] 6/12 rows");
  CHECK(text_of({.done = 6, .of = 12, .per_second = 0.5}) == "[============            ] 6/12  0.5/s  0:12 left");
  CHECK(text_of({.done = 6, .of = 12, .per_second = 0}) == "[============            ] 6/12");
  CHECK(text_of({.done = 20, .of = 12, .per_second = 1234567}) ==
        "[========================] 20/12  1234567/s  0:00 left");
  CHECK(text_of({.done = 0, .of = 7200, .per_second = 1}) == "[                        ] 0/7200  1/s  2:00:00 left");
  CHECK(text_of({.done = 0, .of = 725, .per_second = 99.94}) == "[                        ] 0/725  99.9/s  0:08 left");
  CHECK(text_of({.done = 5, .per_second = 12.34}) == "5  12.3/s");
}

TEST_CASE("loggers: progress is drawn on a terminal with its rate, made room for what is printed, and nowhere else") {
  Terminal terminal;
  std::ostringstream console;
  {
    ProgressLogger progress(terminal.path());
    Run run = at_step(1, 0);
    run.stage = "train";
    run.batches = 4;
    run.loss = at::full({2}, 0.25);
    progress.progress(run);
    CHECK(terminal.shown() == "\repoch 2/10 train [======                  ] 1/4  loss 0.25\x1b[K");
    run.batch = 1;
    progress.progress(run);
    CHECK(terminal.shown().empty());  // it has only just been drawn
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    run.batch = 2;
    progress.progress(run);
    const std::string shown = terminal.shown();
    CHECK(shown.starts_with("\repoch 2/10 train [==================      ] 3/4  "));
    CHECK(shown.find("/s  0:01 left  loss 0.25") != std::string::npos);
    progress.epoch(run, 1, false);
    CHECK(terminal.shown() == "\r\x1b[K");
    // Another stage, of which nobody knows how long it is.
    run.stage = "validation";
    run.batch = 0;
    run.batches.reset();
    run.loss = Tensor();
    progress.progress(run);
    CHECK(terminal.shown() == "\repoch 2/10 validation 1\x1b[K");
  }
  CHECK(terminal.shown() == "\r\x1b[K");
  const Folder folder;
  std::ofstream(folder.path() / "file") << "";
  ProgressLogger nowhere(folder.path() / "file"), missing(folder.path() / "missing");
  for (ProgressLogger* logger : {&nowhere, &missing}) logger->progress(at_step(0, 0));
  CHECK(bytes_of(folder.path() / "file").empty());
}

TEST_CASE("loggers: the trainer calls those that it is given, and a null one is refused") {
  torch::nn::Linear net(1, 1);
  torch::optim::SGD optimizer(net->parameters(), 0.5);
  metrics::trainer::Options options{.epochs = 2, .console = nullptr};
  options.loggers = {nullptr};
  CHECK_THROWS_WITH_AS(metrics::trainer::Trainer(net, optimizer, options),
                       doctest::Contains("loggers: one of them is null"), InvalidArgument);
  const auto recorder = std::make_shared<Recorder>();
  options.loggers = {recorder};
  metrics::trainer::Trainer trainer(net, optimizer, options);
  std::vector<Tensor> batches{at::ones({2, 1}), at::ones({2, 1})};
  trainer.fit(metrics::trainer::Stage(
      "train", batches,
      [](auto& model, const Tensor& batch) -> metrics::trainer::Result { return {model.forward(batch).mean()}; }));
  CHECK(recorder->calls == std::vector<std::string>{"begin 0", "train 0", "train 1", "epoch 0, values 1", "train 0",
                                                    "train 1", "epoch 1, values 1", "end"});
}
