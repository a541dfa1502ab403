#include <metrics/core/errors.h>
#include <metrics/training/miners.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::training::AllTripletsMiner;
using metrics::training::HardClusterMiner;
using metrics::training::HardRange;
using metrics::training::HardTripletsMiner;
using metrics::training::MinedTriplets;
using metrics::training::Miner;
using metrics::training::MinerWithBank;
using metrics::training::NHardTripletsMiner;
using nlohmann::json;

namespace {

using Triplet = std::vector<int64_t>;

std::vector<json> rows_of_python() {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/triplets.jsonl");
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  REQUIRE(rows.size() > 40);
  return rows;
}

Tensor labels_in(const json& row) {
  return at::tensor(row.at("labels").get<std::vector<int64_t>>());
}

Tensor embeddings_in(const json& row) {
  std::vector<float> numbers;
  for (const auto& vector : row.at("embeddings"))
    for (const auto& number : vector) numbers.push_back(number.get<float>());
  return at::tensor(numbers).view({static_cast<int64_t>(row.at("embeddings").size()), -1});
}

std::multiset<Triplet> triplets_of(const MinedTriplets& mined) {
  std::multiset<Triplet> triplets;
  for (int64_t i = 0; i < mined.size(); ++i) {
    triplets.insert(
        {mined.anchors[i].item<int64_t>(), mined.positives[i].item<int64_t>(), mined.negatives[i].item<int64_t>()});
  }
  return triplets;
}

std::multiset<Triplet> triplets_in(const json& row) {
  const auto triplets = row.at("triplets").get<std::vector<Triplet>>();
  return {triplets.begin(), triplets.end()};
}

HardRange range_in(const json& row, const char* name) {
  return {row.at(name).at(0).get<int64_t>(), row.at(name).at(1).get<int64_t>()};
}

NHardTripletsMiner n_hard_in(const json& row) {
  return NHardTripletsMiner({range_in(row, "n_positive"), range_in(row, "n_negative")});
}

/// Python's rows of a cluster miner name labels; here they are rows of the vectors.
std::multiset<Triplet> clusters_in(const json& row) {
  const auto labels = row.at("labels").get<std::vector<int64_t>>();
  const std::vector<int64_t> names = [&] {
    const std::set<int64_t> different(labels.begin(), labels.end());
    return std::vector<int64_t>(different.begin(), different.end());
  }();
  const auto number = [&](int64_t label) { return std::find(names.begin(), names.end(), label) - names.begin(); };
  std::vector<std::pair<int64_t, int64_t>> grouped;  // label and row
  for (std::size_t i = 0; i < labels.size(); ++i) grouped.emplace_back(labels[i], static_cast<int64_t>(i));
  std::sort(grouped.begin(), grouped.end());
  std::multiset<Triplet> triplets;
  for (const auto& triplet : row.at("triplets")) {
    const auto row_of_positive = triplet.at(1).get<int64_t>();
    const auto place =
        std::find_if(grouped.begin(), grouped.end(), [&](const auto& one) { return one.second == row_of_positive; });
    triplets.insert(
        {number(triplet.at(0)), static_cast<int64_t>(names.size()) + (place - grouped.begin()), number(triplet.at(2))});
  }
  return triplets;
}

template <class Call>
std::string refusal_of(const Call& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "not refused";
}

bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

Tensor longs(const std::vector<int64_t>& numbers) {
  return at::tensor(numbers);
}

Tensor some_embeddings(int64_t rows, int64_t columns = 3) {
  return at::arange(rows * columns).to(at::kDouble).add(0.3).square().sin().to(at::kFloat).view({rows, columns});
}

}  // namespace

TEST_CASE("miners: batches without triplets, other shapes and dtypes, and what is not finite are refused by name") {
  const std::vector<std::pair<std::string, Miner>> miners{{"all", AllTripletsMiner()},
                                                          {"hard", HardTripletsMiner()},
                                                          {"n-hard", NHardTripletsMiner()},
                                                          {"cluster", HardClusterMiner()}};
  for (const auto& [name, miner] : miners) {
    CAPTURE(name);
    const auto refused = [&, &mine = miner](const Tensor& embeddings, const Tensor& labels, const std::string& part) {
      contains(refusal_of([&] { mine(embeddings, labels); }), part);
    };
    const Tensor four = some_embeddings(4);
    refused(four, longs({5, 5, 5, 5}), "labels: expected two different ones at least, all are 5");
    refused(four, longs({5, 5, 5, -2}), "labels: expected two samples of each at least, there is one of label -2");
    refused(four, longs({1, 1, 2}), "labels: expected [4], one for each embedding, got [3]");
    refused(four, longs({1, 1, 2, 2}).view({4, 1}), "got [4, 1]");
    refused(four, at::ones({4}), "labels: expected integers, got Float");
    refused(four, Tensor(), "`labels`");
    refused(Tensor(), longs({1, 1, 2, 2}), "`embeddings`");
    refused(four[0], longs({1, 1, 2}), "embeddings: expected [N, D] with a row and a column at least, got [3]");
    refused(at::empty({0, 3}), at::empty({0}, at::kLong), "got [0, 3]");
    refused(at::empty({4, 0}), longs({1, 1, 2, 2}), "got [4, 0]");
    refused(at::ones({4, 3}, at::kLong), longs({1, 1, 2, 2}), "embeddings: expected floating numbers, got Long");
    for (const double number : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      Tensor broken = four.clone();
      broken[2][1] = number;
      refused(broken, longs({1, 1, 2, 2}), "embeddings: expected finite numbers, got NaN or infinity in row 2");
    }
  }
  contains(refusal_of([] {
             HardClusterMiner()(some_embeddings(5), longs({3, 3, 8, 8, 8}));
           }),
           "labels: expected as many samples of each, got 2 of label 3 and 3 of label 8");
}

TEST_CASE("miners: options that cannot be are refused") {
  contains(refusal_of([] { AllTripletsMiner({.max_output_triplets = 0}); }),
           "max_output_triplets: expected at least 1");
  contains(refusal_of([] { NHardTripletsMiner({.n_positive = 0}); }), "n_positive: expected numbers from 1 on");
  contains(refusal_of([] { NHardTripletsMiner({.n_negative = {0, 2}}); }), "n_negative: expected numbers from 1 on");
  contains(refusal_of([] { NHardTripletsMiner({.n_negative = {3, 2}}); }), "got 3 to 2");
  contains(refusal_of([] { MinerWithBank(0, NHardTripletsMiner()); }), "bank_size_in_batches: expected at least 1");
  contains(refusal_of([] {
             NHardTripletsMiner({.n_positive = {2, 3}})(some_embeddings(5), longs({0, 0, 0, 1, 1}));
           }),
           "n_positive: the range begins at 2, but anchor 3 has 1 positives");
  contains(refusal_of([] {
             NHardTripletsMiner({.n_negative = {3, 3}})(some_embeddings(5), longs({0, 0, 0, 1, 1}));
           }),
           "n_negative: the range begins at 3, but anchor 0 has 2 negatives");
}

TEST_CASE("miners: the triplets are those of Python's, whatever their order") {
  int compared = 0;
  for (const json& row : rows_of_python()) {
    const std::string kind = row.at("miner");
    if (kind != "all" && kind != "hard" && kind != "n_hard" && kind != "cluster") continue;
    const std::string batch = row.at("batch");
    CAPTURE(kind);
    CAPTURE(batch);
    const Tensor embeddings = embeddings_in(row), labels = labels_in(row);
    ++compared;
    if (kind == "cluster") {
      CHECK(triplets_of(HardClusterMiner()(embeddings, labels)) == clusters_in(row));
      continue;
    }
    const Miner miner = kind == "all"    ? Miner(AllTripletsMiner())
                        : kind == "hard" ? Miner(HardTripletsMiner())
                                         : Miner(n_hard_in(row));
    const auto expected = triplets_in(row);
    CHECK(triplets_of(miner(embeddings, labels)) == expected);
    // Whatever the dtypes.
    CHECK(triplets_of(miner(embeddings.to(at::kDouble), labels.to(at::kShort))) == expected);
    CHECK(miner(embeddings, labels).vectors.is_same(embeddings));
  }
  CHECK(compared > 30);
}

TEST_CASE("miners: triplets that are drawn are different ones of all, others with each call") {
  const Tensor labels = longs({0, 0, 0, 1, 1, 1, 1, 2, 2}), embeddings = some_embeddings(9);
  const auto all = triplets_of(AllTripletsMiner()(embeddings, labels));
  REQUIRE(all.size() == 3 * 2 * 6 + 4 * 3 * 5 + 2 * 1 * 7);
  for (const int64_t count : {1, 5, 60, 109, 110, 1000}) {
    AllTripletsMiner miner({.max_output_triplets = count, .seed = 3});
    const auto first = triplets_of(miner(embeddings, labels)), second = triplets_of(miner(embeddings, labels));
    CHECK(first.size() == std::min<std::size_t>(static_cast<std::size_t>(count), all.size()));
    for (const auto& triplet : first) {
      CHECK(first.count(triplet) == 1);
      CHECK(all.count(triplet) == 1);
    }
    CHECK((first == second) == (static_cast<std::size_t>(count) >= all.size()));
    AllTripletsMiner again({.max_output_triplets = count, .seed = 3});
    CHECK(triplets_of(again(embeddings, labels)) == first);
  }
  // Each triplet comes as often as any other.
  std::map<Triplet, int> drawn;
  AllTripletsMiner miner({.max_output_triplets = 22});
  constexpr int calls = 2000;
  for (int i = 0; i < calls; ++i)
    for (const auto& triplet : triplets_of(miner(embeddings, labels))) ++drawn[triplet];
  CHECK(drawn.size() == all.size());
  const double expected = calls * 22.0 / static_cast<double>(all.size());
  for (const auto& [triplet, times] : drawn) CHECK(std::abs(times - expected) < 6 * std::sqrt(expected));
}

TEST_CASE("miners: an anchor is never its own positive, and blocks of rows change nothing") {
  const Tensor equal = at::ones({6, 2}), labels = longs({0, 1, 0, 1, 0, 1});
  for (const Miner& miner : {Miner(HardTripletsMiner()), Miner(NHardTripletsMiner({2, 3}))}) {
    for (const auto& triplet : triplets_of(miner(equal, labels))) {
      CHECK(triplet[0] != triplet[1]);
      CHECK(triplet[0] % 2 == triplet[1] % 2);
      CHECK(triplet[0] % 2 != triplet[2] % 2);
    }
  }
  // More distances than exist at once: the rows beyond the first block are as good as those in it.
  const Tensor many = some_embeddings(4200), of_many = at::arange(4200).remainder(3);
  const MinedTriplets mined = HardTripletsMiner()(many, of_many);
  const Tensor few = at::arange(4100, 4110);
  const Tensor distances = at::cdist(many.index_select(0, few).to(at::kDouble), many.to(at::kDouble), 2, 2);
  const Tensor same = of_many.index_select(0, few).unsqueeze(1) == of_many.unsqueeze(0);
  Tensor positive = distances.masked_fill(~same, -1);
  const auto at_rows = [&](const Tensor& columns) {
    return distances.gather(1, columns.index_select(0, few).unsqueeze(1)).squeeze(1);
  };
  CHECK(at::allclose(at_rows(mined.positives), std::get<0>(positive.max(1)), 1e-9, 1e-7));
  CHECK(at::allclose(at_rows(mined.negatives), std::get<0>(distances.masked_fill(same, 1e9).min(1)), 1e-9, 1e-7));
}

TEST_CASE("miners: the hardest are those of distances in float64, the first of equal ones") {
  const Tensor drawn = some_embeddings(61, 19), labels = at::arange(61).remainder(5);
  const std::vector<std::pair<const char*, Tensor>> kinds{
      {"drawn", drawn},
      {"rounded", drawn.mul(2).round()},
      {"alike", at::ones({61, 19})},
      {"near a point far off", drawn.mul(1e-3).add(4096)},
      {"one far off", at::cat({at::full({1, 19}, 1e5), drawn.slice(0, 1)})},
      {"half", drawn.to(at::kHalf)},
      {"small", drawn.mul(1e-18)},
      {"large", drawn.mul(1e17)},
      {"too small for squares in float32", drawn.mul(1e-30)},
      {"too large for squares in float32", drawn.mul(1e25)},
  };
  for (const auto& [what, embeddings] : kinds) {
    CAPTURE(what);
    const MinedTriplets mined = HardTripletsMiner()(embeddings, labels);
    const Tensor wide = embeddings.to(at::kDouble);
    const Tensor squares = (wide.unsqueeze(1) - wide.unsqueeze(0)).square().sum(2);
    const Tensor same = labels.unsqueeze(1) == labels.unsqueeze(0);
    const Tensor positive = squares.masked_fill(~same, -1).fill_diagonal_(-1),
                 negative = squares.masked_fill(same, 1e99);
    const auto at_columns = [&](const Tensor& columns) { return squares.gather(1, columns.unsqueeze(1)).squeeze(1); };
    CHECK(at::allclose(at_columns(mined.positives), std::get<0>(positive.max(1)), 1e-9, 0));
    CHECK(at::allclose(at_columns(mined.negatives), std::get<0>(negative.min(1)), 1e-9, 0));
    CHECK(at::equal(labels.index_select(0, mined.positives), labels));
  }
  const MinedTriplets equal = HardTripletsMiner()(at::ones({6, 2}), longs({0, 1, 0, 1, 0, 1}));
  CHECK(at::equal(equal.positives, longs({2, 3, 0, 1, 0, 1})));
  CHECK(at::equal(equal.negatives, longs({1, 0, 1, 0, 1, 0})));
}

TEST_CASE("miners: gradients of a cluster miner go through the means") {
  const Tensor embeddings = some_embeddings(6).requires_grad_();
  const MinedTriplets mined = HardClusterMiner()(embeddings, longs({0, 0, 1, 1, 2, 2}));
  mined.vectors.index_select(0, mined.anchors).sum().backward();
  CHECK(at::allclose(embeddings.grad(), at::full({6, 3}, 0.5)));
}

TEST_CASE("miners: a bank picks and tells what Python's does, batch after batch") {
  int banks = 0;
  for (const json& row : rows_of_python()) {
    if (row.at("miner") != "bank") continue;
    ++banks;
    MinerWithBank bank(row.at("bank_size_in_batches"), n_hard_in(row));
    for (const int round : {0, 1}) {
      CAPTURE(round);
      for (const json& step : row.at("steps")) {
        const MinedTriplets mined = bank(embeddings_in(step), labels_in(step));
        CHECK(triplets_of(mined) == triplets_in(step));
        CHECK(mined.logs.size() == 4);
        for (const auto& [name, value] : mined.logs)
          CHECK(value == doctest::Approx(step.at("logs").at(name).get<double>()).epsilon(1e-9));
      }
      CHECK(bank.full());
      bank.reset();
      CHECK(!bank.full());
    }
  }
  CHECK(banks == 3);
}

TEST_CASE("miners: a bank keeps the newest rows, whatever the sizes of batches") {
  MinerWithBank bank(2, NHardTripletsMiner({1, 100}));
  const auto batch = [](double first, int64_t rows) {
    return at::arange(rows).to(at::kDouble).add(first).unsqueeze(1);
  };
  const auto held = [&](const MinedTriplets& mined, int64_t own) {
    const Tensor rows = mined.vectors.slice(0, own).flatten();
    return std::multiset<double>(rows.const_data_ptr<double>(), rows.const_data_ptr<double>() + rows.numel());
  };
  CHECK(bank(batch(0, 4), longs({0, 0, 1, 1})).vectors.size(0) == 4);
  CHECK(!bank.full());
  CHECK(bank(batch(10, 6), longs({0, 0, 1, 1, 1, 1})).vectors.size(0) == 6);
  CHECK(bank.full());
  CHECK(held(bank(batch(20, 4), longs({0, 0, 1, 1})), 4) == std::multiset<double>{2, 3, 10, 11, 12, 13, 14, 15});
  CHECK(held(bank(batch(30, 10), longs({0, 0, 1, 1, 0, 0, 1, 1, 0, 1})), 10) ==
        std::multiset<double>{12, 13, 14, 15, 20, 21, 22, 23});
  CHECK(held(bank(batch(50, 2), longs({0, 1})), 2) == std::multiset<double>{32, 33, 34, 35, 36, 37, 38, 39});
}

TEST_CASE("miners: a bank that refuses a batch is as it was, and holds no gradients") {
  MinerWithBank bank(1, NHardTripletsMiner());
  const Tensor labels = longs({0, 0, 1, 1});
  bank(some_embeddings(4).requires_grad_(), labels);
  CHECK(bank.full());
  const auto refused = [&](const Tensor& embeddings, const Tensor& of_rows, const std::string& part) {
    contains(refusal_of([&] { bank(embeddings, of_rows); }), part);
  };
  refused(some_embeddings(4, 2), labels,
          "embeddings: expected Float of width 3 on cpu as in the bank, got Float of width 2");
  refused(some_embeddings(4).to(at::kDouble), labels, "got Double of width 3");
  refused(some_embeddings(4) / 0, labels, "expected finite numbers");
  refused(some_embeddings(4), longs({0, 0, 1, 7}), "n_positive: the range begins at 1, but anchor 3 has 0 positives");
  const Tensor batch = some_embeddings(4).add(1).requires_grad_();
  const MinedTriplets mined = bank(batch, labels);
  CHECK(at::equal(mined.vectors.slice(0, 4), some_embeddings(4)));
  mined.vectors.sum().backward();
  CHECK(at::equal(batch.grad(), at::ones({4, 3})));
}
